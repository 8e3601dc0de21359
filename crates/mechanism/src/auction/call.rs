//! An auction as it is called: bids, a rule, and what the rule still promises.

use crate::auction::{BudgetFeasible, Optimal, Vcg, VirtualCosts};
use crate::error::Result;
use crate::market::Market;
use crate::money::Credits;
use crate::outcome::Outcome;
use crate::personal::Options;
use crate::prior::Prior;
use crate::rule::{Facts, Guarantee, Mechanism};

/// How winners and payments are decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// [`Vcg`].
    Vcg,
    /// [`Optimal`] for this prior, or for the bids themselves.
    Optimal(Option<Prior>),
    /// [`BudgetFeasible`] within so many credits.
    Budget(Credits),
}

/// What came of an auction.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Modes and payments.
    pub outcome: Outcome,
    /// What the rule assumes and what it promises for these bids.
    pub facts: Facts,
    /// Whether virtual costs had to be ironed, under the optimal auction.
    pub ironed: Option<bool>,
}

impl Call {
    /// Holds the auction over the costs of `market`. Where the bids themselves serve as the prior a bid moves the payments,
    /// and nothing but individual rationality is promised.
    ///
    /// # Errors
    /// A prior that the rule cannot use; money that overflows.
    pub fn hold(self, market: &Market, options: Options) -> Result<Held> {
        let (mut ironed, mut from_bids) = (None, false);
        let mechanism: Box<dyn Mechanism> = match self {
            Call::Vcg => Box::new(Vcg { options }),
            Call::Budget(budget) => Box::new(BudgetFeasible { budget }),
            Call::Optimal(prior) => {
                from_bids = prior.is_none();
                let prior = VirtualCosts::new(&prior.unwrap_or_else(|| Prior::of(market.population())))?;
                ironed = Some(prior.ironed());
                Box::new(Optimal { prior, options })
            }
        };
        let mut facts = mechanism.facts();
        facts.guarantees.retain(|guarantee| !from_bids || *guarantee == Guarantee::IndividualRationality);
        Ok(Held { outcome: mechanism.run(market)?, facts, ironed })
    }
}
