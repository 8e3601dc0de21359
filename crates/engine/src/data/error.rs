use std::path::{Path, PathBuf};

/// Why images cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system would not read the file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The operating system would not write the file.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's content is not what its format asks for.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// Parts that belong together do not fit.
    #[error("{0}")]
    Mismatch(String),
}

impl DataError {
    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), problem: problem.into() }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.into(), source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.into(), source }
    }
}
