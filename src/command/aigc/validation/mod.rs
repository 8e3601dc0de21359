//! `imfl aigc assess --validate`: does a measure of generated images predict what they do for federated training?
//!
//! Generators of different training length and corrupted ones compete. Each fills the classes that skewed clients miss;
//! how much accuracy federated averaging gains by that is compared, by rank, with theta and with FID.

mod contest;
mod plot;
mod table;
mod trial;

use super::assess::Assess;
use crate::cli::Format;
use crate::failure::{Failure, Kind, Outcome};
use crate::progress;
use clap::Args;
use contest::Contest;
use imfl_aigc::Corruption;
use std::path::PathBuf;
use table::Table;
use trial::Trial;

/// What a comparison needs beside the settings of an assessment.
#[derive(Args)]
#[command(next_help_heading = "With --validate")]
pub struct Validation {
    /// Compare generators of different training length and corrupted ones: do theta and FID rank them as the accuracy does
    /// that federated training gains from their images?
    #[arg(long)]
    validate: bool,
    /// Steps after which a generator that is trained on the spot enters the comparison; 0 for none
    #[arg(long, value_delimiter = ',', default_value = "100,250,500,1000,2000")]
    lengths: Vec<u64>,
    /// Faults that turn the first generator's images into those of another contestant: labels:SHARE shuffles a share of the
    /// labels, noise:DEVIATION adds noise on the scale from 0 to 255
    #[arg(long, value_delimiter = ',', value_parser = str::parse::<Corruption>, default_value = "labels:0.25,labels:1")]
    corrupt: Vec<Corruption>,
    /// Trials, each with clients, models and images of its own
    #[arg(long, default_value_t = 3)]
    trials: u64,
    /// Clients of federated training
    #[arg(long, default_value_t = 10)]
    clients: usize,
    /// Samples of a client
    #[arg(long, default_value_t = 200)]
    client_samples: usize,
    /// Who holds what; the classes that a client misses are filled
    #[arg(long, default_value = "shards:2")]
    partition: String,
    /// Rounds of federated training
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// Also draw the comparison to this SVG file
    #[arg(long, value_name = "FILE", requires = "validate")]
    plot: Option<PathBuf>,
}

impl Validation {
    /// Whether a comparison is asked for.
    pub fn asked(&self) -> bool {
        self.validate
    }

    fn check(&self) -> Outcome {
        let rules =
            [("--trials", self.trials), ("--rounds", self.rounds), ("--client-samples", self.client_samples as u64)];
        match rules.iter().find(|(_, value)| *value == 0) {
            Some((flag, _)) => Err(Failure::new(Kind::Usage, format!("{flag} must be at least 1"))),
            None => Ok(()),
        }
    }
}

/// Compares and prints.
pub fn run(assess: &Assess) -> Outcome {
    let validation = &assess.validation;
    validation.check()?;
    let contest = Contest::open(assess)?;
    let mut trials = Vec::new();
    for seed in (assess.seed..).take(usize::try_from(validation.trials).unwrap_or(usize::MAX)) {
        trials.push(Trial::run(assess, &contest, seed)?);
        progress::note(format!("trial {} of {} (seed {seed}) is done", trials.len(), validation.trials));
    }
    let table = Table::new(&contest.names(), &trials)?;
    if let Some(path) = &validation.plot {
        let svg = plot::svg(&table)
            .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot draw the comparison: {error}")))?;
        std::fs::write(path, svg)
            .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot write {}: {error}", path.display())))?;
    }
    match assess.format {
        Format::Text => println!("{table}"),
        Format::Json => println!("{}", table.json()),
    }
    Ok(())
}
