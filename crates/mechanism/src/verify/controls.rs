//! Mechanisms that promise what they do not keep, so that the checks have something to catch.

use crate::error::Result;
use crate::market::Market;
use crate::mode::Mode;
use crate::money::Credits;
use crate::outcome::{Decision, Outcome};
use crate::personal::{self, Options, micros_up};
use crate::posted;
use crate::rule::{Facts, Guarantee, Mechanism, Private};

fn false_promises(source: &'static str) -> Facts {
    Facts {
        private: Private::ModeCosts,
        information: "a negative control: what it promises is not true",
        guarantees: vec![
            Guarantee::IndividualRationality,
            Guarantee::Truthfulness,
            Guarantee::CriticalPayments,
            Guarantee::Monotonicity,
        ],
        source,
    }
}

/// The best allocation, each winner paid what it asked: asking more pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PayAsBid;

impl Mechanism for PayAsBid {
    fn name(&self) -> &'static str {
        "control: pay as bid"
    }

    fn facts(&self) -> Facts {
        false_promises("the first-price auction")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        personal::offers(market, Options::default())
    }
}

/// VCG payments on top of a greedy allocation: without the optimum, the externality is not the critical payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GreedyVcg;

/// Hires in order of cost per effective sample, whoever improves the server's cost; kappa Phi + costs in pico-credits.
fn greedy(market: &Market, excluded: Option<usize>) -> (Vec<Mode>, i128) {
    let mut order: Vec<(f64, usize, Mode)> = (0..market.len())
        .filter(|index| Some(*index) != excluded)
        .flat_map(|index| Mode::PLAYING.map(|mode| (index, mode)))
        .filter(|&(index, mode)| market.part(index, mode).is_useful())
        .map(|(index, mode)| {
            (market.costs()[index].of(mode).to_f64() / market.effective_samples(index, mode), index, mode)
        })
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut modes = vec![Mode::Out; market.len()];
    let objective = |modes: &[Mode]| {
        let costs = modes.iter().zip(market.costs()).map(|(&mode, costs)| i128::from(costs.of(mode).micros()));
        market.loss_of(&market.tally(modes)) + costs.sum::<i128>() * 1_000_000
    };
    let mut best = objective(&modes);
    for (_, index, mode) in order {
        let before = std::mem::replace(&mut modes[index], mode);
        let with = objective(&modes);
        if before == Mode::Out && with < best {
            best = with;
        } else {
            modes[index] = before;
        }
    }
    (modes, best)
}

impl Mechanism for GreedyVcg {
    fn name(&self) -> &'static str {
        "control: VCG over a greedy allocation"
    }

    fn facts(&self) -> Facts {
        false_promises("VCG with an allocation that is not optimal")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        let (modes, objective) = greedy(market, None);
        let mut payments = vec![Credits::ZERO; market.len()];
        for (index, &mode) in modes.iter().enumerate().filter(|(_, mode)| mode.plays()) {
            let own = i128::from(market.costs()[index].of(mode).micros()) * 1_000_000;
            payments[index] = micros_up(greedy(market, Some(index)).1 - objective + own)?;
        }
        market.outcome(Decision::new(modes, payments))
    }
}

/// The best uniform price for the reported costs: the marginal client sets its own price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnReportPrice;

impl Mechanism for OwnReportPrice {
    fn name(&self) -> &'static str {
        "control: a price from the payee's own report"
    }

    fn facts(&self) -> Facts {
        false_promises("the complete-information price, fed with reports")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        posted::complete(market)
    }
}
