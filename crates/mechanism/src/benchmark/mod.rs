//! Mechanisms to compare with: each leaves out one thing that the others use. The seventh, [`crate::posted::FixedPrice`], is a rule of
//! its own.

mod selection;
mod simple_price;

use crate::error::Result;
use crate::market::Market;
use crate::money::Price;
use crate::posted::{self, FixedPrice};
use crate::rule::{Facts, Guarantee, Mechanism, Private};

pub use selection::{EveryoneAtCost, EveryoneAugmented, RandomParticipants, TopK};
pub use simple_price::{NoGeneration, QualityBlind};

/// What someone with full information pays, and what nothing is promised about beyond.
fn known_costs(source: &'static str) -> Facts {
    Facts {
        private: Private::Nothing,
        information: "costs are known to the server; measured: samples, skew, batch, theta",
        guarantees: vec![Guarantee::IndividualRationality],
        source,
    }
}

/// All seven with natural parameters for a market.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn all(market: &Market, seed: u64) -> Result<Vec<Box<dyn Mechanism>>> {
    Ok(vec![
        Box::new(NoGeneration),
        Box::new(QualityBlind),
        Box::new(fixed_price(market)),
        Box::new(random_participants(market, seed)?),
        Box::new(EveryoneAtCost),
        Box::new(EveryoneAugmented),
        Box::new(top_k(market)?),
    ])
}

/// The price that is the mean cost per effective sample of augmented mode.
pub fn fixed_price(market: &Market) -> FixedPrice {
    let (mut cost, mut effective) = (0u128, 0u128);
    for (index, costs) in market.costs().iter().enumerate() {
        cost += costs.augmented.micros().max(0) as u128;
        effective += u128::from(market.parts(index)[1].effective);
    }
    let mean = (cost * 1_000_000_000_000).checked_div(effective).map_or(0, |price| price.min(u128::from(u64::MAX)));
    FixedPrice(Price::from_picos(mean as u64))
}

/// Random participants with the payments of the best uniform price as their budget.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn random_participants(market: &Market, seed: u64) -> Result<RandomParticipants> {
    Ok(RandomParticipants { budget: posted::complete(market)?.payments, seed })
}

/// The scoring auction that hires as many as the best uniform price does, each effective sample being worth that price.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn top_k(market: &Market) -> Result<TopK> {
    let uniform = posted::complete(market)?;
    Ok(TopK { winners: uniform.participants().max(1), value: uniform.price.unwrap_or_default() })
}
