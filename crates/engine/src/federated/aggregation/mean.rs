//! The weighted mean (McMahan et al. 2017, arXiv 1602.05629).

use super::by_value::weighted_mean;
use crate::choice::Entry;
use crate::federated::intake::{self, AggregationRule, Intake};
use std::sync::Arc;

pub const ENTRY: Entry<dyn AggregationRule> =
    Entry { form: "mean", read: |numbers| numbers.is_empty().then(|| Arc::new(Mean) as _) };

pub struct Mean;

impl AggregationRule for Mean {
    fn name(&self) -> String {
        "mean".into()
    }

    fn streaming(&self, size: usize) -> Option<Box<dyn Intake>> {
        Some(Box::new(intake::mean::Mean::new(size)))
    }

    fn combine(&self, changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64> {
        weighted_mean(changes, weights, workers)
    }
}
