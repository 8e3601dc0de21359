//! `imfl`: federated learning with generated data and fair pay.
#![forbid(unsafe_code)]

mod cli;
mod command;
mod exit;
mod interrupt;
mod options;
mod output;
mod settings;
mod terminal;

use clap::Parser;
use imfl_ranks::{Launched, Ranks};
use imfl_run::{Failure, Host, Kind, Observer};
use std::process::ExitCode;
use std::sync::Arc;
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
            return ExitCode::from(exit::code(Kind::Usage));
        }
    };
    let ranks = session.ranks();
    let observer: Arc<dyn Observer> = match ranks.is_first() {
        true => Arc::new(terminal::Terminal::default()),
        false => Arc::new(terminal::Mute::default()),
    };
    match cli.run(&Host { ranks: ranks.clone(), ..Host::watched(observer) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if ranks.are_several() => end_all(ranks, &failure),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(exit::code(failure.kind()))
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
    ranks.abort(exit::code(failure.kind()))
}
