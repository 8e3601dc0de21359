//! The best allocation that is known while others are searched.

use crate::market::Market;
use crate::mode::Mode;
use crate::personal::exact::Allocation;
use crate::personal::solution::Solution;
use crate::posted;

/// The best allocation so far.
pub(super) struct Incumbent {
    pub objective: i128,
    pub modes: Vec<Mode>,
}

impl Incumbent {
    pub fn offer(&mut self, objective: i128, modes: &[Mode]) {
        if objective < self.objective {
            self.objective = objective;
            self.modes.clear();
            self.modes.extend_from_slice(modes);
        }
    }

    /// Whether a bound leaves room for something better.
    pub fn beaten_by(&self, bound: f64) -> bool {
        bound - slack(bound) < self.objective as f64
    }
}

impl Incumbent {
    /// What is known when every set with a bound below `open` is still to be searched.
    pub fn solution(self, open: f64) -> Solution {
        let exact = !self.beaten_by(open);
        let lower_bound = match exact {
            true => self.objective,
            false => ((open - slack(open)).floor().max(0.0) as i128).min(self.objective),
        };
        Solution { modes: self.modes, objective: self.objective, lower_bound, exact }
    }
}

/// What rounding may have added to a bound.
pub(super) fn slack(value: f64) -> f64 {
    value.abs() * 1e-9 + 2.0
}

/// Nobody, everybody's answer to the best posted price, and what single changes make of both.
pub(super) fn start(market: &Market) -> Incumbent {
    let nobody = Allocation::new(market, vec![Mode::Out; market.len()]);
    let mut best = Incumbent { objective: nobody.objective(), modes: nobody.modes.clone() };
    let mut starts = vec![nobody];
    if let Ok(outcome) = posted::complete(market) {
        starts.push(Allocation::new(market, outcome.modes()));
    }
    for mut allocation in starts {
        let objective = allocation.improve(20);
        best.offer(objective, &allocation.modes);
    }
    best
}
