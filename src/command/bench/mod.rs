//! `imfl bench`: how fast this machine is at the work that runs are made of.

mod generate;
mod memory;
mod train;

use crate::failure::Outcome;
use clap::Subcommand;
use imfl_ranks::Ranks;

/// The subcommands of `imfl bench`.
#[derive(Subcommand)]
pub enum Bench {
    Generate(generate::Generate),
    Train(Box<train::Train>),
}

impl Bench {
    /// Runs the subcommand in this process alone.
    pub fn run(self) -> Outcome {
        match self {
            Self::Generate(generate) => generate.run(),
            Self::Train(train) => train.run(&Ranks::alone()),
        }
    }
}
