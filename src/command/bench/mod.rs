//! `imfl bench`: how fast this machine is at the work that runs are made of.

mod generate;

use crate::failure::Outcome;
use clap::Subcommand;

/// The subcommands of `imfl bench`.
#[derive(Subcommand)]
pub enum Bench {
    Generate(generate::Generate),
}

impl Bench {
    /// Runs the subcommand.
    pub fn run(self) -> Outcome {
        match self {
            Self::Generate(generate) => generate.run(),
        }
    }
}
