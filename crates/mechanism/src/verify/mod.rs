//! Checks that can fail: what mechanisms promise is attacked on random markets, and so are mechanisms that are known to break.
//!
//! A clean result reads `no violation found in N trials`, never *safe*: the search is thorough, not a proof. That the negative controls are
//! caught by the very same checks is what makes it worth reading.

mod check;
mod controls;
mod deviation;
mod expected;
mod laws;
mod optimum;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::auction::{BudgetFeasible, Optimal, Vcg, VirtualCosts};
use crate::benchmark::{EveryoneAtCost, EveryoneAugmented, NoGeneration, QualityBlind, TopK};
use crate::error::Result;
use crate::instance::{self, Shape};
use crate::market::Market;
use crate::money::{Credits, Price, Rate};
use crate::objective::{Bias, Weights};
use crate::personal::PersonalOffers;
use crate::posted::{FixedPrice, UniformPrice};
use crate::prior::{Distribution, Prior, UnitCosts};
use crate::rule::Mechanism;

pub use check::{Check, Findings};
pub use controls::{GreedyVcg, OwnReportPrice, PayAsBid};
pub use deviation::promises;
pub use expected::{ExpectedCosts, expected_costs};
pub use laws::{permutation, scaling};
pub use optimum::brute_force;

/// What to attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Random markets per mechanism.
    pub instances: u32,
    /// Clients per market, at most; the cost grows like 3^K.
    pub clients: usize,
    /// Seed of the markets.
    pub seed: u64,
    /// Whether the objective is a forecast instead of the bound.
    pub forecast: bool,
}

impl Default for Suite {
    fn default() -> Self {
        Suite { instances: 100, clients: 5, seed: 0, forecast: false }
    }
}

/// What the suite found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Mechanisms that should stand.
    pub mechanisms: Vec<Findings>,
    /// Mechanisms that should fall.
    pub controls: Vec<Findings>,
}

impl Verdict {
    /// Whether every mechanism stood and every control fell.
    pub fn passed(&self) -> bool {
        self.mechanisms.iter().all(Findings::clean) && self.controls.iter().all(|control| !control.clean())
    }
}

/// A mechanism, and the same where all money counts twice.
struct Subject {
    usual: Box<dyn Mechanism>,
    doubled: Option<Box<dyn Mechanism>>,
}

fn subject<M: Mechanism + Clone + 'static>(mechanism: M) -> Subject {
    Subject { usual: Box::new(mechanism.clone()), doubled: Some(Box::new(mechanism)) }
}

/// Every mechanism whose promises are checked, with parameters that suit the market and never depend on its costs.
fn subjects(seed: u64, market: &Market) -> Result<Vec<Subject>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(3);
    let price = 10u64.pow(rng.random_range(7..11));
    let budget = 10i64.pow(rng.random_range(4..8));
    let high = 10f64.powf(rng.random_range(-3.0..-1.0));
    let distributions = match seed % 3 {
        0 => vec![Distribution::Uniform { low: 0.0, high }],
        1 => vec![Distribution::Lognormal { mu: (high / 3.0).ln(), sigma: 1.0 }],
        // two humps: virtual costs fall between them, so that they have to be ironed
        _ => vec![
            Distribution::Uniform { low: 0.0, high: high / 3.0 },
            Distribution::TruncatedNormal { mean: high, sd: high / 50.0, low: 0.9 * high, high: 1.1 * high },
        ],
    };
    let quantiles = distributions.iter().flat_map(|of| (1..64).map(|at| of.quantile(f64::from(at) / 64.0)));
    let draws = quantiles.map(Rate::from_credits).collect::<Result<Vec<Rate>>>()?;
    let row = |compute: Rate| UnitCosts { compute, synthesis: Rate::ZERO, setup: Rate::ZERO };
    let prior = Prior::Empirical(draws.into_iter().map(row).collect());
    let optimal = Optimal::new(VirtualCosts::new(&prior)?);
    let doubled = |usual: Box<dyn Mechanism>, doubled: Box<dyn Mechanism>| Subject { usual, doubled: Some(doubled) };
    let fixed = |price| Box::new(FixedPrice(Price::from_picos(price)));
    let within = |budget| Box::new(BudgetFeasible { budget: Credits::from_micros(budget) });
    let top = |price| Box::new(TopK { winners: 1 + market.len() / 2, value: Price::from_picos(price) });
    Ok(vec![
        subject(UniformPrice),
        subject(PersonalOffers::default()),
        doubled(fixed(price), fixed(2 * price)),
        subject(Vcg::default()),
        // types are compared with costs rounded up to a micro-credit, which does not double
        Subject { usual: Box::new(optimal), doubled: None },
        doubled(within(budget), within(2 * budget)),
        subject(NoGeneration),
        subject(QualityBlind),
        subject(EveryoneAtCost),
        subject(EveryoneAugmented),
        doubled(top(price), top(2 * price)),
    ])
}

/// Attacks every mechanism and every control on random markets: of both bias models, or of laws of all kinds.
///
/// `progress` is called after each market.
///
/// # Errors
/// Never for the mechanisms of this crate; an error would be a finding of its own.
pub fn run(suite: Suite, mut progress: impl FnMut(u32)) -> Result<Verdict> {
    let mut mechanisms: Vec<Findings> = Vec::new();
    let mut controls: Vec<Findings> = Vec::new();
    for instance in 0..suite.instances {
        let seed = suite.seed.wrapping_add(u64::from(instance));
        let market = random_market(seed, suite.clients, suite.forecast)?;
        let mut found = Vec::new();
        for subject in subjects(seed, &market)? {
            let mechanism = &*subject.usual;
            let mut findings = promises(mechanism, &market, seed)?;
            findings.merge(permutation(mechanism, &market, seed)?);
            if let Some(doubled) = &subject.doubled {
                findings.merge(scaling(mechanism, &**doubled, &market, seed)?);
            }
            found.push(findings);
        }
        found.push(brute_force(&market, seed)?);
        collect(&mut mechanisms, found);
        let dishonest: [&dyn Mechanism; 3] = [&PayAsBid, &GreedyVcg, &OwnReportPrice];
        let caught: Result<Vec<Findings>> = dishonest.iter().map(|control| promises(*control, &market, seed)).collect();
        collect(&mut controls, caught?);
        progress(instance + 1);
    }
    Ok(Verdict { mechanisms, controls })
}

fn random_market(seed: u64, clients: usize, forecast: bool) -> Result<Market> {
    let bias = if seed.is_multiple_of(2) { Bias::Aligned } else { Bias::Mixture };
    let weights = if seed % 4 < 2 { Weights::Effective } else { Weights::Samples };
    let clients = 1 + (seed / 4) as usize % clients.max(1);
    instance::market(seed, Shape { clients, classes: 3, bias, weights, forecast })
}

fn collect(all: &mut Vec<Findings>, found: Vec<Findings>) {
    if all.is_empty() {
        *all = found;
    } else {
        all.iter_mut().zip(found).for_each(|(all, found)| all.merge(found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_stand_and_controls_fall() {
        for forecast in [false, true] {
            let verdict = run(Suite { instances: 60, forecast, ..Suite::default() }, |_| ()).unwrap();
            for findings in &verdict.mechanisms {
                assert!(findings.clean(), "{findings}");
                assert!(findings.checks.iter().all(|check| check.trials > 0), "{findings}");
            }
            for findings in &verdict.controls {
                assert!(!findings.clean(), "{findings}");
            }
        }
    }
}
