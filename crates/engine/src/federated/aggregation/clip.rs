//! The weighted mean of updates whose Euclidean norm was cut to a bound (Sun et al. 2019, arXiv 1911.07963).

use super::by_value::weighted_mean;
use crate::clipping::clip;
use crate::federated::intake::mean::Mean;
use crate::federated::intake::{AggregationRule, Intake};

pub struct Clip {
    pub norm: f64,
}

impl AggregationRule for Clip {
    fn streaming(&self, size: usize) -> Option<Box<dyn Intake>> {
        Some(Box::new(Mean::clipped(size, self.norm)))
    }

    fn combine(&self, changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64> {
        let clipped: Vec<Vec<f32>> = changes.iter().map(|change| clip(change, self.norm)).collect();
        weighted_mean(&clipped.iter().map(Vec::as_slice).collect::<Vec<_>>(), weights, workers)
    }
}
