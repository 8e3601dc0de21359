//! `imfl aigc`: train a generator, draw from it, say what its images are worth.

mod assess;
mod configure;
pub mod options;
mod sample;
mod train;
mod validation;

use crate::failure::Outcome;
use clap::Subcommand;

/// The subcommands of `imfl aigc`.
#[derive(Subcommand)]
pub enum Aigc {
    Train(train::Train),
    Sample(sample::Sample),
    Configure(configure::Configure),
    Assess(Box<assess::Assess>),
}

impl Aigc {
    /// Runs the subcommand.
    pub fn run(self) -> Outcome {
        match self {
            Self::Train(train) => train.run(),
            Self::Sample(sample) => sample.run(),
            Self::Configure(configure) => configure.run(),
            Self::Assess(assess) => assess.run(),
        }
    }
}
