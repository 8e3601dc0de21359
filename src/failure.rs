//! What ends a command early, and the exit code that a script sees.

use imfl_engine::data::DataError;
use std::fmt;
use std::process::ExitCode;

/// The kinds of failure, each with its documented exit code. Clap itself exits with 2 on wrong usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Something that should not happen, as a full disk.
    Unexpected = 1,
    /// Flags or arguments that do not fit together.
    Usage = 2,
    /// A configuration file or value.
    Config = 3,
    /// A dataset or client file.
    Data = 4,
    /// A device that is not there.
    Device = 5,
}

/// An error message for a person and an exit code for a script.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
}

/// What every command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure of `kind`; the message says what was wrong, where, and what to do.
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    /// The code for the shell.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let kind = if matches!(error, DataError::Write { .. }) { Kind::Unexpected } else { Kind::Data };
        Self::new(kind, error)
    }
}
