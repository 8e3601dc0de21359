//! `imfl reproduce`: the paper's results, and what goes beyond them, made again.

use super::mechanism::output;
use crate::cli::Format;
use crate::failure::Outcome;
use crate::reproduce::{self, Experiment, Request};
use clap::Args;
use imfl_ranks::Ranks;
use std::path::PathBuf;

/// Make the paper's results again: every figure and number of docs/results.md comes from one of these.
///
/// Finished cells of an experiment's grid are kept in its folder; run again, it goes on where it stopped.
#[derive(Args)]
pub struct Reproduce {
    /// What to reproduce
    #[arg(value_enum)]
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
    /// A shipped dataset's name (mnist) or a path: IDX folder, CIFAR-10 binary, image folder
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
    pub fn run(self, ranks: &Ranks) -> Outcome {
        let Self { quick, settings, folder, name, fresh, dataset, generator, device, workers, .. } = self;
        let request =
            Request { quick, settings, folder, name, fresh, dataset, generator, device, workers, ranks: ranks.clone() };
        let Some(document) = reproduce::run(self.experiment, &request)? else { return Ok(()) };
        match self.format {
            Format::Text => output::text(&format!("{document}\n")),
            Format::Json => output::print(document.to_json()),
        }
    }
}
