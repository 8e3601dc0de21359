//! The network that removes noise: a small U-net with two resolutions, told the noise level and the class.

mod blocks;
mod config;
mod preconditioning;

pub use config::{DenoiserConfig, DenoiserError};
pub use preconditioning::Preconditioning;

use blocks::{Attention, Pointwise, Residual, depth_to_space, space_to_depth};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::silu};
use config::GROUPS;
use imfl_engine::layer::{Conv2d, Embedding, GroupNorm, Linear, Pass};
use imfl_engine::parameters::Layout;
use std::sync::Arc;

/// Cosines and as many sines that describe the noise level.
const FREQUENCIES: usize = 32;

/// The network F of Karras et al. 2022, equation 7; `Preconditioning` says what surrounds it.
///
/// Space-to-depth, a residual block at half resolution, three blocks and one attention at a quarter of it, a residual
/// block at half resolution over a skip, depth-to-space.
#[derive(Clone, Debug)]
pub struct Denoiser {
    config: DenoiserConfig,
    layout: Arc<Layout>,
    noise: [Linear; 2],
    class: Embedding,
    enter: Conv2d,
    fine_in: Residual,
    down: Pointwise,
    coarse: [Residual; 3],
    attention: Attention,
    up: Pointwise,
    fine_out: Residual,
    norm: GroupNorm,
    leave: Conv2d,
}

impl Denoiser {
    /// Declares the network's parameters.
    ///
    /// # Errors
    /// [`DenoiserError`] as [`DenoiserConfig::check`] says.
    pub fn new(config: &DenoiserConfig) -> Result<Self, DenoiserError> {
        config.check()?;
        let &DenoiserConfig { shape, classes, width, embedding } = config;
        let mut layout = Layout::new();
        let l = &mut layout;
        let pixels = 4 * shape.channels;
        Ok(Self {
            noise: [
                Linear::new(l, "noise.0", 2 * FREQUENCIES, embedding),
                Linear::new(l, "noise.1", embedding, embedding),
            ],
            // One row more than there are classes: the image of no class, for classifier-free guidance.
            class: Embedding::new(l, "class", classes + 1, embedding),
            enter: Conv2d::new(l, "enter", pixels, width, 3).with_padding(1),
            fine_in: Residual::new(l, "fine_in", width, embedding),
            down: Pointwise::new(l, "down", 4 * width, 2 * width),
            coarse: [0, 1, 2].map(|index| Residual::new(l, &format!("coarse.{index}"), 2 * width, embedding)),
            attention: Attention::new(l, "attention", 2 * width),
            up: Pointwise::new(l, "up", 2 * width, 4 * width),
            fine_out: Residual::new(l, "fine_out", width, embedding),
            norm: GroupNorm::new(l, "norm", GROUPS, width).with_silu(),
            leave: Conv2d::zeros(l, "leave", width, pixels, 3).with_padding(1),
            config: config.clone(),
            layout: Arc::new(layout),
        })
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
        let mut features = Vec::with_capacity(sigmas.len() * 2 * FREQUENCIES);
        for sigma in sigmas {
            let noise = Preconditioning::noise(*sigma);
            // Periods from 8 down to 0.06 cover c_noise, which lies between about -1.6 and 1.1, at every resolution.
            let angle = |i: usize| std::f64::consts::TAU * noise * 0.125 * 2f64.powf(7.0 * i as f64 / 31.0);
            features.extend((0..FREQUENCIES).map(|i| angle(i).cos() as f32));
            features.extend((0..FREQUENCIES).map(|i| angle(i).sin() as f32));
        }
        Tensor::from_data(TensorData::new(features, [1, sigmas.len(), 2 * FREQUENCIES]), device)
    }

    /// Scaled noisy images `[clients, batch, channels, height, width]`, noise features `[clients, batch, 64]` and
    /// classes `[clients, batch]` to the network's output, of the images' shape.
    pub fn forward(&self, pass: &Pass, images: Tensor<5>, noise: Tensor<3>, classes: Tensor<2, Int>) -> Tensor<5> {
        let noise = self.noise[1].forward(pass, silu(self.noise[0].forward(pass, noise)));
        let condition = silu(noise + self.class.forward(pass, classes));

        let fine = self.enter.forward(pass, space_to_depth(images));
        let fine = self.fine_in.forward(pass, fine, &condition);
        let mut coarse = self.down.forward(pass, space_to_depth(fine.clone()));
        coarse = self.coarse[0].forward(pass, coarse, &condition);
        coarse = self.coarse[1].forward(pass, coarse, &condition);
        coarse = self.attention.forward(pass, coarse);
        coarse = self.coarse[2].forward(pass, coarse, &condition);
        let fine = fine + depth_to_space(self.up.forward(pass, coarse));
        let fine = self.fine_out.forward(pass, fine, &condition);
        depth_to_space(self.leave.forward(pass, self.norm.forward(pass, fine)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;
    use imfl_engine::parameters::{Stacked, Weights};

    const GREY: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
    const COLOUR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    #[test]
    fn the_small_network_has_about_0_4_million_parameters() {
        let size = |shape| Denoiser::new(&DenoiserConfig::small(shape, 10)).unwrap().layout().size();
        assert!((360_000..420_000).contains(&size(GREY)), "{}", size(GREY));
        assert!((360_000..420_000).contains(&size(COLOUR)), "{}", size(COLOUR));
    }

    #[test]
    fn output_has_the_shape_of_the_images_and_starts_at_zero() {
        for shape in [GREY, COLOUR, ImageShape { channels: 3, height: 8, width: 12 }] {
            let denoiser = Denoiser::new(&DenoiserConfig::small(shape, 3)).unwrap();
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
    }
}
