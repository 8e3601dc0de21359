//! Models built from layers with a leading client axis.

mod mlp;
mod simple_cnn;

pub use mlp::Mlp;
pub use simple_cnn::SimpleCnn;

use crate::data::ImageShape;
use crate::layer::Pass;
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::str::FromStr;
use std::sync::Arc;

/// A classifier of images. Implement it with the layers of [`crate::layer`] and client batching comes for free.
pub trait Model: Send + Sync {
    /// The parameters that [`Model::features`] and [`Model::classify`] look up.
    fn layout(&self) -> &Arc<Layout>;

    /// Images `[clients, batch, channels, height, width]` to the last hidden activations `[clients, batch, features]`.
    fn features(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3>;

    /// Hidden activations `[clients, batch, features]` to logits `[clients, batch, classes]`.
    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3>;

    /// Images `[clients, batch, channels, height, width]` to logits `[clients, batch, classes]`.
    fn forward(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3> {
        let features = self.features(pass, images);
        self.classify(pass, features)
    }
}

/// The models that ship with the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Two hidden layers of 200 (McMahan et al. 2017, "2NN").
    Mlp,
    /// The CNN of pfl-research's CIFAR-10 benchmark (Granqvist et al. 2024).
    SimpleCnn,
}

/// Why a model cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// No model of that name.
    #[error("no model is called `{0}`; there are: {list}", list = Architecture::NAMES.join(", "))]
    Unknown(String),
    /// The images are too small for the model.
    #[error("`{model}` needs images of at least {least}x{least} pixels, these have {shape}")]
    TooSmall {
        /// The model's name.
        model: &'static str,
        /// The least side in pixels.
        least: usize,
        /// The images' shape.
        shape: ImageShape,
    },
}

impl Architecture {
    /// The names that [`Architecture::from_str`] knows.
    pub const NAMES: [&str; 2] = ["mlp", "simple-cnn"];

    /// The name by which a command line calls it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Builds the model for images of `shape` and a number of classes.
    ///
    /// # Errors
    /// [`ModelError::TooSmall`] when nothing would be left of an image after the convolutions.
    pub fn build(self, shape: ImageShape, classes: usize) -> Result<Arc<dyn Model>, ModelError> {
        Ok(match self {
            Self::Mlp => Arc::new(Mlp::new(shape, classes)),
            Self::SimpleCnn if shape.height.min(shape.width) < SimpleCnn::LEAST_SIDE => {
                return Err(ModelError::TooSmall { model: self.name(), least: SimpleCnn::LEAST_SIDE, shape });
            }
            Self::SimpleCnn => Arc::new(SimpleCnn::new(shape, classes)),
        })
    }
}

impl FromStr for Architecture {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        match name {
            "mlp" => Ok(Self::Mlp),
            "simple-cnn" => Ok(Self::SimpleCnn),
            other => Err(ModelError::Unknown(other.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Stacked, Weights};
    use burn::tensor::Device;

    #[test]
    fn every_model_gives_logits_for_every_client() {
        let shape = ImageShape { channels: 3, height: 9, width: 11 };
        for name in Architecture::NAMES {
            let model = name.parse::<Architecture>().unwrap().build(shape, 4).unwrap();
            let weights = Weights::initialise(model.layout().clone(), 1);
            let stacked = Stacked::broadcast(&weights, 2, &Device::flex());
            let images = crate::layer::testing::ramp([2, 5, 3, 9, 11]);
            let logits = model.forward(&mut Pass::evaluate(&stacked), images);
            assert_eq!(logits.dims(), [2, 5, 4], "{name}");
        }
    }

    #[test]
    fn the_peers_models_have_the_published_sizes() {
        let cifar = ImageShape { channels: 3, height: 32, width: 32 };
        let mnist = ImageShape { channels: 1, height: 28, width: 28 };
        assert_eq!(Architecture::SimpleCnn.build(cifar, 10).unwrap().layout().size(), 1_626_442);
        assert_eq!(Architecture::Mlp.build(mnist, 10).unwrap().layout().size(), 199_210);
    }

    #[test]
    fn what_cannot_be_built_says_why() {
        let error = "simple-cn".parse::<Architecture>().unwrap_err().to_string();
        assert!(error.contains("`simple-cn`") && error.contains("simple-cnn"), "{error}");
        let tiny = ImageShape { channels: 1, height: 5, width: 28 };
        assert!(matches!(Architecture::SimpleCnn.build(tiny, 2), Err(ModelError::TooSmall { least: 6, .. })));
    }
}
