//! The auction that minimises the server's expected cost: virtual costs, ironing, threshold payments (Myerson 1981, for buying).

use crate::auction::vcg::without;
use crate::error::{Error, Result};
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::{Credits, Rate};
use crate::outcome::{Decision, Outcome};
use crate::personal::{self, Options};
use crate::prior::{Distribution, Prior};
use crate::rule::{Facts, Guarantee, Mechanism, Private};

/// Points that stand for a continuous prior.
const GRID: usize = 256;

/// A prior over the training cost per sample as a finite distribution, with its ironed virtual costs.
///
/// phi(z_i) = z_i + (z_i - z_(i-1)) F(z_(i-1)) / f(z_i), the discrete form of c + F(c)/f(c): what type i really costs the server,
/// with the rent that all cheaper types draw from its being hired. Where phi falls, neighbours are pooled at their mean (ironing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualCosts {
    values: Vec<Rate>,
    costs: Vec<Rate>,
    ironed: bool,
}

impl VirtualCosts {
    /// From the prior's distribution of the training cost. Continuous ones are cut into 256 equally likely parts, each standing for its
    /// dearest member (of an unbounded tail, its 99.9th percentile), so that a type between two points is treated as the dearer one.
    ///
    /// # Errors
    /// [`Error::Prior`] if the prior leaves the training cost known: then there is nothing to auction.
    pub fn new(prior: &Prior) -> Result<Self> {
        let mut values: Vec<Rate> = match prior {
            Prior::Empirical(rows) => rows.iter().map(|row| row.compute).collect(),
            Prior::Parametric(parametric) => {
                let distribution = parametric.compute_cost.ok_or_else(|| Error::Prior {
                    key: "compute_cost".into(),
                    problem: "has no distribution; the auction needs one for the private training cost".into(),
                })?;
                let last = match distribution {
                    Distribution::Lognormal { .. } => 0.999,
                    _ => 1.0,
                };
                let point = |index: usize| distribution.quantile(((index + 1) as f64 / GRID as f64).min(last));
                (0..GRID).map(|index| Rate::from_credits(point(index))).collect::<Result<_>>()?
            }
        };
        values.sort_unstable();
        Ok(VirtualCosts::of_sorted(&values))
    }

    fn of_sorted(draws: &[Rate]) -> Self {
        let mut values: Vec<Rate> = Vec::new();
        let mut counts: Vec<i128> = Vec::new();
        for &value in draws {
            match values.last() {
                Some(&last) if last == value => *counts.last_mut().unwrap_or(&mut 0) += 1,
                _ => {
                    values.push(value);
                    counts.push(1);
                }
            }
        }
        // pools of neighbouring types: (sum of n phi, sum of n, types), their means kept rising; n phi is an integer
        let mut pools: Vec<(i128, i128, usize)> = Vec::new();
        let (mut below, mut previous) = (0, 0);
        for (&value, &count) in values.iter().zip(&counts) {
            let value = i128::from(value.picos());
            let mut pool = (count * value + (value - previous) * below, count, 1);
            while let Some(&(sum, n, types)) = pools.last().filter(|(sum, n, _)| sum * pool.1 > pool.0 * n) {
                pools.pop();
                pool = (pool.0 + sum, pool.1 + n, pool.2 + types);
            }
            pools.push(pool);
            (below, previous) = (below + count, value);
        }
        let ironed = pools.len() < values.len();
        let cost = |sum: i128, n: i128| Rate::from_picos(u64::try_from(sum / n).unwrap_or(u64::MAX));
        let costs = pools.iter().flat_map(|&(sum, n, types)| std::iter::repeat_n(cost(sum, n), types)).collect();
        VirtualCosts { values, costs, ironed }
    }

    /// The types, rising.
    pub fn values(&self) -> &[Rate] {
        &self.values
    }

    /// The ironed virtual cost of each type; never falling.
    pub fn costs(&self) -> &[Rate] {
        &self.costs
    }

    /// Whether the prior was not regular, so that ironing changed something.
    pub fn ironed(&self) -> bool {
        self.ironed
    }
}

/// The expected-cost-optimal auction for a private training cost per sample.
///
/// The assumption that it stands on: training costs are independent of what is known about a client. Where one device factor scales all of a client's
/// costs, its known generating costs reveal the private one, and a server that used them would pay no rent at all; there this auction is truthful
/// and individually rational all the same, but optimal only among mechanisms that do not look at the generating costs.
///
/// Private: the training cost per sample, drawn independently from a common known prior. Known: samples, skew, theta, and what generating costs
/// (the server measures the time of a generated image and knows the price list). A client's report is its cost of local mode; in augmented
/// mode it is reimbursed for generating on top. The allocation minimises kappa Phi + virtual costs, exactly; the payment is that of
/// the dearest type that would still have been hired. Truthful in dominant strategies and individually rational for every type; of all
/// mechanisms that are so even on average, none has a lower expected server cost under that prior.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimal {
    /// The prior.
    pub prior: VirtualCosts,
    /// Effort per allocation problem.
    pub options: Options,
}

impl Optimal {
    /// The auction for a prior, its searches carried as far as the default effort goes.
    pub fn new(prior: VirtualCosts) -> Self {
        Optimal { prior, options: Options::default() }
    }

    /// What the types and virtual costs mean for a client's whole training, `(true, virtual)` in micro-credits, rounded up.
    fn training(&self, market: &Market, index: usize, of: impl Fn(&VirtualCosts) -> &[Rate]) -> Result<Vec<Credits>> {
        let client = &market.clients()[index];
        of(&self.prior).iter().map(|&rate| client.cost_at(Mode::Local, rate, Rate::ZERO, Rate::ZERO)).collect()
    }
}

/// What augmented mode costs a client beyond training.
fn generating(market: &Market, index: usize) -> Result<Credits> {
    let client = &market.clients()[index];
    client.cost_at(Mode::Augmented, Rate::ZERO, client.synthesis_cost, client.setup_cost)
}

fn sum(a: Credits, b: Credits) -> Result<Credits> {
    a.checked_add(b).ok_or(Error::Overflow("a virtual cost"))
}

impl Mechanism for Optimal {
    fn name(&self) -> &'static str {
        "optimal"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::OneCost,
            information: "private: the training cost per sample, from a known prior; known: what generating costs each client, which must not \
                          tell anything about its training cost; measured: everything else",
            guarantees: vec![
                Guarantee::IndividualRationality,
                Guarantee::Truthfulness,
                Guarantee::CriticalPayments,
                Guarantee::Monotonicity,
            ],
            source: "Myerson 1981, reversed",
        }
    }

    fn ask(&self, market: &Market, index: usize, mode: Mode, amount: Credits) -> PerMode<Credits> {
        let extra = generating(market, index).unwrap_or_default().micros();
        let local = if mode == Mode::Augmented { (amount.micros() - extra).max(0) } else { amount.micros() };
        PerMode { local: Credits::from_micros(local), augmented: Credits::from_micros(local.saturating_add(extra)) }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        // each client's type: the cheapest one that costs at least what it reports; beyond the prior nobody is hired
        let mut types = Vec::with_capacity(market.len());
        let mut hirable = Vec::new();
        let mut costs = Vec::new();
        for (index, reported) in market.costs().iter().enumerate() {
            let values = self.training(market, index, VirtualCosts::values)?;
            let own = values.partition_point(|value| *value < reported.local);
            types.push(own);
            if own < values.len() {
                let local = self.training(market, index, VirtualCosts::costs)?[own];
                costs.push(PerMode { local, augmented: sum(local, generating(market, index)?)? });
                hirable.push(index);
            }
        }
        let mut modes = vec![Mode::Out; market.len()];
        let mut payments = vec![Credits::ZERO; market.len()];
        let mut exact = true;
        if !hirable.is_empty() {
            let virtually = market.filter(|index| types[index] < self.prior.values.len()).with_costs(costs)?;
            let chosen = personal::solve(&virtually, self.options);
            exact = chosen.exact;
            for (at, &index) in hirable.iter().enumerate().filter(|(at, _)| chosen.modes[*at].plays()) {
                modes[index] = chosen.modes[at];
                let paid = self.threshold(market, &virtually, index, at, types[index], &chosen)?;
                let extra = if modes[index] == Mode::Augmented { generating(market, index)? } else { Credits::ZERO };
                payments[index] = sum(paid, extra)?;
            }
        }
        let bound = personal::solve(market, Options { effort: self.options.effort / 4, ..self.options }).lower_bound;
        market.outcome(Decision::new(modes, payments).bounded(bound, exact)?)
    }
}

impl Optimal {
    /// The training cost of the dearest type of client `index` that would still be hired.
    fn threshold(
        &self,
        market: &Market,
        virtually: &Market,
        index: usize,
        at: usize,
        own: usize,
        chosen: &personal::Solution,
    ) -> Result<Credits> {
        let values = self.training(market, index, VirtualCosts::values)?;
        let costs = self.training(market, index, VirtualCosts::costs)?;
        let without = without(virtually, at, self.options).objective;
        // hired as long as the virtual cost rises by less than what leaving it out would cost
        let room = without - chosen.objective;
        let rise = |other: usize| i128::from(costs[other].micros() - costs[own].micros()) * 1_000_000;
        let last =
            (own..costs.len()).take_while(|&other| other == own || rise(other) < room || rise(other) == 0).last();
        let mut last = last.unwrap_or(own);
        // where both are exactly as good, ask the allocation rule itself
        if last + 1 < costs.len() && rise(last + 1) == room {
            let tied = PerMode { local: costs[last + 1], augmented: sum(costs[last + 1], generating(market, index)?)? };
            if personal::solve(&virtually.with_report(at, tied)?, self.options).modes[at].plays() {
                last = (last..costs.len()).take_while(|&other| rise(other) <= room).last().unwrap_or(last);
            }
        }
        Ok(values[last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(values: &[u64]) -> Vec<Rate> {
        values.iter().map(|&value| Rate::from_picos(value)).collect()
    }

    #[test]
    fn a_uniform_prior_doubles_the_distance_from_its_low_end() {
        // types 1..=4, equally likely: phi = z + (number of cheaper types)
        let regular = VirtualCosts::of_sorted(&rates(&[1, 2, 3, 4]));
        assert_eq!(regular.costs(), rates(&[1, 3, 5, 7]));
        assert!(!regular.ironed());
    }

    #[test]
    fn falling_virtual_costs_are_pooled() {
        // phi = 10, 20 + 10 x 1/1 = 30, 21 + 1 x 2/8 = 21.25: the last two are pooled at (30 + 8 x 21.25) / 9
        let mut draws = vec![10, 20];
        draws.extend([21; 8]);
        let ironed = VirtualCosts::of_sorted(&rates(&draws));
        assert_eq!(ironed.costs(), rates(&[10, 22, 22]));
        assert!(ironed.ironed());
    }
}
