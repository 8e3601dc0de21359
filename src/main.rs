//! `imfl`: federated learning with generated data and fair pay.
#![forbid(unsafe_code)]

mod agreement;
mod assets;
mod checkpoint;
mod cli;
mod command;
mod config;
mod failure;
mod interrupt;
mod pipeline;
mod progress;
mod report;
mod reproduce;
mod run_dir;

use clap::Parser;
use failure::{Failure, Kind};
use imfl_ranks::{Launched, Ranks};
use std::process::ExitCode;
use std::time::Duration;

/// How long a failing rank leaves rank 0 the word, which mostly fails in the same way.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Of several ranks that find the same mistake, the first speaks.
    let first = Launched::found().is_none_or(|launched| launched.rank == 0);
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if first => error.exit(),
        Err(error) => return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1)),
    };
    let session = match imfl_ranks::start() {
        Ok(session) => session,
        Err(error) => {
            if first {
                eprintln!("error: {error}");
            }
            return ExitCode::from(Kind::Usage as u8);
        }
    };
    let ranks = session.ranks();
    if !ranks.is_first() {
        progress::mute();
    }
    match cli.run(ranks) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if ranks.are_several() => end_all(ranks, &failure),
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}

/// Ends every rank with this rank's failure.
fn end_all(ranks: &Ranks, failure: &Failure) -> ! {
    if ranks.is_first() {
        eprintln!("error: {failure}");
    } else {
        std::thread::sleep(GRACE);
        eprintln!("error on rank {}: {failure}", ranks.rank());
    }
    ranks.abort(failure.kind() as u8)
}
