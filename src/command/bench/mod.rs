//! `imfl bench`: how fast this machine is at the work that runs are made of.

mod generate;
mod memory;
mod ranks;
mod train;

use crate::failure::Outcome;
use clap::Subcommand;
use imfl_ranks::Ranks;

/// The subcommands of `imfl bench`.
#[derive(Subcommand)]
pub enum Bench {
    Generate(generate::Generate),
    Train(Box<train::Train>),
    Ranks(ranks::RanksBench),
}

impl Bench {
    /// Whether it shares its work out over ranks.
    pub fn spreads(&self) -> bool {
        !matches!(self, Self::Generate(_))
    }

    /// Runs the subcommand.
    pub fn run(self, ranks: &Ranks) -> Outcome {
        match self {
            Self::Generate(generate) => generate.run(),
            Self::Train(train) => train.run(ranks),
            Self::Ranks(bench) => bench.run(ranks),
        }
    }
}
