//! A whole run, from images to payments.

use crate::failure::short;
use crate::own::Own;
use crate::settings::Said;
use crate::values;
use crate::watch::watch;
use imfl_run::request::{self, GoOn};
use imfl_run::{Failure, Host, Kind, Outcome};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Runs what is said, or goes on: the run's folder and its summary.
///
/// # Errors
/// What is wrong with a setting or with the run to go on with, and what ends a run.
pub fn whole(host: &Host, said: &Said, on: Option<&GoOn>) -> Outcome<(PathBuf, serde_json::Value)> {
    let (config, resumed) = request::resolve(host, said.file()?, on, |config| said.over(config))?;
    let Some(mut finished) = imfl_run::run(config, resumed, host)? else {
        return Err(Failure::new(Kind::Unexpected, "another rank has the result"));
    };
    imfl_report::write(&mut finished)?;
    let summary = serde_json::to_value(&finished.summary).map_err(|error| Failure::new(Kind::Unexpected, error))?;
    Ok((finished.folder.path().to_path_buf(), summary))
}

/// Runs everything, or goes on with a run. Returns the run's folder and its summary.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn run<'py>(
    py: Python<'py>,
    config: Option<&Bound<PyAny>>,
    given: &Bound<PyDict>,
    resume: Option<String>,
    resume_changed: bool,
    recorded: Option<PathBuf>,
    source: Option<Py<Own>>,
    on_event: Option<&Bound<PyAny>>,
) -> PyResult<(PathBuf, Bound<'py, PyAny>)> {
    let said = Said::read(config, given, recorded)?;
    let on = resume.map(|from| GoOn { from, changed: resume_changed });
    let brought = source.map(|own| own.get().source());
    let (folder, summary) = watch(py, on_event, move |host| {
        let host = &Host { source: brought, ..host.clone() };
        whole(host, &said, on.as_ref())
    })?;
    Ok((folder, values::to_python(py, &summary)?))
}

/// What this build can compute on, on this machine.
#[pyfunction]
pub fn devices(py: Python) -> PyResult<Vec<String>> {
    short(py, || {
        Ok::<_, Failure>(imfl_engine::device::present().iter().map(|adapter| adapter.name.to_string()).collect())
    })
}
