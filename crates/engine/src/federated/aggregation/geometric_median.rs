//! The point whose weighted sum of distances to all updates is least, by the smoothed Weiszfeld algorithm (Pillutla et al. 2022,
//! RFA, arXiv 1912.13445, algorithm 2), whose letters are kept here.

use super::by_value::weighted_mean;
use crate::federated::intake::AggregationRule;
use crate::worker;

pub struct GeometricMedian;

impl AggregationRule for GeometricMedian {
    /// One of two may be hostile, and no rule can tell which.
    fn needs(&self) -> usize {
        3
    }

    fn combine(&self, changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64> {
        median(changes, weights, workers)
    }
}

/// Steps at most; each brings the median closer.
const STEPS: usize = 100;
/// nu as a share of the mean distance: nearer updates weigh no more than at this distance.
const SMOOTHING: f64 = 1e-6;
/// The median is found when a step moves it by less than this share of the mean distance.
const TOLERANCE: f64 = 1e-7;

/// The point `v` with the least `sum_i alpha_i ||v - x_i||`.
fn median(x: &[&[f32]], alpha: &[f64], workers: usize) -> Vec<f64> {
    let mut v = weighted_mean(x, alpha, workers);
    for _ in 0..STEPS {
        let distances = worker::map(workers, x.len(), |i| distance(x[i], &v));
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        if mean == 0.0 {
            // All updates are one.
            break;
        }
        let beta: Vec<f64> =
            alpha.iter().zip(&distances).map(|(alpha, distance)| alpha / distance.max(SMOOTHING * mean)).collect();
        let next = weighted_mean(x, &beta, workers);
        let moved = v.iter().zip(&next).map(|(old, new)| (old - new).powi(2)).sum::<f64>().sqrt();
        v = next;
        if moved < TOLERANCE * mean {
            break;
        }
    }
    v
}

fn distance(x: &[f32], v: &[f64]) -> f64 {
    x.iter().zip(v).map(|(x, v)| (f64::from(*x) - v).powi(2)).sum::<f64>().sqrt()
}
