//! Everyone's best mode for the server, paid at cost.

use crate::error::Result;
use crate::market::Market;
use crate::money::Credits;
use crate::outcome::{Decision, Outcome};
use crate::personal::branch;
use crate::personal::exact::{climb, enumerate};
use crate::personal::search::search;
use crate::personal::solution::{Options, Solution};
use crate::rule::{Facts, Guarantee, Mechanism, Private};

/// Markets of so many clients are enumerated whatever the objective is: a search tree costs more than trying all of so few.
const FEW: usize = 6;
/// The same for an objective that nothing is known about beyond its values: 531,441 allocations.
const FEW_UNKNOWN: usize = 12;

/// The cheapest modes at the market's costs.
///
/// For an objective of one's own nothing bounds what a set of participants may be worth. Up to 12 clients are enumerated; beyond, what is
/// returned is the best that single changes lead to, with a lower bound of 0.
pub fn solve(market: &Market, options: Options) -> Solution {
    if market.len() <= FEW {
        return enumerate(market);
    }
    search_tree(market, options).unwrap_or_else(|| match market.len() {
        ..=FEW_UNKNOWN => enumerate(market),
        _ => climb(market),
    })
}

/// The search that is made for the market's objective, even where enumeration is quicker; `None` for an objective of one's own.
pub(crate) fn search_tree(market: &Market, options: Options) -> Option<Solution> {
    if let Some(forecast) = market.forecast() {
        return Some(branch::search(market, forecast, options));
    }
    market.bound().map(|bound| search(market, bound, options))
}

/// Everyone's best mode for the server, paid at cost. The outcome's `exact` says whether the search was carried to the end;
/// its lower bound is certified either way.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn offers(market: &Market, options: Options) -> Result<Outcome> {
    let solution = solve(market, options);
    let payments: Vec<Credits> =
        solution.modes.iter().zip(market.costs()).map(|(&mode, costs)| costs.of(mode)).collect();
    let decision = Decision::new(solution.modes, payments);
    market.outcome(if solution.exact { decision } else { decision.bounded(solution.lower_bound, false)? })
}

/// [`offers`] as a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PersonalOffers(
    /// How hard to try.
    pub Options,
);

impl Mechanism for PersonalOffers {
    fn name(&self) -> &'static str {
        "personal offers"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::Nothing,
            information: "costs are known to the server; measured: samples, skew, batch, theta",
            guarantees: vec![Guarantee::IndividualRationality],
            source: "perfect price discrimination: no mechanism that nobody loses by is cheaper",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        offers(market, self.0)
    }
}
