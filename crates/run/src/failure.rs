//! What ends a run early, and of what kind it is.

use imfl_aigc::quality::QualityError;
use imfl_aigc::{AugmentationError, CheckpointError, Misfit, SampleError};
use imfl_engine::choice::UnknownName;
use imfl_engine::data::DataError;
use imfl_engine::device::DeviceError;
use imfl_engine::device::failed::Failed;
use imfl_engine::federated::{CohortError, TrainingError};
use imfl_engine::model::ModelError;
use imfl_engine::network::NetworkError;
use imfl_engine::partition::PartitionError;
use imfl_mechanism::ErrorKind;
use imfl_storage::StorageError;
use std::fmt;

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that should not happen, as a full disk.
    Unexpected,
    /// Arguments that do not fit together.
    Usage,
    /// A configuration file or value.
    Config,
    /// A dataset or client file.
    Data,
    /// A device that is not there.
    Device,
    /// Training that left the range of numbers.
    Diverged,
    /// A generator's or a run's checkpoint.
    Checkpoint,
    /// A privacy budget that does not reach for another round.
    Budget,
    /// Stopped because it was asked to, after saving.
    Interrupted,
}

/// An error message for a person and a kind for a program.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
}

/// What everything returns that can fail.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure of `kind`; the message says what was wrong, where, and what to do.
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Errors that are of one kind whatever they say.
macro_rules! kinds {
    ($($error:ty => $kind:ident,)*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Kind::$kind, error)
            }
        })*
    };
}

kinds! {
    DeviceError => Device,
    Failed => Device,
    UnknownName => Config,
    ModelError => Config,
    PartitionError => Config,
    CohortError => Config,
    NetworkError => Config,
    Misfit => Checkpoint,
    QualityError => Data,
    AugmentationError => Config,
}

impl From<imfl_privacy::Error> for Failure {
    fn from(error: imfl_privacy::Error) -> Self {
        let kind = match error {
            imfl_privacy::Error::Exhausted { .. } => Kind::Budget,
            imfl_privacy::Error::Entropy { .. } => Kind::Unexpected,
            _ => Kind::Config,
        };
        Self::new(kind, error)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let kind = if matches!(error, DataError::Write { .. }) { Kind::Unexpected } else { Kind::Data };
        Self::new(kind, error)
    }
}

impl From<TrainingError> for Failure {
    fn from(error: TrainingError) -> Self {
        let kind = match error {
            TrainingError::TooFew { .. }
            | TrainingError::Network(_)
            | TrainingError::Void { .. }
            | TrainingError::Noise { .. } => Kind::Config,
            TrainingError::Elsewhere { .. } => Kind::Unexpected,
            TrainingError::Device { .. } => Kind::Device,
            _ => Kind::Diverged,
        };
        Self::new(kind, error)
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Storage(error) => error.into(),
            malformed => Self::new(Kind::Checkpoint, malformed),
        }
    }
}

impl From<imfl_aigc::TrainingError> for Failure {
    fn from(error: imfl_aigc::TrainingError) -> Self {
        let kind =
            if matches!(error, imfl_aigc::TrainingError::Diverged { .. }) { Kind::Diverged } else { Kind::Config };
        Self::new(kind, error)
    }
}

impl From<SampleError> for Failure {
    fn from(error: SampleError) -> Self {
        let kind = if matches!(error, SampleError::Failed(_)) { Kind::Checkpoint } else { Kind::Config };
        Self::new(kind, error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let kind = if error.is_write() { Kind::Unexpected } else { Kind::Checkpoint };
        Self::new(kind, error)
    }
}

impl From<imfl_mechanism::Error> for Failure {
    fn from(error: imfl_mechanism::Error) -> Self {
        let error = match error {
            imfl_mechanism::Error::Storage(error) => return error.into(),
            other => other,
        };
        let kind = match error.kind() {
            ErrorKind::Data => Kind::Data,
            ErrorKind::Config => Kind::Config,
            ErrorKind::Usage => Kind::Usage,
        };
        Self::new(kind, error)
    }
}
