//! Branch and bound over the total weight, with full enumeration where few allocations can still win.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::market::Market;
use crate::objective::LossModel;
use crate::personal::ascent::Multipliers;
use crate::personal::bound::bound;
use crate::personal::enumeration::Enumeration;
use crate::personal::exact::Allocation;
use crate::personal::incumbent::start;
use crate::personal::relaxation::Relaxation;
use crate::personal::solution::{Options, Solution};

/// What trying an allocation takes, in evaluations of a client.
const NODE: u64 = 6;

/// An interval of the total weight that may hold something better than what is known.
struct Interval {
    /// No allocation in here costs less, in pico-credits.
    bound: f64,
    low: f64,
    high: f64,
    start: Option<Multipliers>,
}

impl Ord for Interval {
    /// The most promising interval is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.low.total_cmp(&self.low))
    }
}
impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Interval {}

/// The cheapest modes where the objective is the bound.
pub(crate) fn search(market: &Market, model: &LossModel, options: Options) -> Solution {
    let relaxation = Relaxation::new(market, model);
    let mut best = start(market);
    let mut effort = 0;
    let mut open = BinaryHeap::new();
    if let Some((low, high)) = relaxation.range() {
        open.push(Interval { bound: f64::NEG_INFINITY, low, high, start: None });
    }
    // the smallest bound of an interval that was given up
    let mut given_up = f64::INFINITY;
    while let Some(interval) = open.pop() {
        if !best.beaten_by(interval.bound) {
            open.clear();
            break;
        }
        let gap = best.objective as f64 - interval.bound.min(given_up);
        if effort >= options.effort || gap <= options.gap * best.objective as f64 {
            open.push(interval);
            break;
        }
        let Interval { low, high, start, .. } = interval;
        let steps = if start.is_some() { 12 } else { 100 };
        let bound = bound(&relaxation, low, high, start.as_ref(), steps);
        effort += bound.effort;
        let value = bound.value.max(interval.bound);
        for modes in bound.minimisers {
            let mut allocation = Allocation::new(market, modes);
            let objective = allocation.objective();
            effort += 2 * market.len() as u64;
            best.offer(objective, &allocation.modes);
            if objective as f64 <= best.objective as f64 * 1.02 {
                effort += 8 * market.len() as u64;
                let improved = allocation.improve(2);
                best.offer(improved, &allocation.modes);
            }
        }
        if !best.beaten_by(value) {
            continue;
        }
        let nodes = 2_000 + 2 * market.len() as u64;
        let (done, spent) = Enumeration::new(market, &bound.regrets, value, nodes).run(&mut best);
        effort += NODE * spent;
        if done {
            continue;
        }
        if high / low < 1.0 + 1e-7 {
            // the width of the interval adds nothing to the gap any more: only more nodes would help
            let (done, spent) = Enumeration::new(market, &bound.regrets, value, 200 * nodes).run(&mut best);
            effort += NODE * spent;
            if !done {
                given_up = given_up.min(value);
            }
            continue;
        }
        let middle = (low * high).sqrt();
        for (low, high) in [(low, middle), (middle, high)] {
            open.push(Interval { bound: value, low, high, start: Some(bound.multipliers.clone()) });
        }
    }
    let open = open.peek().map_or(f64::INFINITY, |interval| interval.bound).min(given_up);
    best.solution(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::objective::{Bias, Weights};
    use crate::personal::exact::enumerate;

    #[test]
    fn equals_brute_force_over_all_modes() {
        for (bias, weights) in [
            (Bias::Aligned, Weights::Effective),
            (Bias::Mixture, Weights::Effective),
            (Bias::Aligned, Weights::Samples),
        ] {
            for seed in 0..500 {
                let clients = if seed % 50 == 0 { 8 } else { 1 + seed as usize % 6 };
                let market = instance::market(seed, Shape { bias, weights, classes: 4, ..Shape::of(clients) }).unwrap();
                let solution = search(&market, market.bound().unwrap(), Options::default());
                let brute = enumerate(&market);
                assert!(solution.exact, "seed {seed}");
                assert_eq!(solution.objective, brute.objective, "seed {seed} {bias}");
            }
        }
    }

    #[test]
    fn larger_markets_are_bounded_on_both_sides() {
        for bias in [Bias::Aligned, Bias::Mixture] {
            for (seed, clients) in [(1, 20), (2, 20), (3, 40), (4, 300)] {
                let market = instance::market(seed, Shape { bias, ..Shape::of(clients) }).unwrap();
                let solution = search(&market, market.bound().unwrap(), Options { effort: 3_000_000, gap: 0.0 });
                assert!(solution.lower_bound <= solution.objective);
                let gap = (solution.objective - solution.lower_bound) as f64 / solution.objective as f64;
                assert!(gap < 0.02, "{bias} {clients} clients: gap {gap}");
                assert_eq!(Allocation::new(&market, solution.modes.clone()).objective(), solution.objective);
            }
        }
    }
}
