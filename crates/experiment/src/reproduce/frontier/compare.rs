//! Rules at equal payments and at one worth, and what the forecast said of the sets that rules chose.

use super::super::log_fit::fit_of_logs;
use super::{Bought, Buyer, Grid};
use imfl_mechanism::Forecast;
use imfl_statistics::{Interval, mean, rank_correlation};
use serde::Serialize;

/// Everything that was bought: by seed, worth and buyer.
pub struct Market<'a> {
    pub grid: &'a Grid,
    pub seeds: &'a [u64],
    pub buyers: &'a [Buyer],
    pub bought: &'a [Bought],
    pub forecast: &'a Forecast,
}

/// One benchmark against the posted price of a server that knows as much.
#[derive(Serialize)]
pub struct Against {
    pub benchmark: Buyer,
    /// Accuracy of the posted price less that of the benchmark for the same payments, paired by seed; of payments between the least and the
    /// most that the posted price was seen to pay, as nothing is known beyond. None if there are such with fewer than two seeds.
    pub accuracy: Option<Interval>,
    /// Seeds with such payments.
    pub seeds: usize,
    /// What the posted price saves of the benchmark's server cost at the one worth, by the accuracy that was reached.
    pub saved: Interval,
}

/// What the forecast said before training of the sets that rules chose, against what came of them.
#[derive(Serialize)]
pub struct Predicted {
    /// Different sets.
    pub sets: usize,
    pub spearman_loss: Interval,
    pub spearman_error: Interval,
    pub r2_log_loss: f64,
    /// Of the logarithm of the measured loss by that of the predicted one; 1 is perfect.
    pub slope: f64,
    /// Mean difference in percentage points of accuracy.
    pub points: f64,
    /// Share of sets whose accuracy was predicted within 1.5 points.
    pub within_1_5: f64,
}

impl Market<'_> {
    fn at(&self, seed: usize, worth: usize, buyer: usize) -> &Bought {
        &self.bought[(seed * self.grid.worths.len() + worth) * self.buyers.len() + buyer]
    }

    /// What a buyer got at a worth, over seeds.
    pub fn over(&self, worth: usize, buyer: usize, of: impl Fn(&Bought) -> f64) -> Interval {
        (0..self.seeds.len()).map(|seed| of(self.at(seed, worth, buyer))).collect()
    }

    /// What a buyer gets for its money with a seed: payments and accuracy.
    fn frontier(&self, seed: usize, buyer: usize) -> Vec<(f64, f64)> {
        let of = |worth| {
            let bought = self.at(seed, worth, buyer);
            (bought.payments, bought.score.accuracy)
        };
        let mut points: Vec<(f64, f64)> = (0..self.grid.worths.len()).map(of).filter(|point| point.0 > 0.0).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }

    /// The place of the posted price that a buyer is compared with.
    fn ours(&self, buyer: &Buyer) -> usize {
        // There is one for each kind of knowledge.
        self.buyers.iter().position(|own| own.is_ours() && own.knows == buyer.knows).unwrap_or(0)
    }

    /// Every benchmark against the posted price.
    pub fn against(&self) -> Vec<Against> {
        let others = self.buyers.iter().enumerate().filter(|(_, buyer)| buyer.rule.is_benchmark());
        let of = |(at, buyer): (usize, &Buyer)| {
            let ours = self.ours(buyer);
            let difference = |seed: usize| {
                let own = self.frontier(seed, ours);
                let theirs = self.frontier(seed, at);
                let gains: Vec<f64> =
                    theirs.iter().filter_map(|&(paid, got)| Some(bought_for(&own, paid)? - got)).collect();
                (!gains.is_empty()).then(|| mean(&gains))
            };
            let costs = |buyer: usize| (0..self.seeds.len()).map(|seed| self.cost(seed, buyer)).collect::<Vec<f64>>();
            let differences: Vec<f64> = (0..self.seeds.len()).filter_map(difference).collect();
            Against {
                benchmark: *buyer,
                accuracy: (differences.len() > 1).then(|| Interval::of(&differences)),
                seeds: differences.len(),
                saved: Interval::reduction(&costs(ours), &costs(at)),
            }
        };
        others.map(of).collect()
    }

    /// Server cost at the one worth: by what was reached, not by what was predicted.
    fn cost(&self, seed: usize, buyer: usize) -> f64 {
        // The settings were checked for it.
        let worth = self.grid.worths.iter().position(|worth| *worth == self.grid.worth).unwrap_or(0);
        let bought = self.at(seed, worth, buyer);
        100.0 * self.grid.worth * (1.0 - bought.score.accuracy) + bought.payments
    }

    /// What the forecast was worth.
    pub fn predicted(&self) -> Predicted {
        let (mut loss, mut error, mut logs, mut off) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let by_seed = self.grid.worths.len() * self.buyers.len();
        for bought in self.bought.chunks(by_seed.max(1)) {
            let mut sets: Vec<&Bought> =
                bought.iter().filter(|one| one.modes.iter().any(|mode| mode.plays())).collect();
            sets.sort_by(|a, b| a.modes.cmp(&b.modes));
            sets.dedup_by(|a, b| a.modes == b.modes);
            let column = |of: fn(&Bought) -> f64| sets.iter().map(|one| of(one)).collect::<Vec<f64>>();
            let (said, found) = (column(|one| one.predicted.loss), column(|one| one.score.loss));
            loss.extend(rank_correlation(&said, &found).ok());
            logs.extend(said.iter().zip(&found).map(|(said, found)| (said.max(1e-9).ln(), found.max(1e-9).ln())));
            let (said, found) = (column(|one| one.predicted.error), column(|one| 1.0 - one.score.accuracy));
            error.extend(rank_correlation(&said, &found).ok());
            off.extend(said.iter().zip(&found).map(|(said, found)| 100.0 * (said - found).abs()));
        }
        let (r2, slope) = fit_of_logs(&logs);
        Predicted {
            sets: off.len(),
            spearman_loss: loss.into_iter().collect(),
            spearman_error: error.into_iter().collect(),
            r2_log_loss: r2,
            slope,
            points: mean(&off),
            within_1_5: off.iter().filter(|points| **points <= 1.5).count() as f64 / off.len().max(1) as f64,
        }
    }
}

/// What a frontier, sorted by payments, gives for so much, on the straight line between its points; `None` outside of them.
fn bought_for(frontier: &[(f64, f64)], paid: f64) -> Option<f64> {
    let next = frontier.partition_point(|point| point.0 < paid);
    let &(high, to) = frontier.get(next)?;
    if high == paid {
        return Some(to);
    }
    let (low, from) = frontier[next.checked_sub(1)?];
    Some(from + (to - from) * (paid - low) / (high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontier_is_read_between_its_points_alone() {
        let frontier = [(0.5, 0.1), (1.0, 0.5), (3.0, 0.7)];
        for (paid, got) in [(0.5, 0.1), (0.75, 0.3), (1.0, 0.5), (2.0, 0.6), (3.0, 0.7)] {
            assert!((bought_for(&frontier, paid).unwrap() - got).abs() < 1e-12, "{paid}");
        }
        assert_eq!([0.0, 0.4, 9.0].map(|paid| bought_for(&frontier, paid)), [None; 3]);
    }
}
