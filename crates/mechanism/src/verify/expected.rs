//! Expected server costs under a finite prior, exactly: every profile of types, one after the other.

use crate::auction::{Optimal, VirtualCosts};
use crate::client::fine;
use crate::error::Result;
use crate::market::Market;
use crate::mode::PerMode;
use crate::money::{Credits, Price, Rate};
use crate::posted;
use crate::prior::{Prior, UnitCosts};
use crate::rule::Mechanism;

/// Expected server costs in credits, all from the same equally likely training costs per sample, drawn independently by every client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedCosts {
    /// Of the expected-cost-optimal auction.
    pub optimal: f64,
    /// Of the best single posted price.
    pub posted: f64,
    /// The most that rounding payments up to micro-credits can have added to either.
    pub rounding: f64,
    /// Whether the prior had to be ironed.
    pub ironed: bool,
}

/// Compares the optimal auction with the best posted price under one prior, over all types^K profiles. A rate that is repeated is more likely.
///
/// # Errors
/// What the mechanisms return.
pub fn expected_costs(market: &Market, types: &[Rate]) -> Result<ExpectedCosts> {
    let row = |&compute: &Rate| UnitCosts { compute, synthesis: Rate::ZERO, setup: Rate::ZERO };
    let prior = VirtualCosts::new(&Prior::Empirical(types.iter().map(row).collect()))?;
    let ironed = prior.ironed();
    let auction = Optimal::new(prior);
    let clients = market.len();
    // what each type costs each client; generating costs are the client's own
    let costs = |client: usize, of: Rate| -> Result<PerMode<Credits>> {
        let client = &market.clients()[client];
        PerMode::try_from_fn(|mode| client.cost_at(mode, of, client.synthesis_cost, client.setup_cost))
    };
    let mut prices = vec![Price::ZERO];
    for client in 0..clients {
        for &of in types {
            let costs = costs(client, of)?;
            let points = posted::switches(market.parts(client), &fine(costs));
            prices.extend(points.into_iter().flatten().map(|switch| Price::from_picos(switch.price)));
        }
    }
    prices.sort_unstable();
    prices.dedup();
    let mut totals = vec![0.0; prices.len()];
    let mut optimal = 0.0;
    let profiles = types.len().pow(clients as u32);
    for profile in 0..profiles {
        let of = |client: usize| types[profile / types.len().pow(client as u32) % types.len()];
        let drawn = market.with_costs((0..clients).map(|client| costs(client, of(client))).collect::<Result<_>>()?)?;
        optimal += auction.run(&drawn)?.server_cost.to_f64();
        for (total, &price) in totals.iter_mut().zip(&prices) {
            *total += posted::respond(&drawn, price)?.server_cost.to_f64();
        }
    }
    let posted = totals.into_iter().fold(f64::INFINITY, f64::min);
    let profiles = profiles as f64;
    Ok(ExpectedCosts {
        optimal: optimal / profiles,
        posted: posted / profiles,
        rounding: 3e-6 * clients as f64,
        ironed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::objective::Bias;

    #[test]
    fn no_posted_price_beats_the_optimal_auction() {
        let mut ironed = 0;
        for seed in 0..100 {
            let bias = if seed % 2 == 0 { Bias::Aligned } else { Bias::Mixture };
            let shape = Shape { bias, classes: 3, ..Shape::of(1 + seed as usize % 3) };
            let market = instance::market(seed, shape).unwrap();
            let expected = expected_costs(&market, &instance::types(seed, 6)).unwrap();
            assert!(expected.optimal <= expected.posted + expected.rounding, "seed {seed}: {expected:?}");
            ironed += u32::from(expected.ironed);
        }
        assert!((10..90).contains(&ironed), "{ironed} priors were irregular");
    }
}
