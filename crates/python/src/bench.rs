//! How fast this machine trains.

use crate::failure::{self, short};
use crate::values;
use crate::watch::watch;
use imfl_engine::data::ImageShape;
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::LocalSgd;
use imfl_engine::model::Architecture;
use imfl_engine::peak;
use imfl_experiment::bench::train::Setting;
use imfl_run::{Failure, Kind};
use pyo3::prelude::*;

/// Whole rounds of federated training on random data, beside the machine's rate of matrix products.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn bench<'py>(
    py: Python<'py>,
    model: &str,
    shape: (usize, usize, usize),
    clients: usize,
    cohort: usize,
    samples: usize,
    batch: usize,
    local_epochs: usize,
    rate: f64,
    momentum: f64,
    algorithm: &str,
    rounds: u64,
    chunk: Option<usize>,
    workers: Option<usize>,
    device: &str,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let (channels, height, width) = shape;
    let counts = [clients, cohort, samples, batch, local_epochs, channels, height, width, rounds as usize];
    if counts.contains(&0) || chunk == Some(0) || workers == Some(0) {
        return Err(failure::usage(py, "every count of a benchmark must be at least 1"));
    }
    if !(rate > 0.0 && rate.is_finite() && (0.0..1.0).contains(&momentum)) {
        return Err(failure::usage(py, "`rate` must be a number above 0, and `momentum` at least 0 and below 1"));
    }
    if clients.saturating_mul(samples) > 1 << 31 {
        return Err(failure::usage(py, "`clients` times `samples` must be at most 2^31"));
    }
    let setting = short(py, || {
        let algorithm =
            algorithm.parse().map_err(|error| Failure::new(Kind::Usage, format!("`algorithm`: {error}")))?;
        let compute = Compute::open(device.parse::<DeviceName>()?, workers)?;
        Ok::<_, Failure>(Setting {
            model: model.parse::<Architecture>()?,
            shape: ImageShape { channels, height, width },
            clients,
            cohort,
            samples,
            local: LocalSgd { rate, epochs: local_epochs, batch, momentum, algorithm, ..LocalSgd::default() },
            private: None,
            rounds,
            seed,
            compute: Compute { chunk, ..compute },
        })
    })?;
    let found = watch(py, None, move |_| {
        let peak_gflops = peak::gflops(&setting.compute);
        Ok(setting.measure()?.json(&setting, peak_gflops))
    })?;
    values::to_python(py, &found)
}
