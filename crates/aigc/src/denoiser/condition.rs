//! What a denoiser is told beside the noisy values: the noise level and the class.

use super::preconditioning::Preconditioning;
use burn::tensor::{Device, Int, Tensor, TensorData, activation::silu};
use imfl_engine::layer::{Embedding, Linear, Pass};
use imfl_engine::parameters::Layout;
use imfl_engine::transfer::upload;

/// Cosines and as many sines that describe the noise level.
const FREQUENCIES: usize = 32;

/// Noise level and class as one vector.
#[derive(Clone, Debug)]
pub struct Condition {
    noise: [Linear; 2],
    class: Embedding,
}

impl Condition {
    pub fn new(layout: &mut Layout, classes: usize, embedding: usize) -> Self {
        Self {
            noise: [
                Linear::new(layout, "noise.0", 2 * FREQUENCIES, embedding),
                Linear::new(layout, "noise.1", embedding, embedding),
            ],
            // One row more than there are classes: the sample of no class, for classifier-free guidance.
            class: Embedding::new(layout, "class", classes + 1, embedding),
        }
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
        upload(TensorData::new(features, [1, sigmas.len(), 2 * FREQUENCIES]), device)
    }

    /// Noise features `[clients, batch, 64]` and classes `[clients, batch]` to `[clients, batch, embedding]`.
    pub fn forward(&self, pass: &Pass, noise: Tensor<3>, classes: Tensor<2, Int>) -> Tensor<3> {
        let noise = self.noise[1].forward(pass, silu(self.noise[0].forward(pass, noise)));
        silu(noise + self.class.forward(pass, classes))
    }
}
