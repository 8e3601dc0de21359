//! Updates that an object of Python joins, in the place of one of the engine's rules.

use crate::failure;
use crate::handed::{flat, hand};
use imfl_engine::federated::AggregationRule;
use imfl_engine::parameters::Weights;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// What the rule and whoever asks clients share.
#[derive(Default)]
pub struct Round {
    /// The global model of the round.
    base: Mutex<Option<Weights>>,
    /// What went wrong when updates were joined.
    failed: Mutex<Option<String>>,
}

impl Round {
    /// A round begins with this model.
    pub fn begin(&self, base: &Weights) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = Some(base.clone());
    }

    /// What went wrong, once.
    pub fn take_failure(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Calls `join(models, weights)` of an object, which returns the next model.
pub struct Joined {
    pub object: Py<PyAny>,
    pub round: Arc<Round>,
}

impl Joined {
    fn join(&self, base: &Weights, changes: &[&[f32]], weights: &[f64]) -> PyResult<Vec<f64>> {
        Python::attach(|py| {
            let model = |change: &&[f32]| {
                let values = base.values().iter().zip(*change).map(|(base, change)| base + change).collect();
                // Changes have as many values as the model: those that had not were refused.
                let model = Weights::from_values(base.layout().clone(), values).unwrap_or_else(|| base.clone());
                hand(py, &model)
            };
            let models = changes.iter().map(model).collect::<PyResult<Vec<_>>>()?;
            let next = self.object.bind(py).call_method1("join", (models, weights.to_vec()))?;
            let next = flat(base.layout(), next.extract()?).map_err(|reason| {
                failure::data(py, format!("the model that came of {} updates has {reason}", changes.len()))
            })?;
            Ok(next.iter().zip(base.values()).map(|(next, base)| f64::from(*next) - f64::from(*base)).collect())
        })
    }
}

impl AggregationRule for Joined {
    fn combine(&self, changes: &[&[f32]], weights: &[f64], _workers: usize) -> Vec<f64> {
        let base = self.round.base.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let size = changes.first().map_or(0, |change| change.len());
        let Some(base) = base else { return vec![0.0; size] };
        self.join(&base, changes, weights).unwrap_or_else(|error| {
            // A round has no way to fail here: it changes nothing, and the run ends when it is paid.
            *self.round.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            vec![0.0; base.values().len()]
        })
    }
}
