//! The median of each value (Yin et al. 2018, arXiv 1803.01498, definition 1). Weights do not count.

use super::by_value::by_value;
use crate::federated::intake::AggregationRule;

pub struct Median;

impl AggregationRule for Median {
    /// One of two may be hostile, and no rule can tell which.
    fn needs(&self) -> usize {
        3
    }

    /// With an even number of updates, the mean of the two in the middle.
    fn combine(&self, changes: &[&[f32]], _weights: &[f64], workers: usize) -> Vec<f64> {
        by_value(changes, workers, |column| {
            column.sort_unstable_by(f32::total_cmp);
            let middle = column.len() / 2;
            let upper = f64::from(column[middle]);
            if column.len() % 2 == 1 { upper } else { (f64::from(column[middle - 1]) + upper) / 2.0 }
        })
    }
}
