//! `imfl bench`: how fast this machine is at the work that runs are made of.

mod generate;
mod memory;
mod train;

use crate::failure::Outcome;
use clap::Subcommand;

/// The subcommands of `imfl bench`.
#[derive(Subcommand)]
pub enum Bench {
    Generate(generate::Generate),
    Train(Box<train::Train>),
}

impl Bench {
    /// Runs the subcommand.
    pub fn run(self) -> Outcome {
        match self {
            Self::Generate(generate) => generate.run(),
            Self::Train(train) => train.run(),
        }
    }
}
