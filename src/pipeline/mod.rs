//! The critical path of a run, stage by stage.

mod allocate;
mod assess;
mod augment;
mod compare;
mod partition;
mod profile;
mod settle;
mod setup;
mod source;
mod summary;
mod train;

pub use allocate::Allocation;
pub use assess::Assessment;
pub use augment::fill;
pub use compare::Yardstick;
pub use partition::run as partition;
pub use profile::Profile;
pub use setup::{Opened, Setup};
pub use source::corpus;
pub use summary::Summary;
pub use train::{RoundMetrics, Training};

use crate::config::RunConfig;
use crate::failure::Outcome;
use crate::report;
use crate::run_dir::RunDir;
use summary::Stopwatch;

/// Measures what the generator's images are worth to a run, along a trajectory of its clients, and nothing else.
///
/// # Errors
/// As [`run`].
pub fn probe(setup: &Setup) -> Outcome<Assessment> {
    assess::run(setup, &partition::run(setup)?)
}

/// Runs everything that the configuration asks for and leaves a run folder behind.
///
/// # Errors
/// A failure whose kind tells configuration, data, device and divergence apart.
pub fn run(config: RunConfig) -> Outcome<Summary> {
    config.check()?;
    let mut clock = Stopwatch::start();
    let setup = Setup::open(config)?;
    let shares = partition::run(&setup)?;
    let folder = RunDir::create(&setup.config.runs, &setup.config.name)?;
    clock.lap("partition");
    let profile = profile::run(&setup, &shares)?;
    clock.lap("profile");
    let assessment = assess::run(&setup, &shares)?;
    clock.lap("assess");
    let allocation = allocate::run(&setup, &profile, &assessment)?;
    clock.lap("allocate");
    let training = train::run(&setup, &shares, &allocation, &folder)?;
    clock.lap("train");
    settle::run(&allocation, &folder)?;
    let summary = Summary::of(&setup, &profile, &assessment, &allocation, &training, &folder, &clock);
    report::write(&setup, &profile, &allocation, &training, &summary, &folder)?;
    clock.lap("report");
    let summary = summary.timed(&clock);
    folder.write("summary.json", summary.to_json())?;
    Ok(summary)
}
