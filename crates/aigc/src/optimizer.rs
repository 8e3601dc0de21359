//! What every training loop of this crate does with a gradient.

use burn::tensor::Tensor;
use imfl_engine::gradient;
use imfl_engine::parameters::{Stacked, Weights};
use imfl_engine::transfer::floats;
use imfl_engine::worker;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.99;
const EPSILON: f32 = 1e-8;

/// AdamW (Loshchilov and Hutter 2019, algorithm 2): weights, and what it remembers of their gradients.
///
/// It runs on the host: the network is small, and a fixed order of operations keeps runs equal bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    /// The weights that it moves.
    pub weights: Weights,
    /// Mean of gradients, in layout order.
    pub first: Vec<f32>,
    /// Mean of squared gradients, in layout order.
    pub second: Vec<f32>,
}

impl AdamW {
    /// Weights without a past.
    pub fn new(weights: Weights) -> Self {
        let size = weights.values().len();
        Self { weights, first: vec![0.0; size], second: vec![0.0; size] }
    }

    /// The `step`-th step, counted from 1, at a learning rate and a decay of weights.
    pub fn step(&mut self, gradient: &[f32], step: u64, rate: f64, decay: f64) {
        let power = i32::try_from(step).unwrap_or(i32::MAX);
        let correct1 = (1.0 - f64::from(BETA1).powi(power)) as f32;
        let correct2 = (1.0 - f64::from(BETA2).powi(power)) as f32;
        let (rate, keep) = (rate as f32, (1.0 - rate * decay) as f32);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((weight, (m, v)), &g) in self.weights.values_mut().iter_mut().zip(moments).zip(gradient) {
            *m += (1.0 - BETA1) * (g - *m);
            *v += (1.0 - BETA2) * (g * g - *v);
            *weight = keep * *weight - rate * (*m / correct1) / ((*v / correct2).sqrt() + EPSILON);
        }
    }
}

/// The loss and gradient of a batch as the sum over its shards, which are computed apart by `workers` threads and added up in order: no
/// bit depends on the workers.
pub fn sharded(workers: usize, shards: usize, of: impl Fn(usize) -> (f64, Vec<f32>) + Sync) -> (f64, Vec<f32>) {
    let add = |(loss, mut sum): (f64, Vec<f32>), (more, part): (f64, Vec<f32>)| {
        sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        (loss + more, sum)
    };
    worker::map(workers, shards, of).into_iter().reduce(add).unwrap_or_default()
}

/// A loss and its gradient by all parameters of one client, in layout order.
pub fn flat_gradient(leaves: &Stacked, loss: Tensor<1>) -> (f64, Vec<f32>) {
    // A loss is one number.
    (f64::from(floats(loss.clone())[0]), gradient::of_loss(leaves, loss))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::parameters::{Initialiser, Layout};

    #[test]
    fn steps_follow_the_published_algorithm() {
        let mut layout = Layout::new();
        layout.declare("w", &[1], Initialiser::Ones);
        let weights = Weights::initialise(layout.into(), 0);
        let mut state = AdamW::new(weights);
        // Worked by hand: bias correction makes the first step rate * sign(g), after decay by 1 - 0.1 * 0.5.
        state.step(&[4.0], 1, 0.1, 0.5);
        assert!((state.weights.values()[0] - (0.95 - 0.1)).abs() < 1e-6);
        // m = 0.9 * 0.4 - 0.1 * 2 = 0.16, v = 0.99 * 0.16 + 0.01 * 4 = 0.1984.
        state.step(&[-2.0], 2, 0.1, 0.0);
        let step = 0.1 * (0.16 / 0.19) / (0.1984f32 / 0.0199).sqrt();
        assert!((state.weights.values()[0] - (0.85 - step)).abs() < 1e-6);
    }
}
