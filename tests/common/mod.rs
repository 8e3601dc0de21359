//! What the end-to-end tests share.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code)]

pub mod generator;
pub mod mechanism;
pub mod quick_run;
pub mod small_run;

use std::path::Path;
use std::process::{Command, Output};

/// The program under test, without the environment's settings.
pub fn imfl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imfl"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("IMFL_")) {
        command.env_remove(name);
    }
    command.env("IMFL_ASSETS", concat!(env!("CARGO_MANIFEST_DIR"), "/assets"));
    command
}

/// Runs with these arguments and expects success; returns standard output.
pub fn succeed(arguments: &[&str]) -> String {
    let output = imfl().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?} failed: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs with these arguments and expects one clear error with an exit code; returns standard error.
pub fn fail(arguments: &[&str], code: i32) -> String {
    let output = imfl().args(arguments).output().unwrap();
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{arguments:?}: {error}");
    assert_eq!(error.matches("error:").count(), 1, "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output and failed");
    error
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file with this content.
pub fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    text(&path).to_string()
}
