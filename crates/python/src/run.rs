//! A whole run, from images to payments.

use crate::failure::short;
use crate::own::Own;
use crate::watch::watch;
use crate::{failure, values};
use imfl_run::config::{self, RecordedCosts, RunConfig};
use imfl_run::setting::Setting;
use imfl_run::{Failure, Host, Kind, Outcome, checkpoint};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};

/// The key that a short name stands for: that of the command line's flag, or the dotted key itself.
fn key(name: &str) -> &str {
    let flag = name.replace('_', "-");
    let named = |setting: &&Setting| setting.flag == Some(flag.as_str()) || setting.aliases.contains(&flag.as_str());
    config::all().iter().find(named).map_or(name, |setting| setting.key.as_str())
}

/// Settings by their short names, and their keys.
#[pyfunction]
pub fn settings() -> Vec<(String, &'static str)> {
    let flags =
        config::all().iter().filter_map(|setting| Some((setting.flag?.replace('-', "_"), setting.key.as_str())));
    flags.collect()
}

/// What a configuration comes from.
pub enum Source {
    File(PathBuf),
    Text(String),
    Table(toml::Table),
}

impl Source {
    /// A path, TOML text (which has a line end or an equals sign), or a mapping.
    fn read(given: Option<&Bound<PyAny>>) -> PyResult<Option<Self>> {
        let Some(given) = given else { return Ok(None) };
        if let Ok(text) = given.extract::<String>() {
            let is_text = text.contains(['\n', '=']);
            return Ok(Some(if is_text { Self::Text(text) } else { Self::File(text.into()) }));
        }
        if let Ok(path) = given.extract::<PathBuf>() {
            return Ok(Some(Self::File(path)));
        }
        Ok(Some(Self::Table(table(given, "config")?)))
    }

    fn text(&self) -> Outcome<(String, String)> {
        match self {
            Self::Text(text) => Ok((text.clone(), "config".into())),
            Self::Table(table) => Ok((table.to_string(), "config".into())),
            Self::File(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Failure::new(Kind::Config, format!("cannot read {name}: {error}")))?;
                Ok((text, name))
            }
        }
    }

    fn config(&self) -> Outcome<RunConfig> {
        let (text, name) = self.text()?;
        config::read_text(&text, &name)
    }
}

fn table(given: &Bound<PyAny>, place: &str) -> PyResult<toml::Table> {
    match values::to_toml(given, place)? {
        toml::Value::Table(table) => Ok(table),
        other => {
            Err(failure::usage(given.py(), format!("{place} is {other}; expected a mapping, TOML text or a path")))
        }
    }
}

/// Settings by short names or dotted keys, over `base`.
///
/// # Errors
/// A failure that names the key.
pub fn overlaid(base: &RunConfig, given: &toml::Table) -> Outcome<RunConfig> {
    let mut config = base.clone();
    for (name, value) in given {
        set(&mut config, key(name), value, name)?;
    }
    Ok(config)
}

/// Sets what a key names: a value, or the values of a section; `said` is how it was said.
fn set(config: &mut RunConfig, key: &str, value: &toml::Value, said: &str) -> Outcome {
    match value {
        toml::Value::Table(section) if !config::all().iter().any(|setting| setting.key == key) => {
            let inner = |(inner, value): (&String, &toml::Value)| {
                set(config, &format!("{key}.{inner}"), value, &format!("{said}.{inner}"))
            };
            section.iter().try_for_each(inner)
        }
        toml::Value::String(text) => config.set(key, text, &format!("`{said}`")),
        other => config.set(key, &other.to_string(), &format!("`{said}`")),
    }
}

/// Settings of keyword arguments over the defaults.
///
/// # Errors
/// As [`overlaid`].
pub fn keywords(py: Python, given: &Bound<PyDict>) -> PyResult<RunConfig> {
    let given = table(given, "settings")?;
    short(py, || overlaid(&RunConfig::default(), &given))
}

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
    let file = Source::read(config)?;
    let given = table(given, "settings")?;
    let brought = source.map(|own| own.get().source());
    let (folder, summary) = watch(py, on_event, move |host| {
        let host = &Host { source: brought, ..host.clone() };
        let file = file.map(|file| file.config()).transpose()?;
        let mut base = file.clone().unwrap_or_default();
        let runs = overlaid(&base, &given)?.runs;
        let resumed = resume.map(|from| checkpoint::resume(host, &from, Path::new(&runs))).transpose()?;
        // Without a file a run that goes on has its own settings; its seed it keeps in any case.
        if let (Some(resumed), None) = (&resumed, &file) {
            base = resumed.config.clone();
        }
        base.seed = base.seed.or(resumed.as_ref().and_then(|resumed| resumed.config.seed));
        let mut config = overlaid(&base, &given)?;
        if let Some(recorded) = recorded {
            RecordedCosts::read(&recorded)?.fix(&mut config.costs);
        }
        let resumed = resumed.map(|resumed| resumed.with(&mut config, resume_changed)).transpose()?;
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
