use crate::denoiser::{Denoiser, DenoiserConfig, DenoiserError, Network};
use crate::sampling::Sampling;
use crate::text::Transformer;
use imfl_engine::parameters::Layout;
use std::sync::Arc;

/// The network of a generator, by what it does: what it is built for decides which.
#[derive(Clone, Debug)]
pub enum AnyNetwork {
    /// Removes noise from values.
    Values(Denoiser),
    /// Guesses masked symbols.
    Symbols(Transformer),
}

impl AnyNetwork {
    /// Declares the network's parameters.
    ///
    /// # Errors
    /// [`DenoiserError`] as [`DenoiserConfig::check`] says.
    pub fn new(config: &DenoiserConfig) -> Result<Self, DenoiserError> {
        Ok(match config.network {
            Network::Transformer { .. } => Self::Symbols(Transformer::new(config)?),
            Network::UNet | Network::Perceptron { .. } => Self::Values(Denoiser::new(config)?),
        })
    }

    /// How samples are drawn by it unless asked otherwise.
    pub fn sampling(&self) -> Sampling {
        match self {
            Self::Values(_) => Sampling::default(),
            Self::Symbols(_) => Sampling::of_texts(),
        }
    }

    /// Its parameters.
    pub fn layout(&self) -> &Arc<Layout> {
        match self {
            Self::Values(network) => network.layout(),
            Self::Symbols(network) => network.layout(),
        }
    }
}
