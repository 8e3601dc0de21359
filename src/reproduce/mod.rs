//! The paper's results and what goes beyond them, made again by one command each.
//!
//! An experiment spans a grid. Every cell of it is computed from (settings, seed) alone and written down as one line of
//! `cells.jsonl`; a second run computes only what is missing. Markets come out of the pipeline's own stages, with quality and
//! costs that those stages have measured.

mod accuracy;
mod axis;
mod behaviour;
mod bound;
mod by_seed;
mod cost;
mod faults;
mod findings;
mod grid;
mod journal;
mod lab;
mod loss;
mod machine;
mod mixture;
mod replace;
mod rules;
mod settings;
mod world;

pub use findings::{Document, Findings, Table};

use crate::failure::Outcome;
use imfl_ranks::Ranks;
use journal::Journal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::Settings;
use std::path::PathBuf;
use world::World;

/// What can be reproduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Experiment {
    /// Server cost of every rule over clients, skew, kappa, generation cost and prior spread; trains nothing
    Cost,
    /// The allocation of every rule, trained for equally many rounds
    Accuracy,
    /// Whether the accuracy loss predicts the test loss, over random choices of participants
    Loss,
    /// Accuracy and gradient norm against the share of generated data, with an oracle of authentic images
    Mixture,
    /// Who stays out, trains, generates: by device and skew, and against the price; trains nothing
    Behaviour,
    /// Clients that drop out, misreport costs and labels or poison, a prior that is wrong
    Faults,
}

impl Experiment {
    /// The name of its settings and its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
            Self::Mixture => "mixture",
            Self::Behaviour => "behaviour",
            Self::Faults => "faults",
        }
    }
}

/// What the command line asks for.
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
    /// The processes that share the cells.
    pub ranks: Ranks,
}

/// Runs what is missing of an experiment and gathers what all of it found: on rank 0 a document.
///
/// # Errors
/// A failure whose kind tells configuration, data, device and divergence apart.
pub fn run(experiment: Experiment, request: &Request) -> Outcome<Option<Document>> {
    match experiment {
        Experiment::Cost => reproduce(experiment, request, cost::run),
        Experiment::Accuracy => reproduce(experiment, request, accuracy::run),
        Experiment::Loss => reproduce(experiment, request, loss::run),
        Experiment::Mixture => reproduce(experiment, request, mixture::run),
        Experiment::Behaviour => reproduce(experiment, request, behaviour::run),
        Experiment::Faults => reproduce(experiment, request, faults::run),
    }
}

fn reproduce<G: Serialize + DeserializeOwned>(
    experiment: Experiment,
    request: &Request,
    body: impl Fn(&World, &mut Journal, &[u64], &G) -> Outcome<Findings>,
) -> Outcome<Option<Document>> {
    let settings: Settings<G> = Settings::read(experiment, request)?;
    let quick = if request.quick { "-quick" } else { "" };
    let name = request.name.clone().unwrap_or_else(|| format!("{}{quick}", experiment.name()));
    let folder = request.folder.join(name);
    let mut journal = Journal::open(&folder, &settings.identity()?, request.fresh, &request.ranks)?;
    let world = World::open(settings.run, &journal)?;
    let findings = body(&world, &mut journal, &settings.seeds, &settings.grid)?;
    let write = || Document::write(experiment, request, &settings.seeds, &world, &journal, findings);
    request.ranks.is_first().then(write).transpose()
}
