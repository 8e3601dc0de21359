//! Parameters that are natural for a market, for the rules that somebody would have to set.

use crate::benchmark::selection::{RandomParticipants, TopK};
use crate::error::Result;
use crate::market::Market;
use crate::money::Price;
use crate::posted::{self, FixedPrice};

/// The price that is the mean cost per effective sample of augmented mode.
pub fn fixed_price(market: &Market) -> FixedPrice {
    let (mut cost, mut effective) = (0u128, 0u128);
    for (index, costs) in market.costs().iter().enumerate() {
        cost += costs.augmented.micros().max(0) as u128;
        effective += u128::from(market.parts(index).augmented.effective);
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
