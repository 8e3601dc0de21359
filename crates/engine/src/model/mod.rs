//! Models built from layers with a leading client axis.

mod classifier;
mod fedavg_cnn;
mod mlp;
mod resnet8_gn;
mod simple_cnn;
mod text;

pub use classifier::{Model, trace};
pub use fedavg_cnn::FedAvgCnn;
pub use mlp::Mlp;
pub use resnet8_gn::ResNet8Gn;
pub use simple_cnn::SimpleCnn;
pub use text::{TextCnn, TextMean};

use crate::choice::{Choice, as_text};
use crate::data::{ImageShape, Kind};
use std::fmt;
use std::sync::Arc;

/// The models that ship with the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Two hidden layers of 200 (McMahan et al. 2017, "2NN").
    Mlp,
    /// The CNN of pfl-research's CIFAR-10 benchmark (Granqvist et al. 2024).
    SimpleCnn,
    /// The CNN of McMahan et al. 2017.
    FedAvgCnn,
    /// The 8-layer residual network with group normalisation (He et al. 2016; Hsieh et al. 2020).
    ResNet8Gn,
    /// The mean of words' vectors and a dense layer (Joulin et al. 2016), of texts.
    TextMean,
    /// Filters over words in a row (Kim 2014), of texts.
    TextCnn,
}

/// Why a model cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
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
    /// It is made for another kind of samples.
    #[error("`{model}` does not learn from {plural}; take {}", .suited.join(", "))]
    Misfit {
        /// The model's name.
        model: &'static str,
        /// What the samples are.
        plural: &'static str,
        /// The models that learn from them.
        suited: Vec<&'static str>,
    },
}

impl Architecture {
    /// All of them, in the order of [`Architecture::NAMES`].
    pub const ALL: [Self; 6] =
        [Self::Mlp, Self::SimpleCnn, Self::FedAvgCnn, Self::ResNet8Gn, Self::TextMean, Self::TextCnn];
    /// The name of each.
    pub const NAMES: [&str; 6] = ["mlp", "simple-cnn", "fedavg-cnn", "resnet8-gn", "text-mean", "text-cnn"];

    /// What suits a kind of data where nobody names a model.
    pub fn suited(kind: &Kind) -> Self {
        match kind {
            Kind::Images | Kind::Sound(_) => Self::SimpleCnn,
            Kind::Table(_) => Self::Mlp,
            Kind::Text(_) => Self::TextMean,
        }
    }

    /// The name by which a command line calls it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Whether it learns from samples of a kind.
    pub fn fits(self, kind: &Kind) -> bool {
        matches!(self, Self::TextMean | Self::TextCnn) == matches!(kind, Kind::Text(_))
    }

    /// Those of [`Architecture::ALL`] that learn from samples of a kind.
    pub fn fitting(kind: &Kind) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|model| model.fits(kind))
    }

    /// Builds the model for images of `shape` and a number of classes.
    ///
    /// # Errors
    /// As [`Architecture::build_for`].
    pub fn build(self, shape: ImageShape, classes: usize) -> Result<Arc<dyn Model>, ModelError> {
        self.build_for(&Kind::Images, shape, classes)
    }

    /// Builds the model for samples of a kind, of which it gets values of `shape`, and a number of classes.
    ///
    /// # Errors
    /// [`ModelError::Misfit`] where it is made for another kind; [`ModelError::TooSmall`] when nothing would be left of an image after the
    /// convolutions.
    pub fn build_for(self, kind: &Kind, shape: ImageShape, classes: usize) -> Result<Arc<dyn Model>, ModelError> {
        let symbols = match kind {
            kind if !self.fits(kind) => {
                let suited = Self::fitting(kind).map(Self::name).collect();
                return Err(ModelError::Misfit { model: self.name(), plural: kind.plural(), suited });
            }
            Kind::Text(vocabulary) => vocabulary.symbols(),
            _ => 0,
        };
        let least = match self {
            Self::Mlp | Self::ResNet8Gn | Self::TextMean | Self::TextCnn => 1,
            Self::SimpleCnn => SimpleCnn::LEAST_SIDE,
            Self::FedAvgCnn => FedAvgCnn::LEAST_SIDE,
        };
        if shape.height.min(shape.width) < least {
            return Err(ModelError::TooSmall { model: self.name(), least, shape });
        }
        Ok(match self {
            Self::Mlp => Arc::new(Mlp::new(shape, classes)),
            Self::SimpleCnn => Arc::new(SimpleCnn::new(shape, classes)),
            Self::FedAvgCnn => Arc::new(FedAvgCnn::new(shape, classes)),
            Self::ResNet8Gn => Arc::new(ResNet8Gn::new(shape, classes)),
            Self::TextMean => Arc::new(TextMean::new(symbols, classes)),
            Self::TextCnn => Arc::new(TextCnn::new(symbols, classes)),
        })
    }
}

impl Choice for Architecture {
    const THING: &'static str = "model";

    fn forms() -> Vec<&'static str> {
        Self::NAMES.into()
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.name() == name)
    }
}

as_text!([] Architecture);

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Vocabulary;
    use crate::layer::{Linear, Pass, Trace};
    use crate::parameters::{Layout, Stacked, Weights};
    use burn::tensor::{Device, Tensor};

    #[test]
    fn every_model_gives_logits_for_every_client() {
        let shape = ImageShape { channels: 3, height: 9, width: 11 };
        for architecture in Architecture::fitting(&Kind::Images) {
            let name = architecture.name();
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
        assert_eq!(Architecture::FedAvgCnn.build(mnist, 10).unwrap().layout().size(), 1_663_370);
        assert_eq!(Architecture::ResNet8Gn.build(cifar, 10).unwrap().layout().size(), 78_186);
    }

    #[test]
    fn a_trace_counts_what_the_layers_do() {
        let of = |architecture: Architecture, channels, side| {
            let shape = ImageShape { channels, height: side, width: side };
            let model = architecture.build(shape, 10).unwrap();
            (trace(model.as_ref(), shape, &Device::flex()), model)
        };
        let (cnn, model) = of(Architecture::SimpleCnn, 3, 32);
        assert_eq!(cnn.products, 900 * 32 * 27 + 784 * 64 * 288 + 12_544 * 128 + 1280);
        assert_eq!(cnn.first, 900 * 32 * 27);
        assert_eq!(cnn.training_flops(), 2 * (3 * cnn.products - cnn.first));
        let names = |trace: &Trace, model: &dyn Model| -> Vec<String> {
            trace.descendable().map(|place| model.layout().parameters()[place].name.clone()).collect()
        };
        assert_eq!(names(&cnn, model.as_ref()), ["dense.weight", "head.weight"]);
        let (mlp, _) = of(Architecture::Mlp, 1, 28);
        assert_eq!(mlp.products, 784 * 200 + 200 * 200 + 2000);
        assert_eq!(mlp.activations, 410);
    }

    /// A model that uses one dense weight twice, as a recurrent one does: it must not move between the uses.
    #[test]
    fn a_weight_that_is_used_twice_does_not_descend() {
        struct Twice(Arc<Layout>, Linear, Linear);
        impl Model for Twice {
            fn layout(&self) -> &Arc<Layout> {
                &self.0
            }
            fn features(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3> {
                let x = self.1.forward(pass, crate::layer::flatten(images));
                self.1.forward(pass, x)
            }
            fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
                self.2.forward(pass, features)
            }
        }
        let mut layout = Layout::new();
        let (shared, head) = (Linear::new(&mut layout, "shared", 4, 4), Linear::new(&mut layout, "head", 4, 2));
        let model = Twice(Arc::new(layout), shared, head);
        let shape = ImageShape { channels: 1, height: 2, width: 2 };
        assert_eq!(trace(&model, shape, &Device::flex()).descendable().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn what_cannot_be_built_says_why() {
        let error = "simple-cn".parse::<Architecture>().unwrap_err().to_string();
        assert!(error.contains("`simple-cn`") && error.contains("simple-cnn"), "{error}");
        let tiny = ImageShape { channels: 1, height: 5, width: 28 };
        assert!(matches!(Architecture::SimpleCnn.build(tiny, 2), Err(ModelError::TooSmall { least: 6, .. })));
        let error = Architecture::TextMean.build(tiny, 2).err().unwrap().to_string();
        assert!(error.contains("`text-mean` does not learn from images; take mlp, simple-cnn"), "{error}");
        let texts = Kind::Text(Vocabulary::of_counts([("a".to_string(), 1)].into(), 9));
        let error = Architecture::Mlp.build_for(&texts, texts.shape().unwrap(), 2).err().unwrap().to_string();
        assert!(error.contains("`mlp` does not learn from texts; take text-mean, text-cnn"), "{error}");
    }
}
