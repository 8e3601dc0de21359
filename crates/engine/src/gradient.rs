//! Gradients of a model's loss on given samples, and what a bound on convergence needs to know about them.

use crate::batch::Batch;
use crate::client::{Images, Sample};
use crate::device::Compute;
use crate::layer::Pass;
use crate::model::Model;
use crate::parameters::{Stacked, Weights};
use crate::transfer;
use crate::worker;
use burn::tensor::Tensor;

/// Samples in a batch of a gradient evaluation.
const BATCH: usize = 50;

/// The gradient of the mean cross-entropy on each set of samples, one vector in layout order a set, without dropout.
///
/// An empty set has gradient zero. The result does not depend on the number of workers or ranks.
pub fn of_sets(
    model: &dyn Model,
    weights: &Weights,
    images: &Images,
    sets: &[Vec<Sample>],
    compute: &Compute,
) -> Vec<Vec<f32>> {
    let device = compute.device.clone().autodiff();
    let stacked = Stacked::broadcast(weights, 1, &compute.device);
    // Each rank takes a part of the sets, and all learn what the others found.
    let own = compute.ranks.part(sets.len());
    let here = worker::map(compute.workers, own.len(), |index| {
        let samples = &sets[own.start + index];
        let mut sum = vec![0.0f32; weights.layout().size()];
        for part in samples.chunks(BATCH) {
            let leaves = stacked.leaves();
            let batch = Batch::assemble(images, &[part], part.len(), &device);
            let logits = model.forward(&mut Pass::evaluate(&leaves), batch.inputs.clone());
            let gradient = of_loss(&leaves, batch.cross_entropy(logits).sum());
            let share = part.len() as f32 / samples.len() as f32;
            sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += share * value);
        }
        sum
    });
    if !compute.ranks.are_several() {
        return here;
    }
    let all = compute.ranks.gather_f32(&here.concat()).concat();
    all.chunks(weights.layout().size().max(1)).map(<[f32]>::to_vec).collect()
}

/// The gradient of a loss by all parameters of one client, in layout order; zero where the loss does not depend on one.
pub fn of_loss(leaves: &Stacked, loss: Tensor<1>) -> Vec<f32> {
    let mut gradients = loss.backward();
    let mut flat = Vec::with_capacity(leaves.layout().size());
    for (leaf, parameter) in leaves.tensors().iter().zip(leaves.layout().parameters()) {
        let end = flat.len() + parameter.size();
        if let Some(gradient) = leaf.grad_remove(&mut gradients) {
            flat.extend(transfer::floats(gradient));
        }
        flat.resize(end, 0.0);
    }
    flat
}

/// Euclidean norm.
pub fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

/// Euclidean distance.
pub fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

/// The variance `sigma^2` of the gradient of one sample, estimated from gradients of disjoint batches of equal size:
/// the mean of `batch` samples varies by `sigma^2 / batch`. Zero for fewer than two batches.
pub fn noise(batch_gradients: &[Vec<f32>], batch: usize) -> f64 {
    let count = batch_gradients.len();
    let Some(first) = batch_gradients.first().filter(|_| count > 1) else { return 0.0 };
    let mut mean = vec![0.0f32; first.len()];
    for gradient in batch_gradients {
        mean.iter_mut().zip(gradient).for_each(|(mean, value)| *mean += value / count as f32);
    }
    let spread: f64 = batch_gradients.iter().map(|gradient| distance(gradient, &mean).powi(2)).sum();
    batch as f64 * spread / (count - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, ImageShape};
    use crate::model::Architecture;
    use std::sync::Arc;

    #[test]
    fn gradients_agree_with_finite_differences() {
        let shape = ImageShape { channels: 1, height: 6, width: 6 };
        let pixels = (0..60 * 36u32).map(|i| (i * i % 251) as u8).collect();
        let names = vec!["a".to_string(), "b".to_string()];
        let data = Dataset::new("t", shape, names, pixels, (0..60).map(|i| i % 2).collect()).unwrap();
        let normalisation = data.normalisation();
        let images = Images::new(Arc::new(data), &normalisation);
        let model = Architecture::Mlp.build(shape, 2).unwrap();
        let weights = Weights::initialise(model.layout().clone(), 4);
        let compute = Compute::cpu();
        let samples: Vec<Sample> = (0..60).map(Sample::Authentic).collect();
        let gradient = &of_sets(model.as_ref(), &weights, &images, &[samples], &compute)[0];

        let loss = |weights: &Weights| crate::federated::evaluate(model.as_ref(), weights, &images, &compute).loss;
        for index in [0, 36 * 200 + 3, 36 * 200 + 200 + 777, weights.values().len() - 1] {
            let moved = |by| {
                let mut moved = weights.clone();
                moved.values_mut()[index] += by;
                loss(&moved)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradient[index])).abs() < 1e-3, "{index}: {slope} against {}", gradient[index]);
        }
    }

    #[test]
    fn noise_is_the_variance_of_one_sample() {
        // Batches of 4 whose means are +-1 around zero in one coordinate: variance of the mean 4/3, of a sample 16/3.
        let batches = [vec![1.0], vec![-1.0], vec![1.0], vec![-1.0]];
        assert!((noise(&batches, 4) - 16.0 / 3.0).abs() < 1e-6);
        assert_eq!(noise(&batches[..1], 4), 0.0);
    }
}
