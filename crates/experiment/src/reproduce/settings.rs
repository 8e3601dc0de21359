//! What an experiment is told: a TOML file with its seeds, the grid it spans and the run that it varies.

use imfl_run::assets;
use imfl_run::config::{self, RunConfig};
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is asked for, beside the name of the experiment.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The settings for a first look.
    pub quick: bool,
    /// Another file of settings.
    pub settings: Option<PathBuf>,
    /// Folder of experiments' folders.
    pub folder: PathBuf,
    /// Name of this experiment's folder.
    pub name: Option<String>,
    /// Whether to forget what was computed before.
    pub fresh: bool,
    /// Another dataset.
    pub dataset: Option<String>,
    /// Another generator.
    pub generator: Option<String>,
    /// Another device.
    pub device: Option<String>,
    /// Another number of threads.
    pub workers: Option<usize>,
}

/// A settings file. `G` is the experiment's own part.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings<G> {
    /// Every cell is computed once for each of these.
    pub seeds: Vec<u64>,
    /// What is varied, and over which values.
    pub grid: G,
    /// The run that is varied: the keys of a run's configuration.
    pub run: RunConfig,
}

impl<G: DeserializeOwned + Serialize> Settings<G> {
    /// Reads the file that is asked for, or the one that ships for the experiment, and puts the command's wishes on top.
    ///
    /// # Errors
    /// A failure that names file, line and key.
    pub fn read(experiment: &str, request: &Request) -> Outcome<Self> {
        let path = match &request.settings {
            Some(path) => path.clone(),
            None => {
                let quick = if request.quick { "-quick" } else { "" };
                assets::path(&format!("experiments/{}{quick}.toml", experiment))?
            }
        };
        let mut settings: Self = config::read_as(&path)?;
        let Some(&first) = settings.seeds.first() else {
            let problem = format!("{}: `seeds` is empty; give at least one", path.display());
            return Err(Failure::new(Kind::Config, problem));
        };
        let run = &mut settings.run;
        run.seed.get_or_insert(first);
        let wishes = [
            ("dataset", "--dataset", &request.dataset),
            ("generator.source", "--generator", &request.generator),
            ("device", "--device", &request.device),
        ];
        for (key, flag, wish) in wishes {
            wish.as_ref().map_or(Ok(()), |wish| run.set(key, wish, flag))?;
        }
        run.workers = request.workers.or(run.workers);
        run.check()?;
        Ok(settings)
    }

    /// What decides the results, as text: a folder with another text holds other results.
    ///
    /// # Errors
    /// None that can be met: the settings came out of TOML.
    pub fn identity(&self) -> Outcome<String> {
        let mut table = toml::Table::try_from(self).map_err(|error| Failure::new(Kind::Unexpected, error))?;
        if let Some(run) = table.get_mut("run").and_then(toml::Value::as_table_mut) {
            // Nothing depends on the number of threads or on where runs are kept.
            run.remove("workers");
            run.remove("runs");
        }
        toml::to_string(&table).map_err(|error| Failure::new(Kind::Unexpected, error))
    }
}
