//! What a caller says of a run: a configuration, and settings over it by their short names or dotted keys.

use crate::failure::{self, short};
use crate::values;
use imfl_run::config::{self, RecordedCosts, RunConfig};
use imfl_run::setting::Setting;
use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// The key that a short name stands for: that of the command line's flag, or the dotted key itself.
pub fn key(name: &str) -> &str {
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

/// A configuration file with every setting, explained.
#[pyfunction]
pub fn template(py: Python, config: Option<&Bound<PyAny>>, given: &Bound<PyDict>) -> PyResult<String> {
    let said = Said::read(config, given, None)?;
    short(py, || {
        let config = said.config()?;
        config.check()?;
        config.template()
    })
}

/// What a configuration comes from.
enum Source {
    File(PathBuf),
    Text(String),
    Table(toml::Table),
}

impl Source {
    /// A path, TOML text (which has a line end or an equals sign), or a mapping.
    fn read(given: &Bound<PyAny>) -> PyResult<Self> {
        if let Ok(text) = given.extract::<String>() {
            let is_text = text.contains(['\n', '=']);
            return Ok(if is_text { Self::Text(text) } else { Self::File(text.into()) });
        }
        if let Ok(path) = given.extract::<PathBuf>() {
            return Ok(Self::File(path));
        }
        Ok(Self::Table(table(given, "config")?))
    }

    fn config(&self) -> Outcome<RunConfig> {
        match self {
            Self::Text(text) => config::read_text(text, "config"),
            Self::Table(table) => config::read_text(&table.to_string(), "config"),
            Self::File(path) => config::read(path),
        }
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

/// A setting's key, its value as text, and how it was said.
struct Spoken {
    key: String,
    value: String,
    by: String,
}

/// A value as a setting takes it.
pub fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Settings by short names or dotted keys; the values of a section come one by one.
fn flat(into: &mut Vec<Spoken>, key: &str, value: &toml::Value, by: &str) {
    match value {
        toml::Value::Table(section) if !config::all().iter().any(|setting| setting.key == key) => {
            for (inner, value) in section {
                flat(into, &format!("{key}.{inner}"), value, &format!("{by}.{inner}"));
            }
        }
        value => into.push(Spoken { key: key.into(), value: text(value), by: by.into() }),
    }
}

/// A configuration, and what is said over it.
pub struct Said {
    source: Option<Source>,
    settings: Vec<Spoken>,
    recorded: Option<PathBuf>,
}

impl Said {
    /// Takes what a function of the Python layer was given: `recorded` is the summary of a run whose costs are taken.
    ///
    /// # Errors
    /// A `UsageError` for what is neither a configuration nor a setting's value.
    pub fn read(config: Option<&Bound<PyAny>>, given: &Bound<PyDict>, recorded: Option<PathBuf>) -> PyResult<Self> {
        let mut settings = Vec::new();
        for (name, value) in &table(given, "settings")? {
            flat(&mut settings, key(name), value, name);
        }
        Ok(Self { source: config.map(Source::read).transpose()?, settings, recorded })
    }

    /// The configuration by itself, if there is one.
    ///
    /// # Errors
    /// A failure with line, column and the nearest key.
    pub fn file(&self) -> Outcome<Option<RunConfig>> {
        self.source.as_ref().map(Source::config).transpose()
    }

    /// Puts what is said over a configuration.
    ///
    /// # Errors
    /// A failure that names the setting.
    pub fn over(&self, config: &mut RunConfig) -> Outcome {
        for Spoken { key, value, by } in &self.settings {
            config.set(key, value, &format!("`{by}`"))?;
        }
        match &self.recorded {
            Some(path) => {
                RecordedCosts::read(path)?.fix(&mut config.costs);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// All of it, over the defaults.
    ///
    /// # Errors
    /// As [`Said::file`] and [`Said::over`].
    pub fn config(&self) -> Outcome<RunConfig> {
        let mut config = self.file()?.unwrap_or_default();
        self.over(&mut config)?;
        Ok(config)
    }

    /// Refuses settings of other keys than these, since nobody would look at them.
    ///
    /// # Errors
    /// A failure that names the setting.
    pub fn only(&self, known: impl Fn(&str) -> bool, problem: &str) -> Outcome {
        // What is no setting at all is called so when it is put over a configuration.
        let whole = |key: &str| config::all().iter().any(|setting| setting.key == key);
        match self.settings.iter().find(|setting| whole(&setting.key) && !known(&setting.key)) {
            Some(setting) => Err(Failure::new(Kind::Usage, format!("`{}` {problem}", setting.by))),
            None => Ok(()),
        }
    }
}
