//! Updates that clients outside the engine have made, combined as the engine combines its own.

use crate::arrays;
use crate::failure::short;
use imfl_engine::federated::{Aggregation, ClientModel, Server};
use imfl_run::{Failure, Kind};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

/// A client, and why its model does not count.
type LeftOut = (u32, String);

/// The next global model from one `base` and clients' models, all flat float32 values, and who was left out and why.
#[pyfunction]
pub fn combine<'py>(
    py: Python<'py>,
    base: &Bound<'py, PyAny>,
    models: Vec<(u32, f64, Bound<'py, PyAny>)>,
    aggregation: &str,
    workers: Option<usize>,
) -> PyResult<(Bound<'py, PyByteArray>, Vec<LeftOut>)> {
    let base: Vec<f32> = arrays::values(base, "base")?;
    let read = |(client, weight, model): (u32, f64, Bound<PyAny>)| {
        Ok((client, weight, arrays::values::<f32>(&model, &format!("the model of client {client}"))?))
    };
    let models = models.into_iter().map(read).collect::<PyResult<Vec<_>>>()?;
    let aggregation = aggregation.to_string();
    let (next, rejected) = short(py, move || {
        let config = |error: &dyn std::fmt::Display| Failure::new(Kind::Config, format!("`aggregation`: {error}"));
        let rule: Aggregation = aggregation.parse().map_err(|error| config(&error))?;
        let mut sent = Vec::with_capacity(models.len());
        for (client, weight, values) in models {
            if !(weight > 0.0 && weight.is_finite()) {
                let problem = format!("client {client} has weight {weight}; weights are finite and above 0");
                return Err(Failure::new(Kind::Data, problem));
            }
            sent.push(ClientModel { client, weight, values });
        }
        let workers = workers.unwrap_or_else(imfl_engine::worker::available).max(1);
        let joined = rule.join(&base, sent, workers);
        let (change, rejected) = joined.map_err(|error| Failure::new(Kind::Config, error))?;
        let mut next = base;
        Server::default().step(&mut Default::default(), &mut next, change);
        let rejected = rejected.into_iter().map(|rejection| (rejection.client, rejection.reason.to_string())).collect();
        Ok::<_, Failure>((next, rejected))
    })?;
    Ok((arrays::writable(py, &next)?, rejected))
}
