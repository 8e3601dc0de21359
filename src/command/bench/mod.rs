//! `imfl bench`: how fast this machine is at the work that runs are made of.

mod generate;
mod ranks;
mod train;

use clap::Subcommand;
use imfl_run::{Host, Outcome};

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
    pub fn run(self, host: &Host) -> Outcome {
        match self {
            Self::Generate(generate) => generate.run(host),
            Self::Train(train) => train.run(host),
            Self::Ranks(bench) => bench.run(host),
        }
    }
}
