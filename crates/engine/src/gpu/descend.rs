//! A step of plain gradient descent over all parameters: as few launches as a device's bindings allow, mostly one.

use super::{grid, memory};
use burn::tensor::Tensor;
use cubecl::prelude::*;

/// Buffers of one parameter: the weights, their gradient, and the weights after the step.
const BUFFERS: usize = 3;
/// Buffers beside those of parameters: the clients' samples, and what a launch says of its buffers.
const OTHERS: usize = 2;
/// Parameters of one launch at most, so that its kernel stays short.
const MOST: usize = 16;

/// `weight - rate * gradient` for parameters `[clients, size]` with their gradients; a client without samples, as `counts [clients]` has it, keeps
/// what it has.
pub fn descend(parameters: Vec<(Tensor<2>, Tensor<2>)>, counts: &Tensor<1>, rate: f32) -> Vec<Tensor<2>> {
    let Some((first, _)) = parameters.first() else { return Vec::new() };
    let bindings = memory(first.clone()).client.properties().hardware.max_bindings as usize;
    let together = (bindings.saturating_sub(OTHERS) / BUFFERS).clamp(1, MOST);
    parameters.chunks(together).flat_map(|some| together_descend(some, counts, rate)).collect()
}

fn together_descend(parameters: &[(Tensor<2>, Tensor<2>)], counts: &Tensor<1>, rate: f32) -> Vec<Tensor<2>> {
    let moved: Vec<Tensor<2>> =
        parameters.iter().map(|(weight, _)| Tensor::empty(weight.dims(), &weight.device())).collect();
    let counts = memory(counts.clone());
    let buffers = |tensors: &mut dyn Iterator<Item = &Tensor<2>>| -> SequenceArg<Box<[f32]>> {
        tensors.map(|tensor| memory(tensor.clone()).into_buffer_arg()).collect()
    };
    let values = parameters.iter().map(|(weight, _)| weight.dims().iter().product::<usize>()).sum();
    let (count, dim) = grid(&counts, values);
    descend_kernel::launch(
        &counts.client.clone(),
        count,
        dim,
        buffers(&mut parameters.iter().map(|(weight, _)| weight)),
        buffers(&mut parameters.iter().map(|(_, gradient)| gradient)),
        buffers(&mut moved.iter()),
        counts.into_buffer_arg(),
        rate,
    );
    moved
}

/// One thread moves one value; parameters follow each other.
#[cube(launch)]
fn descend_kernel(
    weights: &Sequence<Box<[f32]>>,
    gradients: &Sequence<Box<[f32]>>,
    moved: &mut Sequence<Box<[f32]>>,
    counts: &[f32],
    rate: f32,
) {
    let mut first = 0usize;
    #[unroll]
    for parameter in 0..weights.len() {
        let weight = weights.index(parameter);
        let end = first + weight.len();
        if ABSOLUTE_POS >= first && ABSOLUTE_POS < end {
            let at = ABSOLUTE_POS - first;
            let client = at / (weight.len() / counts.len());
            let old = weight[at];
            let new = old - rate * gradients.index(parameter)[at];
            moved.index_mut(parameter)[at] = select(counts[client] > 0.0f32, new, old);
        }
        first = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{floats, gpus};

    /// More parameters than one launch takes, of unlike sizes; the second of three clients has no samples.
    #[test]
    fn every_parameter_of_whoever_has_samples_moves() {
        for device in gpus() {
            let sizes: Vec<usize> = (1..=2 * MOST + 3).map(|number| number * number).collect();
            let values = |size: usize, salt: usize| -> Vec<f32> {
                (0..3 * size).map(|i| ((i * 37 + salt) % 101) as f32 / 8.0).collect()
            };
            let tensor = |size, salt| floats(&values(size, salt), &device).reshape([3, size]);
            let parameters = sizes.iter().map(|&size| (tensor(size, 1), tensor(size, 2))).collect();
            let moved = descend(parameters, &floats(&[4.0, 0.0, 1.0], &device), 0.5);
            assert_eq!(moved.len(), sizes.len());
            for (moved, size) in moved.into_iter().zip(sizes) {
                let found: Vec<f32> = moved.into_data().try_to_vec().unwrap();
                let pairs = values(size, 1).into_iter().zip(values(size, 2)).enumerate();
                let expected: Vec<f32> = pairs.map(|(i, (w, g))| if i / size == 1 { w } else { w - 0.5 * g }).collect();
                assert_eq!(found, expected, "{size} values a client on {device:?}");
            }
        }
    }
}
