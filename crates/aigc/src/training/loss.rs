//! The loss of Karras et al. 2022.

use super::batch::Shard;
use crate::denoiser::{Denoiser, Preconditioning};
use burn::tensor::{Int, Tensor, TensorData};
use imfl_engine::layer::Pass;
use imfl_engine::transfer::upload;

/// The sum over examples and values of `lambda(sigma) (D(y + sigma n; sigma) - y)^2` (their equation 2), which with the weight of
/// their table 1 is the squared error of the network F against its target (their equation 8).
pub fn squared_error(denoiser: &Denoiser, pass: &Pass, shard: &Shard, scalings: Preconditioning) -> Tensor<1> {
    let (noisy, device) = (shard.noisy(), shard.clean.device());
    let inputs = noisy.clone() * shard.each(|sigma| scalings.input(sigma));
    // The target is linear in both values.
    let of_clean = shard.each(|sigma| scalings.target(1.0, 0.0, sigma));
    let targets = shard.clean.clone() * of_clean + noisy * shard.each(|sigma| scalings.target(0.0, 1.0, sigma));
    let classes: Vec<i64> = shard.classes.iter().map(|&class| class as i64).collect();
    let classes: Tensor<2, Int> = upload(TensorData::new(classes, [1, shard.classes.len()]), &device);
    let outputs = denoiser.forward(pass, inputs, Denoiser::noise_features(&shard.sigmas, &device), classes);
    (outputs - targets).square().sum()
}
