//! The best single price when costs are only known in distribution: sample average over scenarios, exact for the sample.
//!
//! In each scenario every client draws its costs from the prior; samples, skews and batches are measured and the same in all. The
//! switch points of all scenarios are swept together, O(S K log(S K)).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::estimate::Estimate;
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::Price;
use crate::objective::Tally;
use crate::posted::complete::spending;
use crate::posted::response::{best_mode, switches};
use crate::posted::units::ATTOS_PER_PICO;
use crate::prior::Prior;

/// How to sample the prior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// S, number of scenarios.
    pub scenarios: u32,
    /// Seed of the draws.
    pub seed: u64,
}

impl Sampling {
    /// So many scenarios, drawn with this seed.
    pub const fn new(scenarios: u32, seed: u64) -> Self {
        Sampling { scenarios, seed }
    }
}

/// What happens if the prior is wrong by a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sensitivity {
    /// All costs are this many times what the prior says.
    pub factor: f64,
    /// J at the price that is best for the scaled costs.
    pub best: Estimate,
    /// J at the price that the unscaled prior suggested.
    pub kept: Estimate,
}

impl Sensitivity {
    /// Expected loss from keeping the price, in credits; not below 0, by the optimality of the best price in the same sample.
    pub fn regret(&self) -> f64 {
        self.kept.server_cost - self.best.server_cost
    }
}

/// The price with the smallest mean of J over sampled scenarios, exactly for the sample, with the standard error of that mean.
/// (The minimum of a sample mean is a little below the true one; [`estimate_at`] with another seed shows by how much.)
///
/// # Errors
/// No scenario; money that overflows.
pub fn incomplete(market: &Market, prior: &Prior, sampling: Sampling) -> Result<Estimate> {
    optimise(market, prior, sampling, 1.0)
}

/// Mean of J at a given price over sampled scenarios.
///
/// # Errors
/// As [`incomplete`].
pub fn estimate_at(market: &Market, prior: &Prior, sampling: Sampling, price: Price) -> Result<Estimate> {
    estimate_scaled(market, prior, sampling, price, 1.0)
}

/// What `price` costs if all costs are `factor` times what the prior says, for each factor, by the same draws.
///
/// # Errors
/// As [`incomplete`].
pub fn sensitivity(
    market: &Market,
    prior: &Prior,
    sampling: Sampling,
    price: Price,
    factors: &[f64],
) -> Result<Vec<Sensitivity>> {
    let at = |&factor: &f64| {
        Ok(Sensitivity {
            factor,
            best: optimise(market, prior, sampling, factor)?,
            kept: estimate_scaled(market, prior, sampling, price, factor)?,
        })
    };
    factors.iter().map(at).collect()
}

/// Calls `visit(scenario, client, costs)` for every draw, in a fixed order.
fn draws(
    market: &Market,
    prior: &Prior,
    sampling: Sampling,
    factor: f64,
    mut visit: impl FnMut(u32, usize, PerMode<u128>) -> Result<()>,
) -> Result<()> {
    if sampling.scenarios == 0 {
        return Err(Error::Rule("the number of scenarios is 0; take at least one".into()));
    }
    for scenario in 0..sampling.scenarios {
        let mut rng = ChaCha8Rng::seed_from_u64(sampling.seed);
        rng.set_stream(u64::from(scenario));
        for (index, client) in market.clients().iter().enumerate() {
            let drawn = prior.draw(client, &mut rng);
            let unit = if factor == 1.0 { drawn } else { drawn.scaled(factor) };
            visit(scenario, index, client.fine_costs_at(unit.compute, unit.synthesis, unit.setup)?)?;
        }
    }
    Ok(())
}

/// A switch point of one client in one scenario.
struct Event {
    price: u64,
    scenario: u32,
    client: u32,
    from: Mode,
    to: Mode,
}

fn optimise(market: &Market, prior: &Prior, sampling: Sampling, factor: f64) -> Result<Estimate> {
    let mut events = Vec::with_capacity(2 * market.len() * sampling.scenarios as usize);
    draws(market, prior, sampling, factor, |scenario, client, costs| {
        let points = switches(market.parts(client), &costs).into_iter().flatten();
        events.extend(points.map(|switch| Event {
            price: switch.price,
            scenario,
            client: client as u32,
            from: switch.from,
            to: switch.to,
        }));
        Ok(())
    })?;
    events.sort_unstable_by_key(|event| event.price);

    let empty = market.loss_of(&market.empty_tally());
    let mut tallies: Vec<Tally> = vec![market.empty_tally(); sampling.scenarios as usize];
    let mut losses = vec![empty; sampling.scenarios as usize];
    // sums over scenarios: kappa Phi in pico-credits, and v in millionths of a sample
    let mut loss = empty * i128::from(sampling.scenarios);
    let mut effective = 0i128;
    let floor = market.objective().floor() * ATTOS_PER_PICO * i128::from(sampling.scenarios);
    let mut best = (Price::ZERO, i128::MAX);
    let mut at = 0;
    let mut price = 0;
    loop {
        // everything that happens at this price
        while let Some(event) = events.get(at).filter(|event| event.price == price) {
            let scenario = event.scenario as usize;
            let tally = &mut tallies[scenario];
            effective -= tally.effective;
            market.switch(tally, event.client as usize, event.from, event.to);
            effective += tally.effective;
            loss -= losses[scenario];
            losses[scenario] = market.loss_of(tally);
            loss += losses[scenario];
            at += 1;
        }
        // a price below 2^64 and v up to 1e18 per scenario: beyond 128 bits no cost is worth comparing
        let Some(spent) = i128::from(price).checked_mul(effective).filter(|&spent| spent <= best.1 - floor) else {
            break;
        };
        let cost = loss * ATTOS_PER_PICO + spent;
        if cost < best.1 {
            best = (Price::from_picos(price), cost);
        }
        match events.get(at) {
            Some(event) => price = event.price,
            None => break,
        }
    }
    drop(events);
    estimate_scaled(market, prior, sampling, best.0, factor)
}

fn estimate_scaled(market: &Market, prior: &Prior, sampling: Sampling, price: Price, factor: f64) -> Result<Estimate> {
    let mut costs = Vec::with_capacity(sampling.scenarios as usize);
    let mut tally = market.empty_tally();
    draws(market, prior, sampling, factor, |_, client, drawn| {
        market.switch(&mut tally, client, Mode::Out, best_mode(price, market.parts(client), &drawn));
        if client + 1 == market.len() {
            let attos = market.loss_of(&tally) * ATTOS_PER_PICO + spending(price, &tally);
            costs.push(attos as f64 * 1e-18);
            tally = market.empty_tally();
        }
        Ok(())
    })?;
    let n = costs.len() as f64;
    let mean = costs.iter().sum::<f64>() / n;
    let variance = costs.iter().map(|cost| (cost - mean) * (cost - mean)).sum::<f64>() / (n - 1.0);
    Ok(Estimate { price, server_cost: mean, standard_error: (variance / n).sqrt(), scenarios: sampling.scenarios })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::objective::Bias;
    use crate::posted::best_price;

    #[test]
    fn one_certain_scenario_is_complete_information() {
        for seed in 0..50 {
            let market = instance::market(seed, Shape { bias: Bias::Mixture, ..Shape::of(6) }).unwrap();
            let known = crate::prior::Parametric { compute_cost: None, synthesis_cost: None, setup_cost: None };
            let prior = Prior::parametric(known).unwrap();
            let estimate = incomplete(&market, &prior, Sampling { scenarios: 1, seed: 0 }).unwrap();
            assert_eq!(estimate.price, best_price(&market).0);
        }
    }

    #[test]
    fn no_other_price_is_better_in_the_sample() {
        for seed in 0..20 {
            let market = instance::market(seed, Shape::of(5)).unwrap();
            let prior = Prior::of(market.population());
            let sampling = Sampling { scenarios: 40, seed };
            let best = incomplete(&market, &prior, sampling).unwrap();
            draws(&market, &prior, sampling, 1.0, |_, client, costs| {
                for switch in switches(market.parts(client), &costs).into_iter().flatten() {
                    let other = estimate_at(&market, &prior, sampling, Price::from_picos(switch.price))?;
                    assert!(other.server_cost >= best.server_cost * (1.0 - 1e-12));
                }
                Ok(())
            })
            .unwrap();
            for sensitivity in sensitivity(&market, &prior, sampling, best.price, &[0.9, 1.1]).unwrap() {
                assert!(sensitivity.regret() >= -1e-9 * sensitivity.best.server_cost);
            }
        }
    }
}
