//! The mean of each value without the lowest and the highest (Yin et al. 2018, arXiv 1803.01498, definition 2). Weights do not
//! count.

use super::by_value::by_value;
use crate::federated::intake::AggregationRule;

pub struct TrimmedMean {
    /// Clients left out on each side, at least 1.
    pub trim: usize,
}

impl AggregationRule for TrimmedMean {
    fn needs(&self) -> usize {
        self.trim.saturating_mul(2).saturating_add(1)
    }

    fn combine(&self, changes: &[&[f32]], _weights: &[f64], workers: usize) -> Vec<f64> {
        by_value(changes, workers, |column| {
            column.sort_unstable_by(f32::total_cmp);
            let kept = &column[self.trim..column.len() - self.trim];
            kept.iter().map(|value| f64::from(*value)).sum::<f64>() / kept.len() as f64
        })
    }
}
