//! What each client of a run holds, for whoever wants to be one of them elsewhere.

use crate::dataset::Dataset;
use crate::run::keywords;
use crate::watch::watch;
use imfl_engine::client::Sample;
use imfl_run::pipeline::{Setup, partition};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The training images of a run with these settings, and the indices of each client's.
#[pyfunction]
pub fn shares(py: Python, given: &Bound<PyDict>) -> PyResult<(Dataset, Vec<Vec<u32>>)> {
    let config = keywords(py, given)?;
    let (train, clients) = watch(py, None, move |host| {
        config.check()?;
        let setup = Setup::open(config, host)?;
        let clients = partition(&setup)?;
        Ok((setup.train.clone(), clients))
    })?;
    let authentic = |sample: &Sample| match sample {
        Sample::Authentic(index) => Some(*index),
        Sample::Generated(_) => None,
    };
    let indices = clients.iter().map(|client| client.samples.iter().filter_map(authentic).collect()).collect();
    Ok((Dataset::shared(train), indices))
}
