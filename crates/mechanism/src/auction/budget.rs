//! Buying as many effective samples as a budget allows: Chen, Gravin and Lu (SODA 2011), deterministic, 2 + sqrt 2.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::Credits;
use crate::outcome::{Decision, Outcome};
use crate::personal::{self, Options};
use crate::rule::{Facts, Guarantee, Mechanism, Private};

/// The budget-feasible auction of Chen, Gravin and Lu, "On the approximability of budget feasible mechanisms" (SODA 2011), section 4:
/// truthful, never over budget, and at least 1/(2 + sqrt 2) of the effective samples that anyone knowing all costs could buy.
///
/// Each client sells one thing: its augmented mode where generated data raise its effective samples, its local mode otherwise. That
/// choice rests on measurements alone, so the one private number is the cost of that mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetFeasible {
    /// The most that payments may sum to.
    pub budget: Credits,
}

/// What a client sells: effective samples in millionths, for a reported cost in micro-credits.
#[derive(Debug, Clone, Copy)]
struct Item {
    index: usize,
    value: i128,
    cost: i128,
}

impl BudgetFeasible {
    fn mode(market: &Market, index: usize) -> Mode {
        let PerMode { local, augmented } = market.parts(index);
        if augmented.effective > local.effective { Mode::Augmented } else { Mode::Local }
    }

    /// Items that the budget can buy at all, dearest per sample last; ties by index.
    fn items(&self, market: &Market) -> Vec<Item> {
        let budget = i128::from(self.budget.micros());
        let item = |index: usize| {
            let mode = Self::mode(market, index);
            let value = i128::from(market.part(index, mode).effective);
            Item { index, value, cost: i128::from(market.costs()[index].of(mode).micros()) }
        };
        let mut items: Vec<Item> =
            (0..market.len()).map(item).filter(|item| item.value > 0 && item.cost <= budget).collect();
        items.sort_by(density);
        items
    }
}

/// Cost per value, compared exactly: costs are below 2^63 and values at most 1e18.
fn density(a: &Item, b: &Item) -> Ordering {
    (a.cost * b.value).cmp(&(b.cost * a.value)).then(a.index.cmp(&b.index))
}

/// Who wins, as a number of leading items or the single most valuable one.
enum Winners {
    Star(usize),
    Leading(usize),
}

fn winners(items: &[Item], budget: i128) -> Winners {
    let Some(star) = items.iter().max_by_key(|item| (item.value, std::cmp::Reverse(item.index))) else {
        return Winners::Leading(0);
    };
    // the best that a budget buys from the others, if the last item may be bought in part; rounded down
    let (mut left, mut optimum) = (budget, 0);
    for item in items.iter().filter(|item| item.index != star.index) {
        if item.cost <= left {
            left -= item.cost;
            optimum += item.value;
        } else {
            optimum += left * item.value / item.cost;
            break;
        }
    }
    // (1 + sqrt 2) star >= optimum, without the root
    let excess = optimum - star.value;
    if excess <= 0 || excess * excess <= 2 * star.value * star.value {
        return Winners::Star(star.index);
    }
    let mut total = 0;
    let mut count = 0;
    for item in items {
        total += item.value;
        if item.cost * total > item.value * budget {
            break;
        }
        count += 1;
    }
    Winners::Leading(count)
}

/// Whether the item at `at` wins if it asks `cost` instead.
fn wins_at(items: &[Item], at: usize, cost: i128, budget: i128) -> bool {
    if cost > budget {
        return false;
    }
    let own = Item { cost, ..items[at] };
    let mut changed: Vec<Item> = items.to_vec();
    changed.remove(at);
    let place = changed.partition_point(|item| density(item, &own) == Ordering::Less);
    changed.insert(place, own);
    match winners(&changed, budget) {
        Winners::Star(index) => index == own.index,
        Winners::Leading(count) => place < count,
    }
}

impl Mechanism for BudgetFeasible {
    fn name(&self) -> &'static str {
        "budget"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::OneCost,
            information: "private: the cost of the one mode a client sells; measured: samples, skew, theta",
            guarantees: vec![
                Guarantee::IndividualRationality,
                Guarantee::Truthfulness,
                Guarantee::CriticalPayments,
                Guarantee::Monotonicity,
                Guarantee::Budget(self.budget),
            ],
            source: "Chen, Gravin, Lu 2011: at least 1/(2 + sqrt 2) of the optimal effective samples",
        }
    }

    fn ask(&self, _: &Market, _: usize, _: Mode, amount: Credits) -> PerMode<Credits> {
        PerMode { local: amount, augmented: amount }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        if self.budget < Credits::ZERO {
            return Err(Error::Rule(format!("the budget is {}; it must be at least 0", self.budget)));
        }
        let budget = i128::from(self.budget.micros());
        let items = self.items(market);
        let won = match winners(&items, budget) {
            Winners::Star(index) => items.iter().position(|item| item.index == index).into_iter().collect(),
            Winners::Leading(count) => (0..count).collect::<Vec<usize>>(),
        };
        let mut modes = vec![Mode::Out; market.len()];
        let mut payments = vec![Credits::ZERO; market.len()];
        for at in won {
            // winning is monotone in the cost: the critical payment by bisection, exact to the micro-credit
            let (mut wins, mut loses) = (items[at].cost, budget + 1);
            while loses - wins > 1 {
                let middle = (wins + loses) / 2;
                if wins_at(&items, at, middle, budget) { wins = middle } else { loses = middle }
            }
            modes[items[at].index] = Self::mode(market, items[at].index);
            payments[items[at].index] = Credits::narrow(wins, "a payment")?;
        }
        let bound = personal::solve(market, Options { gap: 0.0, effort: 50_000_000 }).lower_bound;
        market.outcome(Decision::new(modes, payments).bounded(bound, true)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};

    #[test]
    fn never_over_budget_and_within_the_proven_ratio() {
        for seed in 0..300 {
            let market = instance::market(seed, Shape::of(8)).unwrap();
            let budget = Credits::from_micros(1 << (seed % 24));
            let rule = BudgetFeasible { budget };
            let outcome = rule.run(&market).unwrap();
            assert!(outcome.payments <= budget, "seed {seed}");
            let items = rule.items(&market);
            let won: i128 =
                items.iter().filter(|item| outcome.awards[item.index].mode.plays()).map(|item| item.value).sum();
            let subsets = (0u32..1 << items.len()).map(|set| {
                let chosen = || items.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, item)| item);
                let cost: i128 = chosen().map(|item| item.cost).sum();
                if cost <= i128::from(budget.micros()) { chosen().map(|item| item.value).sum() } else { 0i128 }
            });
            let optimum = subsets.max().unwrap_or(0);
            assert!(won as f64 * (2.0 + 2f64.sqrt()) >= optimum as f64, "seed {seed}: {won} of {optimum}");
        }
    }
}
