//! The folder of a run: `runs/NNNN-name/`.

use crate::failure::{Failure, Kind, Outcome};
use imfl_storage::{FileSystem, Lock, replace};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that belongs to one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    files: Arc<dyn FileSystem>,
    path: PathBuf,
    /// Keeps other processes out while this one writes.
    _lock: Option<Arc<Lock>>,
}

impl RunDir {
    /// Makes the folder with the next free number and locks it. Two runs that start together get two numbers.
    ///
    /// # Errors
    /// A failure that names the folder that could not be made.
    pub fn create(files: Arc<dyn FileSystem>, runs: &Path, name: &str) -> Outcome<Self> {
        let fail =
            |path: &Path, error| Failure::new(Kind::Unexpected, format!("cannot make {}: {error}", path.display()));
        fs::create_dir_all(runs).map_err(|error| fail(runs, error))?;
        let mut number = numbered(runs).last().map_or(0, |(number, _)| *number) + 1;
        loop {
            let path = runs.join(format!("{number:04}-{name}"));
            // `create_dir` fails if somebody else was faster; a number also counts as taken under another name.
            match fs::create_dir(&path) {
                Ok(()) => {
                    files.create_folder(&path.join("plots")).map_err(|error| fail(&path, error))?;
                    return Self { files, path, _lock: None }.locked();
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(fail(&path, error)),
            }
        }
    }

    /// The folder of a run that was there before.
    pub fn open(files: Arc<dyn FileSystem>, path: impl Into<PathBuf>) -> Self {
        Self { files, path: path.into(), _lock: None }
    }

    /// The same, for this process alone, as long as a clone of it is there.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Checkpoint`] that says which process has it.
    pub fn locked(self) -> Outcome<Self> {
        Ok(Self { _lock: Some(Arc::new(Lock::take(&self.path)?)), ..self })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its files are kept.
    pub fn files(&self) -> &Arc<dyn FileSystem> {
        &self.files
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a whole file, in the place of one that may be there.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Outcome {
        Ok(replace(self.files.as_ref(), &self.file(name), content.as_ref())?)
    }
}

/// The folders of runs with their numbers, in that order.
pub fn numbered(runs: &Path) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let number = |name: &std::ffi::OsStr| name.to_str()?.split_once('-')?.0.parse().ok();
    let mut found: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((number(&entry.file_name())?, entry.path()))).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_storage::Disk;

    #[test]
    fn numbers_go_up_and_files_hold_what_was_written() {
        let root = tempfile::tempdir().unwrap();
        let create = |name| RunDir::create(Arc::new(Disk), root.path(), name).unwrap();
        let (first, second) = (create("a"), create("b"));
        assert!(first.path().ends_with("0001-a") && second.path().ends_with("0002-b"));
        second.write("m.txt", "one").unwrap();
        second.write("m.txt", "two").unwrap();
        assert_eq!(fs::read(second.file("m.txt")).unwrap(), b"two");
        assert!(second.write("no/such/file", "x").unwrap_err().to_string().contains("no/such/file"));
        assert_eq!(numbered(root.path()).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        let again = RunDir::open(Arc::new(Disk), second.path());
        let held = again.clone().locked().unwrap_err();
        assert!(held.kind() == Kind::Checkpoint && held.to_string().contains("0002-b is in use by process"), "{held}");
        drop(second);
        again.locked().unwrap();
    }
}
