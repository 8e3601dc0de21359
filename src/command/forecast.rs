//! `imfl forecast`: what accuracy to expect of whom, learnt from pilots before a run.

use crate::command::mechanism::forecast::{Show, print};
use crate::output::{self, Format};
use crate::settings::{self, Settings};
use clap::{Args, Subcommand};
use imfl_run::config::{self, RunConfig};
use imfl_run::pipeline::calibrate;
use imfl_run::{Host, Outcome};
use std::path::PathBuf;

/// The subcommands of `imfl forecast`.
#[derive(Subcommand)]
pub enum Forecast {
    /// Train pilots on images that the server holds, and fit a forecast to what came of them.
    Fit(Box<Fit>),
    /// Show the laws of a forecast, and how well they did on pilots that they had not seen.
    Show(Show),
}

/// `imfl forecast fit`. Takes the settings of the run that the forecast is for; `--pilots SECONDS` says how long it may take.
#[derive(Args)]
pub struct Fit {
    /// A TOML file with any of the settings; a run's own `config.toml` fits a forecast for it
    #[arg(long, value_name = "FILE", env = "IMFL_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// `measured`, or `recorded FILE` with the summary.json of an earlier run [default: measured]
    #[arg(long, num_args = 1..=2, value_names = ["measured|recorded", "FILE"])]
    costs: Vec<String>,
    /// Where the forecast is written
    #[arg(long, value_name = "FILE.toml")]
    out: PathBuf,
    /// Where the pilots are written, as `imfl mechanism forecast fit` reads them
    #[arg(long, value_name = "FILE.csv")]
    table: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Forecast {
    /// Runs the subcommand.
    pub fn run(self, host: &Host) -> Outcome {
        match self {
            Self::Fit(fit) => fit.run(host),
            Self::Show(show) => show.run(),
        }
    }
}

impl Fit {
    fn run(self, host: &Host) -> Outcome {
        let mut config: RunConfig = self.config.as_deref().map(config::read).transpose()?.unwrap_or_default();
        self.settings.apply(&mut config)?;
        settings::costs(&self.costs, &mut config)?;
        let (pilots, found) = calibrate(config, host)?;
        if !host.ranks.is_first() {
            return Ok(());
        }
        output::write(&self.out, found.forecast.to_toml())?;
        if let Some(table) = &self.table {
            output::write(table, imfl_mechanism::objective::Pilot::to_csv(&pilots))?;
        }
        print(&found.forecast, &found.candidates, self.format)
    }
}
