//! What every training loop of this crate does with a gradient.

use crate::training::TrainingState;
use burn::tensor::Tensor;
use imfl_engine::parameters::Stacked;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.99;
const EPSILON: f32 = 1e-8;

/// One step of AdamW (Loshchilov and Hutter 2019, algorithm 2), counted from 1.
///
/// It runs on the host: the network is small, and a fixed order of operations keeps runs equal bit for bit.
pub fn adamw(state: &mut TrainingState, gradient: &[f32], step: u64, rate: f64, decay: f64) {
    let power = i32::try_from(step).unwrap_or(i32::MAX);
    let correct1 = (1.0 - f64::from(BETA1).powi(power)) as f32;
    let correct2 = (1.0 - f64::from(BETA2).powi(power)) as f32;
    let (rate, keep) = (rate as f32, (1.0 - rate * decay) as f32);
    let TrainingState { weights, first, second } = state;
    let moments = first.iter_mut().zip(second.iter_mut());
    for ((weight, (m, v)), &g) in weights.values_mut().iter_mut().zip(moments).zip(gradient) {
        *m += (1.0 - BETA1) * (g - *m);
        *v += (1.0 - BETA2) * (g * g - *v);
        *weight = keep * *weight - rate * (*m / correct1) / ((*v / correct2).sqrt() + EPSILON);
    }
}

/// The gradient of a loss by all parameters of one client, in layout order.
pub fn flat_gradient(leaves: &Stacked, loss: Tensor<1>) -> Vec<f32> {
    let mut gradients = loss.backward();
    let mut flat = Vec::with_capacity(leaves.layout().size());
    for (tensor, parameter) in leaves.tensors().iter().zip(leaves.layout().parameters()) {
        match tensor.grad_remove(&mut gradients) {
            Some(gradient) => {
                let data = gradient.into_data().convert::<f32>();
                // Just converted to f32.
                flat.extend_from_slice(data.as_slice::<f32>().expect("f32"));
            }
            // The loss does not depend on it.
            None => flat.resize(flat.len() + parameter.size(), 0.0),
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::parameters::{Initialiser, Layout, Weights};

    #[test]
    fn steps_follow_the_published_algorithm() {
        let mut layout = Layout::new();
        layout.declare("w", &[1], Initialiser::Ones);
        let weights = Weights::initialise(layout.into(), 0);
        let mut state = TrainingState { weights, first: vec![0.0], second: vec![0.0] };
        // Worked by hand: bias correction makes the first step rate * sign(g), after decay by 1 - 0.1 * 0.5.
        adamw(&mut state, &[4.0], 1, 0.1, 0.5);
        assert!((state.weights.values()[0] - (0.95 - 0.1)).abs() < 1e-6);
        // m = 0.9 * 0.4 - 0.1 * 2 = 0.16, v = 0.99 * 0.16 + 0.01 * 4 = 0.1984.
        adamw(&mut state, &[-2.0], 2, 0.1, 0.0);
        let step = 0.1 * (0.16 / 0.19) / (0.1984f32 / 0.0199).sqrt();
        assert!((state.weights.values()[0] - (0.85 - step)).abs() < 1e-6);
    }
}
