//! A whole run, from images to payments.

use crate::failure::short;
use crate::own::Own;
use crate::settings::Said;
use crate::values;
use crate::watch::watch;
use imfl_run::request::{self, GoOn};
use imfl_run::{Failure, Host, Kind};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Settings of keyword arguments, by the names that were given.
///
/// # Errors
/// A `UsageError` for what is no setting's value.
pub fn keywords_over(given: &Bound<PyDict>) -> PyResult<toml::Table> {
    table(given, "settings")
}

/// The configuration of a run that goes on from `resume` with these settings over its own, or of a new one.
///
/// # Errors
/// What is wrong with a setting, or with the run to go on with.
pub fn resumed_config(
    host: &Host,
    given: &toml::Table,
    resume: Option<String>,
) -> Outcome<(RunConfig, Option<checkpoint::Resumed>)> {
    let runs = overlaid(&RunConfig::default(), given)?.runs;
    let resumed = resume.map(|from| checkpoint::resume(host, &from, Path::new(&runs))).transpose()?;
    let base = resumed.as_ref().map(|resumed| resumed.config.clone()).unwrap_or_default();
    let mut config = overlaid(&base, given)?;
    let resumed = resumed.map(|resumed| resumed.with(&mut config, false)).transpose()?;
    Ok((config, resumed))
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
        let (config, resumed) = request::resolve(host, said.file()?, on.as_ref(), |config| said.over(config))?;
        let Some(mut finished) = imfl_run::run(config, resumed, host)? else {
            return Err(Failure::new(Kind::Unexpected, "another rank has the result"));
        };
        imfl_report::write(&mut finished)?;
        let summary = serde_json::to_value(&finished.summary).map_err(|error| Failure::new(Kind::Unexpected, error))?;
        Ok((finished.folder.path().to_path_buf(), summary))
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
