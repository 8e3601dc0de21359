//! The paper's results, and pages that compare what was run.

use crate::failure::{self, short};
use crate::settings::{self, Said};
use crate::values;
use crate::watch::watch;
use imfl_experiment::reproduce::{self, Request};
use imfl_experiment::sweep::{Axis, Seeds, Sweep};
use imfl_report::comparison::{self, Entry};
use imfl_run::{Failure, Kind, Outcome, RunConfig};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Every experiment by its name, and what it asks.
#[pyfunction]
pub fn experiments() -> Vec<(&'static str, &'static str)> {
    reproduce::ALL.iter().map(|experiment| (experiment.name, experiment.about)).collect()
}

/// Computes what is missing of an experiment: its JSON object and its page.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn experiment<'py>(
    py: Python<'py>,
    name: &str,
    quick: bool,
    settings: Option<PathBuf>,
    folder: PathBuf,
    folder_name: Option<String>,
    fresh: bool,
    dataset: Option<String>,
    generator: Option<String>,
    device: Option<String>,
    workers: Option<usize>,
    on_event: Option<&Bound<PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, PathBuf)> {
    let Some(&found) = reproduce::ALL.iter().find(|experiment| experiment.name == name) else {
        let known = reproduce::ALL.map(|experiment| experiment.name).join(", ");
        return Err(failure::usage(py, format!("no experiment is called `{name}`; there are: {known}")));
    };
    let request = Request { quick, settings, folder, name: folder_name, fresh, dataset, generator, device, workers };
    let (value, page) = watch(py, on_event, move |host| {
        let document = found.run(&request, host)?;
        let document = document.ok_or_else(|| Failure::new(Kind::Unexpected, "another rank has the result"))?;
        Ok((document.value, document.page))
    })?;
    Ok((values::to_python(py, &value)?, page))
}

/// Runs what is missing of a grid of settings, every combination with every seed: its JSON object and its page.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn sweep<'py>(
    py: Python<'py>,
    grid: &Bound<'py, PyDict>,
    seeds: &str,
    config: Option<&Bound<'py, PyAny>>,
    given: &Bound<'py, PyDict>,
    recorded: Option<PathBuf>,
    folder: PathBuf,
    name: String,
    fresh: bool,
    on_event: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, PathBuf)> {
    let said = Said::read(config, given, recorded)?;
    let axis = |(key, values): (Bound<PyAny>, Bound<PyAny>)| {
        let key: String = key.extract()?;
        match values::to_toml(&values, &format!("grid[{key:?}]"))? {
            toml::Value::Array(values) => Ok((key, values.iter().map(settings::text).collect::<Vec<_>>())),
            other => Err(failure::usage(py, format!("grid[{key:?}] is {other}; expected a list of values"))),
        }
    };
    let axes = grid.iter().map(axis).collect::<PyResult<Vec<_>>>()?;
    let seeds: Seeds = seeds.parse().map_err(|error: Failure| failure::raised(py, error))?;
    let (value, page) = watch(py, on_event, move |host| {
        let axes = axes.into_iter().map(|(key, values)| Axis::new(&key, values, &format!("grid[{key:?}]")));
        let base = RunConfig { seed: None, ..said.config()? };
        let sweep = Sweep { base, axes: axes.collect::<Outcome<_>>()?, seeds: seeds.0, folder, name, fresh };
        let swept = sweep.run(host)?;
        let swept = swept.ok_or_else(|| Failure::new(Kind::Unexpected, "another rank has the result"))?;
        Ok((swept.value, swept.page))
    })?;
    Ok((values::to_python(py, &value)?, page))
}

/// Joins folders of runs and experiments into one page that compares them; what each of them found.
#[pyfunction]
pub fn report<'py>(py: Python<'py>, folders: Vec<PathBuf>, out: PathBuf) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let found = short(py, || {
        let entries = folders.iter().map(|folder| Entry::read(folder)).collect::<Outcome<Vec<Entry>>>()?;
        comparison::write(&out, &entries)?;
        Ok::<_, Failure>(entries.iter().map(|entry| entry.value().clone()).collect::<Vec<_>>())
    })?;
    found.iter().map(|value| values::to_python(py, value)).collect()
}
