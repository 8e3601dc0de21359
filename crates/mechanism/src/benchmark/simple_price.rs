//! Best single prices that ignore generation, or quality.

use crate::benchmark::known::known_costs;
use crate::error::Result;
use crate::market::Market;
use crate::mode::PerMode;
use crate::outcome::{Decision, Outcome};
use crate::posted;
use crate::rule::{Facts, Mechanism, PROHIBITIVE};

/// The market where generating is out of the question.
///
/// # Errors
/// None that can be met.
pub(crate) fn without_generation(market: &Market) -> Result<Market> {
    market.with_costs(market.costs().iter().map(|costs| PerMode { augmented: PROHIBITIVE, ..*costs }).collect())
}

/// The best uniform price where nobody can generate data: what federated learning pays without a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoGeneration;

impl Mechanism for NoGeneration {
    fn name(&self) -> &'static str {
        "price without generation"
    }

    fn facts(&self) -> Facts {
        known_costs("the uniform price, with local mode only")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        posted::complete(&without_generation(market)?)
    }
}

/// A price per sample instead of per effective sample, chosen as if nobody's data were skewed. Nobody is paid for quality, so nobody generates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QualityBlind;

impl Mechanism for QualityBlind {
    fn name(&self) -> &'static str {
        "price blind to quality"
    }

    fn facts(&self) -> Facts {
        known_costs("a price per sample, whatever its labels")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        let believed = posted::complete(&without_generation(&market.blind_to_skew())?)?;
        let payments: Vec<_> = believed.awards.iter().map(|award| award.payment).collect();
        market.outcome(Decision::new(believed.modes(), payments).at(believed.price))
    }
}
