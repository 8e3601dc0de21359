//! A whole run, from images to payments.

use crate::failure::short;
use crate::watch::watch;
use crate::{failure, values};
use imfl_run::config::{self, RecordedCosts, RunConfig};
use imfl_run::{Failure, Kind, Outcome, checkpoint};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};

/// Settings by the short names that the command line has for them, and their keys.
const SHORT: [(&str, &str); 27] = [
    ("clients", "partition.clients"),
    ("partition", "partition.scheme"),
    ("model", "training.model"),
    ("rounds", "training.rounds"),
    ("cohort", "training.cohort"),
    ("sampling", "training.sampling"),
    ("local_epochs", "training.local_epochs"),
    ("batch", "training.batch"),
    ("rate", "training.rate"),
    ("schedule", "training.schedule"),
    ("momentum", "training.momentum"),
    ("weight_decay", "training.weight_decay"),
    ("algorithm", "training.algorithm"),
    ("aggregation", "training.aggregation"),
    ("quorum", "training.quorum"),
    ("attack", "training.attack"),
    ("hostile", "training.hostile"),
    ("drop_out", "training.availability.before"),
    ("server", "training.server.rule"),
    ("server_rate", "training.server.rate"),
    ("generator", "generator.source"),
    ("rule", "mechanism.rule"),
    ("information", "mechanism.information"),
    ("weight", "mechanism.weight"),
    ("prior", "mechanism.prior"),
    ("checkpoint_every", "checkpoints.every"),
    ("keep", "checkpoints.keep"),
];

/// Settings by their short names, and their keys.
#[pyfunction]
pub fn settings() -> Vec<(&'static str, &'static str)> {
    SHORT.to_vec()
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

/// Puts `key = value` into a table, opening tables on the way.
fn put(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.into(), value)),
        Some((section, rest)) => {
            let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
            if let toml::Value::Table(section) = section {
                put(section, rest, value);
            }
        }
    }
}

/// Settings by short names or dotted keys, over `base`.
///
/// # Errors
/// A failure of kind [`Kind::Config`] that names the key.
pub fn overlaid(base: &RunConfig, given: toml::Table) -> Outcome<RunConfig> {
    let unexpected = |error: &dyn std::fmt::Display| Failure::new(Kind::Unexpected, error);
    let mut whole = toml::Table::try_from(base).map_err(|error| unexpected(&error))?;
    for (name, value) in given {
        let key = SHORT.iter().find(|(short, _)| *short == name).map_or(name.as_str(), |(_, key)| key);
        match (value, key.contains('.')) {
            // A section, whose keys join those that are there.
            (toml::Value::Table(section), false) if matches!(whole.get(key), Some(toml::Value::Table(_))) => {
                section.into_iter().for_each(|(inner, value)| put(&mut whole, &format!("{key}.{inner}"), value));
            }
            (value, _) => put(&mut whole, key, value),
        }
    }
    config::read_text(&whole.to_string(), "settings").map_err(|failure| {
        // The place in a text that nobody wrote says nothing.
        let text = failure.to_string();
        let problem = text.splitn(4, ':').nth(3).map_or(text.as_str(), str::trim);
        Failure::new(failure.kind(), format!("settings: {problem}"))
    })
}

/// Settings of keyword arguments over the defaults.
///
/// # Errors
/// As [`overlaid`].
pub fn keywords(py: Python, given: &Bound<PyDict>) -> PyResult<RunConfig> {
    let given = table(given, "settings")?;
    short(py, || overlaid(&RunConfig::default(), given))
}

/// Runs everything, or goes on with a run. Returns the run's folder and its summary.
#[pyfunction]
pub fn run<'py>(
    py: Python<'py>,
    config: Option<&Bound<PyAny>>,
    given: &Bound<PyDict>,
    resume: Option<String>,
    resume_changed: bool,
    recorded: Option<PathBuf>,
    on_event: Option<&Bound<PyAny>>,
) -> PyResult<(PathBuf, Bound<'py, PyAny>)> {
    let source = Source::read(config)?;
    let given = table(given, "settings")?;
    let (folder, summary) = watch(py, on_event, move |host| {
        let file = source.map(|source| source.config()).transpose()?;
        let mut base = file.clone().unwrap_or_default();
        let runs = overlaid(&base, given.clone())?.runs;
        let resumed = resume.map(|from| checkpoint::resume(&host.files, &from, Path::new(&runs))).transpose()?;
        // Without a file a run that goes on has its own settings.
        if let (Some(resumed), None) = (&resumed, file) {
            base = resumed.config.clone();
        }
        let mut config = overlaid(&base, given)?;
        if let Some(recorded) = recorded {
            RecordedCosts::read(&recorded)?.fix(&mut config.costs);
        }
        let resumed = resumed.map(|resumed| resumed.with(&config, resume_changed)).transpose()?;
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
    short(py, || Ok::<_, Failure>(imfl_engine::device::present().iter().map(ToString::to_string).collect()))
}
