//! The folder of a run: `runs/NNNN-name/`.

use crate::failure::{Failure, Kind, Outcome};
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder that belongs to one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes the folder with the next free number. Two runs that start together get two numbers.
    ///
    /// # Errors
    /// A failure that names the folder that could not be made.
    pub fn create(runs: &Path, name: &str) -> Outcome<Self> {
        let fail =
            |path: &Path, error| Failure::new(Kind::Unexpected, format!("cannot make {}: {error}", path.display()));
        fs::create_dir_all(runs).map_err(|error| fail(runs, error))?;
        let mut number = last_number(runs) + 1;
        loop {
            let path = runs.join(format!("{number:04}-{name}"));
            // `create_dir` fails if somebody else was faster; a number also counts as taken under another name.
            match fs::create_dir(&path) {
                Ok(()) => {
                    fs::create_dir(path.join("plots")).map_err(|error| fail(&path, error))?;
                    return Ok(Self { path });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(fail(&path, error)),
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Outcome {
        let path = self.file(name);
        fs::write(&path, content).map_err(|error| write_failure(&path, &error))
    }

    /// Adds one line of JSON to a file.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn append(&self, name: &str, line: &impl Serialize) -> Outcome {
        let path = self.file(name);
        let mut text = serde_json::to_string(line).map_err(|error| Failure::new(Kind::Unexpected, error))?;
        text.push('\n');
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| write_failure(&path, &error))
    }
}

fn write_failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Unexpected, format!("cannot write {}: {error}", path.display()))
}

fn last_number(runs: &Path) -> u32 {
    let names = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.split_once('-')?.0.parse().ok()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_files_hold_what_was_written() {
        let root = tempfile::tempdir().unwrap();
        let first = RunDir::create(root.path(), "a").unwrap();
        let second = RunDir::create(root.path(), "b").unwrap();
        assert!(first.path().ends_with("0001-a") && second.path().ends_with("0002-b"));
        second.append("m.jsonl", &[1]).unwrap();
        second.append("m.jsonl", &[2]).unwrap();
        assert_eq!(fs::read_to_string(second.file("m.jsonl")).unwrap(), "[1]\n[2]\n");
        assert!(second.write("no/such/file", "x").unwrap_err().to_string().contains("no/such/file"));
    }
}
