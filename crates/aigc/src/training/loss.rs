//! The loss of Karras et al. 2022.

use super::batch::Example;
use crate::denoiser::{Denoiser, Preconditioning};
use burn::tensor::{Device, Int, Tensor, TensorData};
use imfl_engine::layer::Pass;
use imfl_engine::transfer::upload;

/// The sum over examples and values of `lambda(sigma) (D(y + sigma n; sigma) - y)^2` (their equation 2), which with the weight of
/// their table 1 is the squared error of the network F against its target (their equation 8).
pub fn squared_error(
    denoiser: &Denoiser,
    pass: &Pass,
    examples: &[Example],
    scalings: Preconditioning,
    device: &Device,
) -> Tensor<1> {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for Example { clean, noise, sigma, .. } in examples {
        let (deviation, c_in) = (*sigma as f32, scalings.input(*sigma) as f32);
        // The target is linear in both values.
        let [of_clean, of_noisy] = [(1.0, 0.0), (0.0, 1.0)].map(|(y, yn)| scalings.target(y, yn, *sigma) as f32);
        for (y, n) in clean.iter().zip(noise) {
            let noisy = y + deviation * n;
            inputs.push(c_in * noisy);
            targets.push(of_clean * y + of_noisy * noisy);
        }
    }
    let shape = denoiser.config().shape;
    let images = [1, examples.len(), shape.channels, shape.height, shape.width];
    let [inputs, targets] = [inputs, targets].map(|values| upload::<5, _>(TensorData::new(values, images), device));
    let sigmas: Vec<f64> = examples.iter().map(|example| example.sigma).collect();
    let classes: Vec<i64> = examples.iter().map(|example| example.class as i64).collect();
    let classes: Tensor<2, Int> = upload(TensorData::new(classes, [1, examples.len()]), device);
    let outputs = denoiser.forward(pass, inputs, Denoiser::noise_features(&sigmas, device), classes);
    (outputs - targets).square().sum()
}
