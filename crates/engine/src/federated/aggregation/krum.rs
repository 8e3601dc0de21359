//! Krum (Blanchard et al. 2017, arXiv 1703.02757): the update that is nearest to its `n - hostile - 2` nearest others. Weights
//! do not count.

use super::by_value::weighted_mean;
use crate::federated::intake::AggregationRule;
use crate::{gradient, worker};

pub struct Krum {
    /// Hostile clients that it stands.
    pub hostile: usize,
}

impl AggregationRule for Krum {
    fn needs(&self) -> usize {
        self.hostile.saturating_mul(2).saturating_add(3)
    }

    fn combine(&self, changes: &[&[f32]], _weights: &[f64], workers: usize) -> Vec<f64> {
        mean_of_best(changes, self.hostile, 1, workers)
    }
}

/// The mean of the `chosen` updates with the lowest scores; ties go to the one that comes first.
pub(super) fn mean_of_best(changes: &[&[f32]], hostile: usize, chosen: usize, workers: usize) -> Vec<f64> {
    let scores = scores(changes, hostile, workers);
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    // Back into the order of clients, so that sums are the same whoever ranks first.
    let mut best = order[..chosen].to_vec();
    best.sort_unstable();
    let best: Vec<&[f32]> = best.into_iter().map(|index| changes[index]).collect();
    weighted_mean(&best, &vec![1.0; chosen], workers)
}

/// For each update the sum of squared distances to its `n - hostile - 2` nearest others.
fn scores(changes: &[&[f32]], hostile: usize, workers: usize) -> Vec<f64> {
    let count = changes.len();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    let distances = worker::map(workers, pairs.len(), |pair| {
        let (a, b) = pairs[pair];
        gradient::distance(changes[a], changes[b]).powi(2)
    });
    let mut of = vec![Vec::with_capacity(count); count];
    for ((a, b), distance) in pairs.into_iter().zip(distances) {
        of[a].push(distance);
        of[b].push(distance);
    }
    let score = |mut distances: Vec<f64>| {
        distances.sort_unstable_by(f64::total_cmp);
        distances[..count - hostile - 2].iter().sum()
    };
    of.into_iter().map(score).collect()
}
