//! The network that removes noise, told the noise level and the class: a small U-net for pictures, a perceptron for rows of a table.

mod blocks;
mod condition;
mod config;
mod perceptron;
mod preconditioning;
mod u_net;

pub use config::{DenoiserConfig, DenoiserError, Network};
pub use preconditioning::Preconditioning;

use burn::tensor::{Device, Int, Tensor};
use condition::Condition;
use imfl_engine::layer::Pass;
use imfl_engine::parameters::Layout;
use perceptron::Perceptron;
use std::sync::Arc;
use u_net::UNet;

/// The network F of Karras et al. 2022, equation 7; `Preconditioning` says what surrounds it.
#[derive(Clone, Debug)]
pub struct Denoiser {
    config: DenoiserConfig,
    layout: Arc<Layout>,
    condition: Condition,
    body: Body,
}

/// What is under the condition.
#[derive(Clone, Debug)]
enum Body {
    UNet(Box<UNet>),
    Perceptron(Perceptron),
}

impl Denoiser {
    /// Declares the network's parameters.
    ///
    /// # Errors
    /// [`DenoiserError`] as [`DenoiserConfig::check`] says, or if that is a network of symbols, which have no noise.
    pub fn new(config: &DenoiserConfig) -> Result<Self, DenoiserError> {
        config.check()?;
        let mut layout = Layout::new();
        let condition = Condition::new(&mut layout, config.classes, config.embedding);
        let body = match config.network {
            Network::UNet => Body::UNet(Box::new(UNet::new(&mut layout, config))),
            Network::Perceptron { blocks } => Body::Perceptron(Perceptron::new(&mut layout, config, blocks)),
            Network::Transformer { .. } => {
                let problem = "a transformer guesses symbols, and removes no noise from values";
                return Err(DenoiserError::Shape { shape: config.shape, problem });
            }
        };
        Ok(Self { condition, body, config: config.clone(), layout: Arc::new(layout) })
    }

    /// What it was built for.
    pub fn config(&self) -> &DenoiserConfig {
        &self.config
    }

    /// The parameters that [`Denoiser::forward`] looks up.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The class index that stands for no class.
    pub fn no_class(&self) -> usize {
        self.config.classes
    }

    /// Describes noise levels to the network: `[1, batch, 64]`, cosines and sines of `c_noise = ln(sigma) / 4`.
    pub fn noise_features(sigmas: &[f64], device: &Device) -> Tensor<3> {
        Condition::noise_features(sigmas, device)
    }

    /// Scaled noisy samples `[clients, batch, channels, height, width]`, noise features `[clients, batch, 64]` and
    /// classes `[clients, batch]` to the network's output, of the samples' shape.
    pub fn forward(&self, pass: &Pass, samples: Tensor<5>, noise: Tensor<3>, classes: Tensor<2, Int>) -> Tensor<5> {
        let condition = self.condition.forward(pass, noise, classes);
        match &self.body {
            Body::UNet(network) => network.forward(pass, samples, &condition),
            Body::Perceptron(network) => network.forward(pass, samples, &condition),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;
    use imfl_engine::parameters::{Stacked, Weights};

    const GREY: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
    const COLOUR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
    const ROW: ImageShape = ImageShape { channels: 16, height: 1, width: 1 };

    #[test]
    fn the_networks_are_as_large_as_the_book_says() {
        let size = |shape| Denoiser::new(&DenoiserConfig::small(shape, 10)).unwrap().layout().size();
        assert!((360_000..420_000).contains(&size(GREY)), "{}", size(GREY));
        assert!((360_000..420_000).contains(&size(COLOUR)), "{}", size(COLOUR));
        let rows = Denoiser::new(&DenoiserConfig::rows(ROW, 26)).unwrap().layout().size();
        assert!((120_000..160_000).contains(&rows), "{rows}");
    }

    #[test]
    fn output_has_the_shape_of_the_samples_and_starts_at_zero() {
        let pictures = [GREY, COLOUR, ImageShape { channels: 3, height: 8, width: 12 }];
        let networks = pictures.map(|shape| DenoiserConfig::small(shape, 3));
        for config in networks.into_iter().chain([DenoiserConfig::rows(ROW, 3)]) {
            let (shape, denoiser) = (config.shape, Denoiser::new(&config).unwrap());
            let weights = Weights::initialise(denoiser.layout().clone(), 1);
            let device = Device::flex();
            let stacked = Stacked::broadcast(&weights, 1, &device);
            let dims = [1, 2, shape.channels, shape.height, shape.width];
            let classes = Tensor::from_data([[0, 3]], &device);
            let noise = Denoiser::noise_features(&[0.1, 3.0], &device);
            let y = denoiser.forward(&Pass::evaluate(&stacked), Tensor::ones(dims, &device), noise, classes);
            assert_eq!(y.dims(), dims);
            assert_eq!(y.abs().max().into_scalar::<f32>(), 0.0);
        }
    }

    #[test]
    fn impossible_settings_are_named() {
        let problem = |config: DenoiserConfig| Denoiser::new(&config).unwrap_err().to_string();
        let good = DenoiserConfig::small(GREY, 10);
        assert!(problem(DenoiserConfig { width: 12, ..good.clone() }).contains("width = 12"));
        assert!(problem(DenoiserConfig { embedding: 0, ..good.clone() }).contains("embedding = 0"));
        assert!(problem(DenoiserConfig { classes: 0, ..good.clone() }).contains("classes = 0"));
        let shape = ImageShape { channels: 1, height: 30, width: 28 };
        assert!(problem(DenoiserConfig { shape, ..good }).contains("1x30x28"));
        let rows = DenoiserConfig::rows(ROW, 26);
        assert!(problem(DenoiserConfig { shape, ..rows.clone() }).contains("rows of 1 to 4096 values"));
        assert!(problem(DenoiserConfig { width: 0, ..rows.clone() }).contains("width = 0"));
        let network = Network::Perceptron { blocks: 0 };
        assert!(problem(DenoiserConfig { network, ..rows }).contains("blocks = 0"));
    }
}
