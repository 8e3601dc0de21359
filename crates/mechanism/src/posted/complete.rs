//! The best single price when every cost is known: one sweep over all switch points, O(K log K), exact.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::market::Market;
use crate::mode::Mode;
use crate::money::{Credits, Price};
use crate::objective::Tally;
use crate::outcome::{Decision, Outcome};
use crate::posted::response::{Switch, best_mode, payment, switches};
use crate::posted::units::ATTOS_PER_PICO;

/// The posted price with the smallest J = kappa Phi + r sum of v, and everyone's answer to it.
///
/// Between two switch points nobody changes and J rises with the price, so the best price is 0 or a switch point. Of equally
/// good prices the lowest is taken. The outcome's lower bound is that minimum; payments are then rounded up to micro-credits, so the
/// server cost is above it by less than a micro-credit per participant.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn complete(market: &Market) -> Result<Outcome> {
    let (price, cost) = best_price(market);
    let mut outcome = respond(market, price)?;
    outcome.lower_bound =
        Credits::narrow(cost.div_euclid(1_000_000_000_000), "the server cost")?.min(outcome.server_cost);
    Ok(outcome)
}

/// What happens at a price: every client's best mode, its payment r v rounded up to a micro-credit. The outcome's lower bound
/// is its own server cost.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn respond(market: &Market, price: Price) -> Result<Outcome> {
    let mut modes = vec![Mode::Out; market.len()];
    let mut payments = vec![Credits::ZERO; market.len()];
    for (index, costs) in market.fine_costs().iter().enumerate() {
        let mode = best_mode(price, market.parts(index), costs);
        modes[index] = mode;
        payments[index] = Credits::narrow(payment(price, &market.part(index, mode)), "a payment")?;
    }
    market.outcome(Decision::new(modes, payments).at(Some(price)))
}

/// The best price, and its J in 1e-18 credits.
pub(crate) fn best_price(market: &Market) -> (Price, i128) {
    let mut best = (Price::ZERO, i128::MAX);
    let floor = market.objective().floor() * ATTOS_PER_PICO;
    sweep(market, |price, tally| {
        let payments = spending(price, tally);
        // what is paid only grows with the price, and no loss is below the floor
        if payments > best.1 - floor {
            return ControlFlow::Break(());
        }
        let cost = market.loss_of(tally) * ATTOS_PER_PICO + payments;
        if cost < best.1 {
            best = (price, cost);
        }
        ControlFlow::Continue(())
    });
    best
}

/// r sum of v, in 1e-18 credits; at most 2^64 x 1e18.
pub(super) fn spending(price: Price, tally: &Tally) -> i128 {
    i128::from(price.picos()) * tally.effective
}

/// A switch point with its client, in sixteen bytes: the sort moves two million of them.
struct Event {
    price: u64,
    client: u32,
    from: Mode,
    to: Mode,
}

/// Visits price 0 and every switch point from below, with the tally of those who take part there.
pub(super) fn sweep(market: &Market, mut visit: impl FnMut(Price, &Tally) -> ControlFlow<()>) {
    let mut events = Vec::with_capacity(2 * market.len());
    for (index, costs) in market.fine_costs().iter().enumerate() {
        for Switch { price, from, to } in switches(market.parts(index), costs).into_iter().flatten() {
            events.push(Event { price, client: index as u32, from, to });
        }
    }
    events.sort_unstable_by_key(|event| event.price);
    let mut tally = market.empty_tally();
    let mut price = 0;
    for Event { price: next, client, from, to } in events {
        if next != price {
            if visit(Price::from_picos(price), &tally).is_break() {
                return;
            }
            price = next;
        }
        market.switch(&mut tally, client as usize, from, to);
    }
    // the last group; nothing follows it that a break could stop
    let _ = visit(Price::from_picos(price), &tally);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::objective::{Bias, Weights};

    /// J at every switch point by full evaluation, against the sweep.
    #[test]
    fn equals_brute_force_over_all_switch_points() {
        for (bias, weights) in [
            (Bias::Aligned, Weights::Effective),
            (Bias::Mixture, Weights::Effective),
            (Bias::Mixture, Weights::Samples),
        ] {
            for seed in 0..1000 {
                let shape =
                    Shape { bias, weights, classes: 4, forecast: seed >= 500, ..Shape::of(1 + seed as usize % 8) };
                let market = instance::market(seed, shape).unwrap();
                let mut candidates = vec![0];
                for (index, costs) in market.fine_costs().iter().enumerate() {
                    candidates.extend(switches(market.parts(index), costs).iter().flatten().map(|switch| switch.price));
                }
                let cost = |price: u64| {
                    let price = Price::from_picos(price);
                    let answer = |index: usize| best_mode(price, market.parts(index), &market.fine_costs()[index]);
                    let modes: Vec<Mode> = (0..market.len()).map(answer).collect();
                    let tally = market.tally(&modes);
                    market.loss_of(&tally) * ATTOS_PER_PICO + spending(price, &tally)
                };
                let brute = candidates.into_iter().map(|price| (cost(price), price)).min().unwrap();
                let (price, swept) = best_price(&market);
                assert_eq!((swept, price.picos()), brute, "seed {seed} {bias}");
                let outcome = complete(&market).unwrap();
                let above = outcome.server_cost.micros() - outcome.lower_bound.micros();
                assert!((0..=market.len() as i64 + 1).contains(&above), "{above}");
                assert!(outcome.awards.iter().all(|award| award.utility() >= Credits::ZERO));
            }
        }
    }
}
