//! How well a law does on pilots that it was not fitted on: which are held out, and what is said of them.

use std::collections::BTreeSet;

use statrs::statistics::{Data, OrderStatistics, RankTieBreaker};

use crate::objective::fit::quantity::Quantity;
use crate::objective::forecast::HeldOut;
use crate::objective::pilot::Pilot;

/// Parts that pilots without groups are held out in, and the most there are with groups.
const FOLDS: usize = 8;
/// The largest pilots: one in so many.
const LARGE: usize = 4;

/// Pilots with few samples, and the quarter with the most.
pub(super) fn by_size(pilots: &[Pilot]) -> (Vec<usize>, Vec<usize>) {
    let size = |at: &usize| pilots[*at].authentic.iter().chain(&pilots[*at].generated).sum::<u64>();
    let mut order: Vec<usize> = (0..pilots.len()).collect();
    order.sort_by_key(size);
    let large = order.split_off(pilots.len() - pilots.len() / LARGE);
    (order, large)
}

/// The part in which each pilot is held out: by groups if there are three or more, otherwise in turn.
pub(super) fn folds(pilots: &[Pilot]) -> Vec<usize> {
    let groups: Vec<&str> =
        pilots.iter().map(|pilot| pilot.group.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let group = |pilot: &Pilot| groups.iter().position(|group| *group == pilot.group).unwrap_or(0);
    match groups.len() {
        ..=2 => (0..pilots.len()).map(|at| at % FOLDS.min(pilots.len())).collect(),
        _ => pilots.iter().map(|pilot| group(pilot) % FOLDS).collect(),
    }
}

/// What is said of held-out pilots.
pub(super) fn held_out(predicted: &[f64], measured: &[f64], quantity: &Quantity) -> HeldOut {
    let pairs = || predicted.iter().zip(measured);
    let count = measured.len() as f64;
    let error = pairs().map(|(predicted, measured)| (predicted - measured).abs()).sum::<f64>() / count * quantity.units;
    let ranks = |values: &[f64]| Data::new(values.to_vec()).ranks(RankTieBreaker::Average);
    let log = |value: &f64| (value.max(0.0) + quantity.least).ln();
    let mean = measured.iter().map(log).sum::<f64>() / count;
    let left: f64 = pairs().map(|(predicted, measured)| (log(predicted) - log(measured)).powi(2)).sum();
    let all: f64 = measured.iter().map(|measured| (log(measured) - mean).powi(2)).sum();
    let r2 = if all > 0.0 { 1.0 - left / all } else { 0.0 };
    HeldOut { error, spearman: correlation(&ranks(predicted), &ranks(measured)), r2, beyond: None }
}

/// Pearson's correlation; 0 where one side does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let sum = |term: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| term(a - of_a, b - of_b)).sum::<f64>();
    let scale = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    if scale > 0.0 { sum(&|a, b| a * b) / scale } else { 0.0 }
}
