//! What each client of a run holds, for whoever wants to be one of them elsewhere.

use crate::dataset::Dataset;
use crate::settings::Said;
use crate::watch::watch;
use imfl_engine::client::Sample;
use imfl_run::config::RecordedCosts;
use imfl_run::pipeline::{Setup, partition, profile};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The training images of a run with these settings, and the indices of each client's.
#[pyfunction]
pub fn shares(py: Python, given: &Bound<PyDict>) -> PyResult<(Dataset, Vec<Vec<u32>>)> {
    let said = Said::read(None, given, None)?;
    let (train, clients) = watch(py, None, move |host| {
        let config = said.config()?;
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

/// How many times slower than this machine the device of each client is that a run with these settings simulates.
#[pyfunction]
pub fn device_factors(py: Python, given: &Bound<PyDict>) -> PyResult<Vec<f64>> {
    let said = Said::read(None, given, None)?;
    watch(py, None, move |host| {
        let config = said.config()?;
        config.check()?;
        let setup = Setup::open(config, host)?;
        let clients = partition(&setup)?;
        let nothing = RecordedCosts { seconds_per_sample: 0.0, seconds_per_image: 0.0, seconds_for_setup: 0.0 };
        let profile = profile::run(&setup, &clients, Some(nothing))?;
        Ok(profile.clients.iter().map(|client| client.device_factor).collect())
    })
}
