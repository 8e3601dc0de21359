use crate::setting::{self, SettingError};
use imfl_engine::data::ImageShape;

/// Groups of every group normalisation.
pub const GROUPS: usize = 8;

/// What a [`Denoiser`](super::Denoiser) is built for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DenoiserConfig {
    /// Size of an image; both sides are multiples of four.
    pub shape: ImageShape,
    /// Number of classes.
    pub classes: usize,
    /// Channels at half resolution, a multiple of eight; a quarter of the resolution has twice as many.
    pub width: usize,
    /// Length of the vector that carries noise level and class.
    pub embedding: usize,
}

/// Why a denoiser cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DenoiserError {
    /// A size that the network has no form for.
    #[error("a generator for images of {shape} cannot be built: {problem}")]
    Shape {
        /// The images' shape.
        shape: ImageShape,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl DenoiserConfig {
    /// The network of about 0.4 million parameters for grey 28x28 and colour 32x32 images.
    pub fn small(shape: ImageShape, classes: usize) -> Self {
        Self { shape, classes, width: 32, embedding: 128 }
    }

    /// Checks that such a network exists.
    ///
    /// # Errors
    /// [`DenoiserError`] naming the setting.
    pub fn check(&self) -> Result<(), DenoiserError> {
        let shape = self.shape;
        let refuse = |problem| Err(DenoiserError::Shape { shape, problem });
        if !matches!(shape.channels, 1 | 3) {
            return refuse("1 or 3 channels are supported");
        }
        let side = |side: usize| side.is_multiple_of(4) && (8..=256).contains(&side);
        if !side(shape.height) || !side(shape.width) {
            return refuse("both sides must be multiples of 4 from 8 to 256");
        }
        let &Self { classes, width, embedding, .. } = self;
        let fits = width.is_multiple_of(GROUPS) && (8..=512).contains(&width);
        Ok(setting::check([
            ("width", width as f64, fits, "must be a multiple of 8 from 8 to 512"),
            ("embedding", embedding as f64, (8..=4096).contains(&embedding), "must be from 8 to 4096"),
            ("classes", classes as f64, (1..=65_535).contains(&classes), "must be from 1 to 65535"),
        ])?)
    }
}
