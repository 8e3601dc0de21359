//! Models that go from Rust to Python and back: parameters in PyTorch's names and layouts.

use crate::arrays;
use crate::weights::{self, Named};
use imfl_engine::federated::Refusal;
use imfl_engine::parameters::{Layout, Weights};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use std::sync::Arc;

/// A parameter as it comes from Python.
pub type Given<'py> = (String, Vec<usize>, Bound<'py, PyAny>);
/// A parameter as Python gets it.
pub type Handed<'py> = (String, Vec<usize>, Bound<'py, PyByteArray>);

/// Parameters of Python, by name.
///
/// # Errors
/// A `DataError` for what is no float32 array.
pub fn read(given: Vec<Given>) -> PyResult<Vec<Named>> {
    let one = |(name, shape, array): Given| {
        let values = arrays::values(&array, &format!("weights: `{name}`"))?;
        Ok((name, shape, values))
    };
    given.into_iter().map(one).collect()
}

/// Parameters for Python, in PyTorch's names and layouts.
///
/// # Errors
/// Memory that is not there.
pub fn hand<'py>(py: Python<'py>, weights: &Weights) -> PyResult<Vec<Handed<'py>>> {
    let named = weights::named(weights, true);
    named.into_iter().map(|(name, shape, values)| Ok((name, shape, arrays::writable(py, &values)?))).collect()
}

/// The values of a model or gradient that came from Python.
///
/// # Errors
/// What is wrong with it.
pub fn flat(layout: &Arc<Layout>, given: Vec<Given>) -> Result<Vec<f32>, Refusal> {
    let named = read(given).map_err(|_| Refusal::WrongShape)?;
    if named.iter().any(|(_, _, values)| values.iter().any(|value| !value.is_finite())) {
        return Err(Refusal::NotFinite);
    }
    weights::of_named(layout, named, true).map(|weights| weights.values().to_vec()).map_err(|_| Refusal::WrongShape)
}
