//! VCG over modes: the allocation that is cheapest at the reported costs, and for each winner what its presence saves the others.

use crate::error::Result;
use crate::market::Market;
use crate::mode::Mode;
use crate::money::Credits;
use crate::outcome::{Decision, Outcome};
use crate::personal::{self, Options, Solution, micros_up};
use crate::rule::{Facts, Guarantee, Mechanism, Private};

/// The Vickrey-Clarke-Groves mechanism (Vickrey 1961, Clarke 1971, Groves 1973), the server's accuracy loss being part of the social cost.
///
/// Winner k in mode m is paid J(-k) - (J - c_k(m)), where J is the smallest kappa Phi + reported costs and J(-k) the same without k,
/// rounded up to a micro-credit. Truthful in dominant strategies for private costs of *both* modes if the allocation is exact. If the search
/// stops early, J(-k) still does not depend on k's report, so the gain from any lie is at most the certified gap of the allocation; and
/// whenever leaving someone out gives a better allocation, that one is taken, so nobody is paid less than it asks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vcg {
    /// Effort per allocation problem; there is one for each winner, and one for all.
    pub options: Options,
}

impl Mechanism for Vcg {
    fn name(&self) -> &'static str {
        "vcg"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::ModeCosts,
            information: "private: the cost of each mode; measured: samples, skew, batch, theta",
            guarantees: vec![
                Guarantee::IndividualRationality,
                Guarantee::Truthfulness,
                Guarantee::CriticalPayments,
                Guarantee::Monotonicity,
            ],
            source: "Vickrey 1961; Clarke 1971; Groves 1973",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        let mut best = personal::solve(market, self.options);
        let (payments, best) = loop {
            match self.payments(market, &best)? {
                Ok(payments) => break (payments, best),
                Err(better) => best = better,
            }
        };
        market.outcome(Decision::new(best.modes, payments).bounded(best.lower_bound, best.exact)?)
    }
}

impl Vcg {
    /// Payments for an allocation, or a better allocation that was found while they were computed.
    fn payments(&self, market: &Market, chosen: &Solution) -> Result<std::result::Result<Vec<Credits>, Solution>> {
        let mut payments = vec![Credits::ZERO; market.len()];
        for (index, &mode) in chosen.modes.iter().enumerate().filter(|(_, mode)| mode.plays()) {
            let without = without(market, index, self.options);
            if without.objective < chosen.objective {
                // only if the search stopped early; its certificate still holds
                return Ok(Err(Solution { modes: without.modes, objective: without.objective, ..chosen.clone() }));
            }
            let own = i128::from(market.costs()[index].of(mode).micros()) * 1_000_000;
            payments[index] = micros_up(without.objective - chosen.objective + own)?;
        }
        Ok(Ok(payments))
    }
}

/// The best allocation in which client `index` stays out.
pub(super) fn without(market: &Market, index: usize, options: Options) -> Solution {
    if market.len() == 1 {
        let objective = market.loss_of(&market.empty_tally());
        return Solution { modes: vec![Mode::Out], objective, lower_bound: objective, exact: true };
    }
    let mut solution = personal::solve(&market.filter(|other| other != index), options);
    solution.modes.insert(index, Mode::Out);
    solution
}
