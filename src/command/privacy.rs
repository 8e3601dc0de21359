//! `imfl privacy`: what a private training has told of its clients.

use crate::output::{self, Format};
use clap::{Args, Subcommand};
use imfl_privacy::account::{Question, Report};
use imfl_run::{Failure, Kind, Outcome};

/// The subcommands of `imfl privacy`.
#[derive(Subcommand)]
pub enum Privacy {
    /// Say the epsilon of a training with Poisson-sampled cohorts and Gaussian noise, or find the noise for one
    Account(Account),
}

/// `imfl privacy account`.
#[derive(Args)]
pub struct Account {
    /// Standard deviation of the noise over the clipping bound
    #[arg(long, required_unless_present = "epsilon", allow_negative_numbers = true)]
    noise: Option<f64>,
    /// The epsilon that may be spent: finds the noise
    #[arg(long, conflicts_with = "noise", allow_negative_numbers = true)]
    epsilon: Option<f64>,
    /// Probability that a client takes part in a round
    #[arg(long, allow_negative_numbers = true)]
    rate: f64,
    /// Rounds of training
    #[arg(long)]
    rounds: u64,
    /// Probability that the promise may fail
    #[arg(long, allow_negative_numbers = true)]
    delta: f64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Privacy {
    /// Runs the subcommand.
    pub fn run(self) -> Outcome {
        let Self::Account(Account { noise, epsilon, rate, rounds, delta, format }) = self;
        let question = Question { noise, epsilon, rate, rounds, delta };
        let report = Report::new(&question).map_err(|error| Failure::new(Kind::Config, error))?;
        match format {
            Format::Json => output::print(&report),
            Format::Text => output::text(&describe(&report)),
        }
    }
}

fn describe(report: &Report) -> String {
    let Report { epsilon, epsilon_rdp, delta, noise, rate, rounds, .. } = report;
    format!(
        "epsilon    {epsilon:.4} at delta {delta:e}, by privacy loss distributions ({epsilon_rdp:.4} by Renyi divergences)\n\
         noise      {noise:.4} times the clipping bound\n\
         training   {rounds} rounds, each client in a round with probability {rate}\n\
         against    whoever sees every global model; neighbours differ by one client\n"
    )
}
