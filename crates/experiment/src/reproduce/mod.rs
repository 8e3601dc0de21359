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
pub mod column;
mod cost;
mod faults;
mod findings;
mod frontier;
pub mod grid;
mod journal;
pub(crate) mod lab;
mod log_fit;
mod loss;
pub(crate) mod machine;
mod mixture;
mod network;
mod privacy;
mod remembered;
mod replace;
mod rules;
mod settings;
mod world;

pub use findings::{Document, Findings};
pub use journal::Journal;
pub use settings::Request;
pub use world::{Measured, Place, World};

use imfl_run::config::ObjectiveChoice;
use imfl_run::failure::Outcome;
use imfl_run::host::Host;
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::Settings;

/// What can be reproduced.
#[derive(Clone, Copy)]
pub struct Experiment {
    /// The name of its settings and its folder.
    pub name: &'static str,
    /// What it asks, in one line.
    pub about: &'static str,
    /// Runs it by its name: [`reproduce`] with the function that fills the grid.
    pub run: fn(&str, &Request, &Host) -> Outcome<Option<Document>>,
}

/// All experiments.
pub const ALL: [Experiment; 9] = [
    Experiment {
        name: "cost",
        about: "Server cost of every rule over clients, skew, kappa, generation cost and prior spread; trains nothing",
        run: |name, request, host| reproduce(name, request, host, cost::run),
    },
    Experiment {
        name: "accuracy",
        about: "The allocation of every rule, trained for equally many rounds",
        run: |name, request, host| reproduce(name, request, host, accuracy::run),
    },
    Experiment {
        name: "frontier",
        about: "Accuracy against payments for every rule, with worth swept and participants chosen by a forecast",
        run: |name, request, host| reproduce_by(name, ObjectiveChoice::Forecast, request, host, frontier::run),
    },
    Experiment {
        name: "loss",
        about: "Whether the accuracy loss predicts the test loss, over random choices of participants",
        run: |name, request, host| reproduce(name, request, host, loss::run),
    },
    Experiment {
        name: "mixture",
        about: "Accuracy and gradient norm against the share of generated data, with an oracle of authentic images",
        run: |name, request, host| reproduce(name, request, host, mixture::run),
    },
    Experiment {
        name: "behaviour",
        about: "Who stays out, trains, generates: by device and skew, and against the price; trains nothing",
        run: |name, request, host| reproduce(name, request, host, behaviour::run),
    },
    Experiment {
        name: "faults",
        about: "Clients that drop out, misreport costs and labels or poison, a prior that is wrong",
        run: |name, request, host| reproduce(name, request, host, faults::run),
    },
    Experiment {
        name: "network",
        about: "What a target accuracy takes in time, bytes and pay on networks, by policy and compression",
        run: |name, request, host| reproduce(name, request, host, network::run),
    },
    Experiment {
        name: "privacy",
        about: "Accuracy, pay and who takes part against epsilon, by forecasts that know the noise",
        run: |name, request, host| reproduce_by(name, ObjectiveChoice::Forecast, request, host, privacy::run),
    },
];

impl Experiment {
    /// Runs what is missing of an experiment and gathers what all of it found: on rank 0 a document.
    ///
    /// # Errors
    /// A failure whose kind tells configuration, data, device and divergence apart.
    pub fn run(&self, request: &Request, host: &Host) -> Outcome<Option<Document>> {
        (self.run)(self.name, request, host)
    }
}

/// Opens an experiment's folder, values participants by the bound or by what the experiment examines, measures its world once, lets `body` fill the grid, and writes down what it found.
///
/// # Errors
/// As [`Experiment::run`].
pub fn reproduce<G: Serialize + DeserializeOwned>(
    experiment: &str,
    request: &Request,
    host: &Host,
    body: impl Fn(&World, &mut Journal, &[u64], &G) -> Outcome<Findings>,
) -> Outcome<Option<Document>> {
    reproduce_by(experiment, ObjectiveChoice::Bound, request, host, body)
}

/// The same with the objective of runs: under a forecast, the server holds images that no client has, for pilots.
fn reproduce_by<G: Serialize + DeserializeOwned>(
    experiment: &str,
    objective: ObjectiveChoice,
    request: &Request,
    host: &Host,
    body: impl Fn(&World, &mut Journal, &[u64], &G) -> Outcome<Findings>,
) -> Outcome<Option<Document>> {
    let mut settings: Settings<G> = Settings::read(experiment, request)?;
    let quick = if request.quick { "-quick" } else { "" };
    let name = request.name.clone().unwrap_or_else(|| format!("{experiment}{quick}"));
    imfl_run::limits::folder_name(&name)?;
    let folder = request.folder.join(name);
    let journal = Journal::open(&folder, &settings.identity()?, request.fresh, &host.ranks)?;
    let mut journal = journal.watched(&host.progress);
    settings.run.mechanism.objective = objective;
    let world = World::open(settings.run, &journal, host)?;
    let findings = body(&world, &mut journal, &settings.seeds, &settings.grid)?;
    let write = || Document::write(experiment, request.quick, &settings.seeds, &world, &journal, findings);
    host.ranks.is_first().then(write).transpose()
}
