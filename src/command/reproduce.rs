//! `imfl reproduce`: the paper's results, and what goes beyond them, made again.

use crate::options::choice;
use crate::output::{self, Format};
use clap::Args;
use imfl_experiment::reproduce::{self, Document, Experiment, Request};
use imfl_run::{Host, Outcome};
use std::path::PathBuf;

/// Make the paper's results again: every figure and number of docs/results.md comes from one of these.
///
/// Finished cells of an experiment's grid are kept in its folder; run again, it goes on where it stopped.
#[derive(Args)]
pub struct Reproduce {
    /// What to reproduce
    #[arg(value_parser = choice(&reproduce::ALL.map(|experiment| (experiment.name, experiment.about, experiment))))]
    experiment: Experiment,
    /// Settings for a first look, under five minutes on two cores
    #[arg(long)]
    quick: bool,
    /// Another TOML file of settings than assets/experiments/EXPERIMENT.toml
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Folder of the experiments' folders
    #[arg(long, default_value = "experiments", env = "IMFL_EXPERIMENTS")]
    folder: PathBuf,
    /// Name of the experiment's folder [default: the experiment's, with -quick]
    #[arg(long)]
    name: Option<String>,
    /// Forget what was computed before
    #[arg(long)]
    fresh: bool,
    /// A shipped dataset's name (mnist, letters, glosses, notes) or a path: IDX folder, CIFAR-10 binary, image or sound folder, table (CSV), texts (CSV, JSON lines)
    #[arg(long, env = "IMFL_DATASET")]
    dataset: Option<String>,
    /// auto, train, none, or a generator's checkpoint
    #[arg(long)]
    generator: Option<String>,
    /// auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, env = "IMFL_DEVICE")]
    device: Option<String>,
    /// Threads [default: one for each core]
    #[arg(long, env = "IMFL_WORKERS")]
    workers: Option<usize>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Reproduce {
    /// Computes what is missing and prints the whole.
    pub fn run(self, host: &Host) -> Outcome {
        let Self { quick, settings, folder, name, fresh, dataset, generator, device, workers, .. } = self;
        let request = Request { quick, settings, folder, name, fresh, dataset, generator, device, workers };
        let Some(document) = self.experiment.run(&request, host)? else { return Ok(()) };
        match self.format {
            Format::Text => output::text(&text(document)),
            Format::Json => output::print(&document.value),
        }
    }
}

/// The experiment as a person reads it.
fn text(document: Document) -> String {
    let mut text = String::new();
    for table in document.tables {
        let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
        text += &format!("{}\n{}\n\n", table.title, output::trimmed(&output::table(&header, 1, table.rows)));
    }
    text.extend(document.notes.iter().map(|note| format!("{note}\n")));
    let (seconds, page) = (document.seconds, document.page.display());
    text + &format!(
        "time          {seconds:.1} s of work, in all runs of this experiment together\nreport        {page}\n"
    )
}
