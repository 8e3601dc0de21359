//! `imfl aigc`: train a generator, draw from it, say what its images are worth.

mod assess;
mod configure;
mod sample;
mod train;
mod validation;

use clap::Subcommand;
use imfl_run::{Host, Outcome};

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
    pub fn run(self, host: &Host) -> Outcome {
        match self {
            Self::Train(train) => train.run(host),
            Self::Sample(sample) => sample.run(host),
            Self::Configure(configure) => configure.run(),
            Self::Assess(assess) => assess.run(host),
        }
    }
}
