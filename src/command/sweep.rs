//! `imfl sweep`: many runs over a grid of settings and seeds.

use crate::output::{self, Format};
use crate::settings::{self, Settings};
use clap::Args;
use imfl_experiment::sweep::{Axis, Seeds, Sweep as Grid};
use imfl_run::config::{self, RunConfig};
use imfl_run::{Host, Outcome};
use std::path::PathBuf;

/// Run every combination of some settings' values, with every seed, and compare them.
///
/// Finished runs are kept in the sweep's folder; the same command goes on where it stopped, and one with more values or seeds runs
/// those alone. Runs share the processor's cores, one thread each, and the ranks of mpirun.
#[derive(Args)]
pub struct Sweep {
    /// A setting and its values, as in --grid training.rate=0.1,0.2; again for another setting
    #[arg(long, value_name = "KEY=VALUE,VALUE", required = true)]
    grid: Vec<String>,
    /// Seeds of every combination: 1..5 are five of them, 1,2,7 three [default: --seed, or 1..3]
    #[arg(long, value_name = "SEEDS")]
    seeds: Option<String>,
    /// Folder of the sweeps' folders; this one's is called as --name says, else sweep
    #[arg(long, default_value = "experiments", env = "IMFL_EXPERIMENTS")]
    folder: PathBuf,
    /// Forget what was computed before
    #[arg(long)]
    fresh: bool,
    /// A TOML file with the settings of the run that is varied
    #[arg(long, value_name = "FILE", env = "IMFL_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// `measured`, or `recorded FILE` with the summary.json of an earlier run, which takes the noise of measuring out [default: measured]
    #[arg(long, num_args = 1..=2, value_names = ["measured|recorded", "FILE"])]
    costs: Vec<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Sweep {
    /// Runs what is missing and prints the whole.
    pub fn run(self, host: &Host) -> Outcome {
        let mut base = self.config.as_deref().map(config::read).transpose()?.unwrap_or_default();
        self.settings.apply(&mut base)?;
        settings::costs(&self.costs, &mut base)?;
        let axes = self.grid.iter().map(|axis| axis.parse()).collect::<Outcome<Vec<Axis>>>()?;
        let seeds = self.seeds.as_deref().or(self.settings.get("seed")).unwrap_or("1..3").parse::<Seeds>()?.0;
        let name = self.settings.get("name").unwrap_or("sweep").to_string();
        let base = RunConfig { seed: None, ..base };
        let grid = Grid { base, axes, seeds, folder: self.folder, name, fresh: self.fresh };
        let Some(swept) = grid.run(host)? else { return Ok(()) };
        match self.format {
            Format::Text => {
                let mut text = String::new();
                for table in swept.tables {
                    let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
                    let rows = output::trimmed(&output::table(&header, 1, table.rows));
                    text += &format!("{}\n{rows}\n\n", table.title);
                }
                let (seconds, page) = (swept.seconds, swept.page.display());
                output::text(&format!("{text}time          {seconds:.1} s of work in all runs\nreport        {page}\n"))
            }
            Format::Json => output::print(&swept.value),
        }
    }
}
