//! Branch and bound over clients' modes, where the objective is a forecast.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::market::Market;
use crate::mode::Mode;
use crate::objective::ForecastModel;
use crate::personal::dual::{Domain, Dual};
use crate::personal::enumeration::Enumeration;
use crate::personal::exact::Allocation;
use crate::personal::incumbent::start;
use crate::personal::solution::{Options, Solution};

/// What trying an allocation takes, in evaluations of a client: a power for each class.
const NODE: u64 = 30;

/// Allocations that may hold something better than what is known.
struct Node {
    /// None of them costs less, in pico-credits.
    bound: f64,
    domains: Vec<Domain>,
    /// Where the tangent was best for the node above.
    start: Option<Vec<f64>>,
    /// Order of arrival, for ties.
    number: u64,
}

impl Ord for Node {
    /// The most promising node is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.number.cmp(&self.number))
    }
}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}

/// The cheapest modes where the objective is a forecast.
pub(crate) fn search(market: &Market, model: &ForecastModel, options: Options) -> Solution {
    let dual = Dual::new(market, model);
    let mut best = start(market);
    let (mut effort, mut number) = (0, 0);
    let mut open = BinaryHeap::new();
    open.push(Node { bound: f64::NEG_INFINITY, domains: dual.domains(), start: None, number });
    while let Some(node) = open.pop() {
        if !best.beaten_by(node.bound) {
            open.clear();
            break;
        }
        let gap = best.objective as f64 - node.bound;
        if effort >= options.effort || gap <= options.gap * best.objective as f64 {
            open.push(node);
            break;
        }
        let Node { bound: above, mut domains, start, .. } = node;
        let tangents = if start.is_some() { 12 } else { 200 };
        let bound = dual.bound(&domains, start.as_deref(), tangents);
        effort += bound.effort;
        let value = bound.value.max(above);
        let (mut regrets, at, tangent) = (bound.regrets, bound.at, bound.value);
        let mut allocation = Allocation::new(market, bound.minimiser);
        let objective = allocation.objective();
        effort += NODE + market.len() as u64;
        best.offer(objective, &allocation.modes);
        if objective as f64 <= best.objective as f64 * 1.02 {
            effort += 2 * NODE * market.len() as u64;
            let improved = allocation.improve(2);
            best.offer(improved, &allocation.modes);
        }
        if !best.beaten_by(value) {
            continue;
        }
        // a mode that alone costs more than there is room for is out of the question below here
        for (regrets, domain) in regrets.iter_mut().zip(&mut domains) {
            for (regret, allowed) in regrets.iter_mut().zip(domain) {
                if *allowed && !best.beaten_by(tangent + *regret) {
                    (*regret, *allowed) = (f64::INFINITY, false);
                }
            }
        }
        let nodes = 500 + 2 * market.len() as u64;
        let (done, spent) = Enumeration::new(market, &regrets, tangent, nodes).run(&mut best);
        effort += NODE * spent;
        if done {
            continue;
        }
        // branch on the client that is nearest to doing something else
        let second = |regrets: &[f64; 3]| {
            let mut sorted = *regrets;
            sorted.sort_by(f64::total_cmp);
            sorted[1]
        };
        let undecided = (0..regrets.len()).min_by(|a, b| second(&regrets[*a]).total_cmp(&second(&regrets[*b])));
        let Some(client) = undecided else { continue };
        for mode in (0..Mode::ALL.len()).filter(|&mode| domains[client][mode]) {
            number += 1;
            let mut domains = domains.clone();
            domains[client] = std::array::from_fn(|other| other == mode);
            let bound = value.max(tangent + regrets[client][mode]);
            open.push(Node { bound, domains, start: Some(at.clone()), number });
        }
    }
    best.solution(open.peek().map_or(f64::INFINITY, |node| node.bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::personal::exact::enumerate;

    #[test]
    fn equals_brute_force_over_all_modes() {
        for seed in 0..1000 {
            let clients = if seed % 50 == 0 { 8 } else { 1 + seed as usize % 6 };
            let shape = Shape { forecast: true, classes: 4, ..Shape::of(clients) };
            let market = instance::market(seed, shape).unwrap();
            let solution = search(&market, market.forecast().unwrap(), Options::default());
            assert!(solution.exact, "seed {seed}");
            assert_eq!(solution.objective, enumerate(&market).objective, "seed {seed}");
        }
    }

    /// No allocation lies below the bound of a domain that it belongs to, whatever the tangents.
    #[test]
    fn bounds_hold_for_random_allocations_and_regrets_add_up() {
        for seed in 0..300 {
            let shape = Shape { forecast: true, classes: 4, ..Shape::of(7) };
            let market = instance::market(seed, shape).unwrap();
            let dual = Dual::new(&market, market.forecast().unwrap());
            for tangents in [1, 2, 5, 50] {
                let bound = dual.bound(&dual.domains(), None, tangents);
                for draw in 1..60u64 {
                    let mode = |k: u64| Mode::ALL[(draw.wrapping_mul(2_654_435_761 + seed) >> (2 * k)) as usize % 3];
                    let modes: Vec<Mode> = (0..7).map(mode).collect();
                    if modes.iter().all(|mode| !mode.plays()) {
                        continue;
                    }
                    let regret: f64 =
                        modes.iter().zip(&bound.regrets).map(|(mode, regrets)| regrets[*mode as usize]).sum();
                    let objective = Allocation::new(&market, modes).objective() as f64;
                    let below = bound.value + if regret.is_finite() { regret } else { 0.0 };
                    assert!(objective >= below - 1e-9 * below.abs() - 2.0, "seed {seed}: {objective} < {below}");
                }
            }
        }
    }

    #[test]
    fn larger_markets_are_bounded_on_both_sides() {
        for (seed, clients) in [(1, 20), (2, 40), (4, 300), (5, 3000)] {
            for kappa in [3.0, 300.0] {
                let market = instance::crowd(seed, Shape { forecast: true, ..Shape::of(clients) }, kappa).unwrap();
                let solution = search(&market, market.forecast().unwrap(), Options { effort: 3_000_000, gap: 0.0 });
                assert!(solution.lower_bound <= solution.objective);
                let gap = (solution.objective - solution.lower_bound) as f64 / solution.objective as f64;
                assert!(gap < 0.01, "{clients} clients at {kappa}: gap {gap}");
                assert_eq!(Allocation::new(&market, solution.modes.clone()).objective(), solution.objective);
            }
        }
    }
}
