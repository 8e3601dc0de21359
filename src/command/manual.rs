//! `imfl completions` and `imfl manual`: what a shell and `man` know of the commands.

use crate::output;
use clap::{Args, Command};
use clap_complete::Shell;
use imfl_run::{Failure, Kind, Outcome};
use std::path::PathBuf;

/// Print a script with which a shell completes the commands and flags.
///
/// bash: imfl completions bash > ~/.local/share/bash-completion/completions/imfl;
/// zsh: imfl completions zsh > a file _imfl in a folder of $fpath;
/// fish: imfl completions fish > ~/.config/fish/completions/imfl.fish
#[derive(Args)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self, mut command: Command) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "imfl", &mut script);
        output::bytes(&script)
    }
}

/// Write the manual: a page for `man` about every command.
#[derive(Args)]
pub struct Manual {
    /// Folder of the pages, made if it is not there; `man -l FOLDER/imfl.1` shows the first
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

impl Manual {
    /// Writes imfl.1, imfl-run.1 and so on, and prints the folder.
    pub fn run(self, command: Command) -> Outcome {
        let cannot = |error: std::io::Error| {
            Failure::new(Kind::Unexpected, format!("cannot write the manual to {}: {error}", self.out.display()))
        };
        std::fs::create_dir_all(&self.out).map_err(cannot)?;
        clap_mangen::generate_to(command, &self.out).map_err(cannot)?;
        output::text(&format!("{}\n", self.out.display()))
    }
}
