use crate::denoiser::DenoiserError;
use crate::setting::SettingError;

/// Why a generator cannot be trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainingError {
    /// A number out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// No such network.
    #[error(transparent)]
    Denoiser(#[from] DenoiserError),
    /// Nothing to learn from.
    #[error("{name} has no images; a generator needs at least one")]
    NoImages {
        /// The dataset.
        name: String,
    },
    /// The images are not those that network or checkpoint are for.
    #[error("{0}")]
    OtherData(String),
    /// A generator to learn from that does not fit.
    #[error("the generator cannot be distilled: {0}")]
    Teacher(&'static str),
    /// A finished generator.
    #[error(
        "the checkpoint is a finished generator without the training state; resume from the one saved while training"
    )]
    NotResumable,
    /// Loss or gradient are no numbers.
    #[error("training diverged at step {step} (loss {loss}); try a lower learning rate")]
    Diverged {
        /// The step.
        step: u64,
        /// Its loss.
        loss: f64,
    },
}
