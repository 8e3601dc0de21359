//! `imfl run`: the whole path from images to payments.

use crate::output::{self, Format};
use crate::serve;
use crate::settings::{self, Settings};
use clap::Args;
use imfl_run::config::{self, RunConfig};
use imfl_run::request::{self, GoOn};
use imfl_run::{Failure, Host, Kind, Outcome};
use std::path::{Path, PathBuf};

/// Share data out, measure it, price it, train on it, pay for it.
///
/// A flag wins over its environment variable, that over the configuration file, that over the default.
#[derive(Args)]
pub struct Run {
    /// A TOML file with any of the settings; a run's own `config.toml` repeats it
    #[arg(long, value_name = "FILE", env = "IMFL_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// `measured`, or `recorded FILE` with the summary.json of an earlier run [default: measured]
    #[arg(long, num_args = 1..=2, value_names = ["measured|recorded", "FILE"])]
    costs: Vec<String>,
    /// Go on with a run: `latest`, a run's folder, or a checkpoint's folder; for longer with --rounds
    #[arg(long, value_name = "latest|PATH")]
    resume: Option<String>,
    /// Go on although the configuration is not what the run was started with
    #[arg(long, requires = "resume")]
    resume_changed: bool,
    /// Write a configuration file with all settings, each explained, and run nothing
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Show the run in progress to a browser on this machine, at a free port of 127.0.0.1 or at PORT
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0", conflicts_with = "init")]
    serve: Option<u16>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Run {
    /// Resolves the configuration and runs it; every rank reads the same files.
    pub fn run(self, host: &Host) -> Outcome {
        // Of several ranks the first tells what happens.
        let served = match self.serve.filter(|_| host.ranks.is_first()) {
            Some(port) => Host { progress: serve::follow(&host.progress, port)?, ..host.clone() },
            None => host.clone(),
        };
        let host = &served;
        let file = self.config.as_deref().map(config::read).transpose()?;
        let on = self.resume.map(|from| GoOn { from, changed: self.resume_changed });
        let (config, resumed) = request::resolve(host, file, on.as_ref(), |config| {
            self.settings.apply(config)?;
            settings::costs(&self.costs, config)
        })?;
        if let Some(path) = &self.init {
            return init(path, &config, host);
        }
        let Some(mut finished) = imfl_run::run(config, resumed, host)? else { return Ok(()) };
        imfl_report::write(&mut finished)?;
        match self.format {
            Format::Text => output::text(&format!("{}\n", finished.summary)),
            Format::Json => output::print(&finished.summary),
        }
    }
}

/// Writes the configuration where nothing is yet; of several ranks the first does.
fn init(path: &Path, config: &RunConfig, host: &Host) -> Outcome {
    config.check()?;
    if !host.ranks.is_first() {
        return Ok(());
    }
    if path.exists() {
        let problem = format!("{} is there already: remove it, or give another --init", path.display());
        return Err(Failure::new(Kind::Usage, problem));
    }
    output::write(path, config.template()?)?;
    output::text(&format!("{}\n", path.display()))
}
