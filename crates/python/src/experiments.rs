//! The paper's results, and pages that compare what was run.

use crate::failure::{self, short};
use crate::values;
use crate::watch::watch;
use imfl_experiment::reproduce::{self, Request};
use imfl_report::comparison::{self, Entry};
use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;
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
