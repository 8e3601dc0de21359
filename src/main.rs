//! `imfl`: federated learning with generated data and fair pay.
#![forbid(unsafe_code)]
// `output` is the one place that writes to either stream.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod command;
mod exit;
mod interrupt;
mod options;
mod output;
mod serve;
mod settings;
mod terminal;

use clap::Parser;
use imfl_engine::device::failed::Failed;
use imfl_ranks::{Launched, Ranks};
use imfl_run::{Failure, Host, Kind, Observer, Outcome};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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
        Err(said) => {
            let printed = if first { output::parsed(&said) } else { Ok(()) };
            let ended = u8::try_from(said.exit_code()).unwrap_or(1);
            return printed.map_or_else(|failure| end(&failure), |()| ExitCode::from(ended));
        }
    };
    let session = match imfl_ranks::start(imfl_mpi::CONNECT) {
        Ok(session) => session,
        Err(error) => {
            if first {
                output::note(format!("error: {error}"));
            }
            return ExitCode::from(exit::code(Kind::Usage));
        }
    };
    let ranks = session.ranks();
    let observer: Arc<dyn Observer> = match ranks.is_first() {
        true => Arc::new(terminal::Terminal::new(cli.detail())),
        false => Arc::new(terminal::Mute::default()),
    };
    match run(cli, Host { ranks: ranks.clone(), ..Host::watched(observer) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if ranks.are_several() => end_all(ranks, &failure),
        Err(failure) => end(&failure),
    }
}

/// What a command comes to, and where a device fails under it and nothing else ends it in order, that.
fn run(cli: cli::Cli, host: Host) -> Outcome {
    let ended = catch_unwind(AssertUnwindSafe(|| cli.run(host)));
    ended.unwrap_or_else(|panic| match Failed::from_panic(panic.as_ref()) {
        Some(failed) => Err(failed.clone().into()),
        None => resume_unwind(panic),
    })
}

/// Ends this process with a failure.
fn end(failure: &Failure) -> ExitCode {
    output::note(format!("error: {failure}"));
    ExitCode::from(exit::code(failure.kind()))
}

/// Ends every rank with this rank's failure.
fn end_all(ranks: &Ranks, failure: &Failure) -> ! {
    if ranks.is_first() {
        output::note(format!("error: {failure}"));
    } else {
        std::thread::sleep(GRACE);
        output::note(format!("error on rank {}: {failure}", ranks.rank()));
    }
    ranks.abort(exit::code(failure.kind()))
}
