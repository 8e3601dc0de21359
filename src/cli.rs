//! The command line: what can be said, and which command it goes to.

use crate::command;
use crate::terminal::Detail;
use clap::{CommandFactory, Parser, Subcommand};
use imfl_run::{Failure, Host, Kind, Memory, Outcome};

/// Federated learning with generated data and fair pay.
#[derive(Parser)]
#[command(version, about, max_term_width = 110)]
pub struct Cli {
    /// The most memory that may be taken, as 8G or 512M; what would take more is refused [default: half of the machine's]
    #[arg(long, global = true, value_name = "BYTES", env = "IMFL_MEMORY")]
    memory: Option<Memory>,
    /// Nothing but warnings and errors on standard error
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Stages with their seconds, and what became of every round's clients
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Box<command::run::Run>),
    /// Train a generator, draw from it, say what its images are worth.
    #[command(subcommand)]
    Aigc(command::aigc::Aigc),
    /// Measure how fast this machine is.
    #[command(subcommand)]
    Bench(command::bench::Bench),
    /// Look at datasets and cut them into parts.
    #[command(subcommand)]
    Data(command::data::Data),
    /// Price, auction and verify: pay clients from a file of measured quality and cost.
    #[command(subcommand)]
    Mechanism(command::mechanism::Mechanism),
    /// Account for the privacy of a training: epsilon of a noise, noise for an epsilon.
    #[command(subcommand)]
    Privacy(command::privacy::Privacy),
    /// Learn what accuracy to expect of whom: pilots before a run.
    #[command(subcommand)]
    Forecast(command::forecast::Forecast),
    Sweep(Box<command::sweep::Sweep>),
    Reproduce(command::reproduce::Reproduce),
    Report(command::report::Report),
    /// List what this build can compute on, on this machine.
    Devices(command::devices::Devices),
    Completions(command::manual::Completions),
    Manual(command::manual::Manual),
}

impl Cli {
    /// How much is said on standard error.
    pub fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        }
    }

    /// Runs the command that was asked for, on several ranks if it can share its work out.
    pub fn run(self, host: Host) -> Outcome {
        let host = &Host { memory: self.memory.unwrap_or(host.memory), ..host };
        if host.ranks.are_several() && !self.command.spreads() {
            let problem = "only `imfl run`, `imfl sweep`, `imfl forecast`, `imfl reproduce` and `imfl bench train|ranks` share their work out over ranks; start \
                           this command without mpirun";
            return Err(Failure::new(Kind::Usage, problem));
        }
        match self.command {
            Command::Run(run) => run.run(host),
            Command::Privacy(privacy) => privacy.run(),
            Command::Forecast(forecast) => forecast.run(host),
            Command::Sweep(sweep) => sweep.run(host),
            Command::Reproduce(reproduce) => reproduce.run(host),
            Command::Aigc(aigc) => aigc.run(host),
            Command::Bench(bench) => bench.run(host),
            Command::Data(data) => data.run(host),
            Command::Mechanism(mechanism) => mechanism.run(host),
            Command::Report(report) => report.run(),
            Command::Devices(devices) => devices.run(host),
            Command::Completions(completions) => completions.run(Self::command()),
            Command::Manual(manual) => manual.run(Self::command()),
        }
    }
}

impl Command {
    /// Whether several ranks can share its work.
    fn spreads(&self) -> bool {
        match self {
            Self::Run(_) | Self::Forecast(_) | Self::Sweep(_) | Self::Reproduce(_) => true,
            Self::Bench(bench) => bench.spreads(),
            _ => false,
        }
    }
}
