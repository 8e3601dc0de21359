//! `imfl`: federated learning with generated data and fair pay.
#![forbid(unsafe_code)]

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
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}
