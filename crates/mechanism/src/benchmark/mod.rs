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

/// All seven with natural parameters for a market: the fixed price is the mean cost per effective sample of augmented mode, the
/// random participants get the payments of the best uniform price, and the scoring auction hires as many as that price does, each
/// effective sample being worth that price.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn all(market: &Market, seed: u64) -> Result<Vec<Box<dyn Mechanism>>> {
    let uniform = posted::complete(market)?;
    let (mut cost, mut effective) = (0u128, 0u128);
    for (index, costs) in market.costs().iter().enumerate() {
        cost += costs.augmented.micros().max(0) as u128;
        effective += u128::from(market.parts(index)[1].effective);
    }
    let mean = (cost * 1_000_000_000_000).checked_div(effective).map_or(0, |price| price.min(u128::from(u64::MAX)));
    Ok(vec![
        Box::new(NoGeneration),
        Box::new(QualityBlind),
        Box::new(FixedPrice(Price::from_picos(mean as u64))),
        Box::new(RandomParticipants { budget: uniform.payments, seed }),
        Box::new(EveryoneAtCost),
        Box::new(EveryoneAugmented),
        Box::new(TopK { winners: uniform.participants().max(1), value: uniform.price.unwrap_or_default() }),
    ])
}
