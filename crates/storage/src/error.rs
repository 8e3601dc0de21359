//! What can go wrong with files, with the file's name.

use std::io;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`StorageError`].
pub type Result<T> = std::result::Result<T, StorageError>;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system would not write, sync or rename.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The operating system would not read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A line of a log is not what was written.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Somebody else has locked it.
    #[error("{} is in use by {holder}", path.display())]
    Held {
        /// The file or folder.
        path: PathBuf,
        /// Who, and since when.
        holder: String,
    },
    /// It is whole, but of another kind or version.
    #[error("{} is of format `{found}`, and this program reads `{expected}`", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What was asked for.
        expected: String,
    },
}

impl StorageError {
    /// Whether writing failed: the old state of what was written is still there.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.into(), source }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.into(), source }
    }

    pub(crate) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.into(), problem: problem.into() }
    }
}
