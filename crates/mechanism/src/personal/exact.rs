//! The objective in integers, moves between solutions, and trying everything.

use crate::market::Market;
use crate::mode::Mode;
use crate::objective::Tally;
use crate::personal::solution::Solution;

/// Pico-credits in a micro-credit.
const PICOS: i128 = 1_000_000;

/// A solution that can be changed one client at a time.
#[derive(Clone)]
pub(super) struct Allocation<'a> {
    market: &'a Market,
    pub modes: Vec<Mode>,
    tally: Tally,
    /// Sum of costs in micro-credits.
    costs: i128,
}

impl<'a> Allocation<'a> {
    pub(super) fn new(market: &'a Market, modes: Vec<Mode>) -> Self {
        let costs = modes.iter().zip(market.costs()).map(|(&mode, costs)| i128::from(costs.of(mode).micros())).sum();
        Allocation { market, tally: market.tally(&modes), modes, costs }
    }

    /// Loss + costs, in pico-credits.
    #[inline]
    pub(super) fn objective(&self) -> i128 {
        self.market.loss_of(&self.tally) + self.costs * PICOS
    }

    #[inline]
    pub(super) fn set(&mut self, index: usize, mode: Mode) {
        let from = std::mem::replace(&mut self.modes[index], mode);
        let costs = &self.market.costs()[index];
        self.costs += i128::from(costs.of(mode).micros()) - i128::from(costs.of(from).micros());
        self.market.switch(&mut self.tally, index, from, mode);
    }

    /// Whether client `index` can take part in `mode` at all.
    pub(super) fn allows(&self, index: usize, mode: Mode) -> bool {
        !mode.plays() || self.market.part(index, mode).is_useful()
    }

    /// Changes single clients as long as that helps, at most `passes` times around. Returns the objective.
    pub(super) fn improve(&mut self, passes: usize) -> i128 {
        let mut best = self.objective();
        for _ in 0..passes {
            let before = best;
            for index in 0..self.modes.len() {
                let mut keep = self.modes[index];
                for mode in Mode::ALL {
                    if mode == keep || !self.allows(index, mode) {
                        continue;
                    }
                    self.set(index, mode);
                    let objective = self.objective();
                    if objective < best {
                        (best, keep) = (objective, mode);
                    }
                }
                self.set(index, keep);
            }
            if best == before {
                break;
            }
        }
        best
    }
}

/// The best allocation that single changes lead to from nobody taking part. What it costs bounds nothing.
pub(super) fn climb(market: &Market) -> Solution {
    let mut allocation = Allocation::new(market, vec![Mode::Out; market.len()]);
    let objective = allocation.improve(50);
    Solution { modes: allocation.modes, objective, lower_bound: 0, exact: false }
}

/// All 3^K allocations, depth first.
pub(crate) fn enumerate(market: &Market) -> Solution {
    let mut allocation = Allocation::new(market, vec![Mode::Out; market.len()]);
    let mut best = (allocation.objective(), allocation.modes.clone());
    descend(&mut allocation, 0, &mut best);
    let (objective, modes) = best;
    Solution { modes, objective, lower_bound: objective, exact: true }
}

fn descend(allocation: &mut Allocation, index: usize, best: &mut (i128, Vec<Mode>)) {
    if index == allocation.modes.len() {
        let objective = allocation.objective();
        if objective < best.0 {
            best.0 = objective;
            best.1.clone_from(&allocation.modes);
        }
        return;
    }
    // augmented first, so that it is kept where the server is indifferent
    for mode in [Mode::Augmented, Mode::Local, Mode::Out] {
        if allocation.allows(index, mode) {
            allocation.set(index, mode);
            descend(allocation, index + 1, best);
        }
    }
    allocation.set(index, Mode::Out);
}
