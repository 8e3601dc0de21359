//! The weighted mean (McMahan et al. 2017, arXiv 1602.05629).

use super::by_value::weighted_mean;
use crate::federated::intake::{self, AggregationRule, Intake};

pub struct Mean;

impl AggregationRule for Mean {
    fn streaming(&self, size: usize) -> Option<Box<dyn Intake>> {
        Some(Box::new(intake::mean::Mean::new(size)))
    }

    fn combine(&self, changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64> {
        weighted_mean(changes, weights, workers)
    }
}
