//! Which algorithm a GPU computes a convolution with fastest, found by letting it.

use crate::convolution::{Algorithm, Direction, Measured, Shape};
use crate::device::Compute;
use crate::device::failed::Failed;
use crate::model::{self, Model};
use burn::tensor::Device;

/// Why nothing is measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TuningError {
    /// The CPU's kernels choose for themselves.
    #[error(
        "convolutions choose their algorithm on GPUs only; the processor's kernels go by rules that need no measuring"
    )]
    Processor,
    /// Not one algorithm came to its end.
    #[error("{shape}: {failed}")]
    Failed {
        /// The convolution.
        shape: String,
        /// What the device said last.
        failed: Failed,
    },
}

/// The convolutions of a model on samples of a shape, each once.
pub fn shapes(model: &dyn Model, sample: impl Into<[usize; 3]>) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for shape in model::trace(model, sample, &Device::flex()).convolutions {
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    shapes
}

/// What a device calls itself, by which measurements are kept; `None` for the processor.
pub fn identity(compute: &Compute) -> Option<String> {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    return crate::transfer::is_apart(&compute.device).then(|| timed::identity(&compute.device));
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    {
        let _ = compute;
        None
    }
}

/// Measures a convolution of `clients` clients with `batch` samples each by every algorithm that can compute it. The gradients are measured
/// behind the fastest forward pass, from what that keeps.
///
/// # Errors
/// [`TuningError`] on the CPU, and where the device failed at every algorithm.
pub fn measure(compute: &Compute, shape: &Shape, clients: usize, batch: usize) -> Result<Measured, TuningError> {
    if identity(compute).is_none() {
        return Err(TuningError::Processor);
    }
    let mut measured = Measured {
        shape: *shape,
        clients,
        batch,
        forward: Default::default(),
        input: Default::default(),
        weights: Default::default(),
    };
    for direction in Direction::ALL {
        let forward = measured.fastest(Direction::Forward).unwrap_or(Algorithm::DEFAULT);
        let mut last = None;
        for algorithm in Algorithm::ALL {
            let mut algorithms = [forward, algorithm, algorithm];
            if direction == Direction::Forward {
                algorithms[0] = algorithm;
            }
            match time(compute, shape, [clients, batch], algorithms, direction) {
                Ok(None) => {}
                Ok(Some(milliseconds)) => {
                    measured.of_mut(direction).insert(algorithm, milliseconds);
                }
                Err(failed) => last = Some(failed),
            }
        }
        if let (true, Some(failed)) = (measured.of(direction).is_empty(), last) {
            return Err(TuningError::Failed { shape: shape.to_string(), failed });
        }
    }
    Ok(measured)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn time(_: &Compute, _: &Shape, _: [usize; 2], _: [Algorithm; 3], _: Direction) -> Result<Option<f64>, Failed> {
    Ok(None)
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use timed::time;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod timed {
    use super::{Algorithm, Compute, Device, Direction, Failed, Shape};
    use crate::device::failed;
    use crate::op::trial::Trial;
    use crate::random::{Purpose, keyed};
    use crate::transfer;
    use burn::tensor::{Tensor, TensorData};
    use rand::RngExt;
    use std::time::Instant;

    /// Seconds that are enough for one measurement, how often it is repeated, and launches in a row; the best counts.
    const ENOUGH: f64 = 0.05;
    const REPEATS: usize = 5;
    const ROW: f64 = 50.0;

    pub fn identity(device: &Device) -> String {
        trial(&tiny(), [1, 1], device).device()
    }

    fn tiny() -> Shape {
        let (one, follows) = ([1, 1], crate::convolution::Follows::Nothing);
        Shape { inputs: 1, outputs: 1, image: one, kernel: one, stride: one, padding: [0, 0], follows }
    }

    fn trial(shape: &Shape, [clients, batch]: [usize; 2], device: &Device) -> Trial {
        let Shape { inputs, outputs, image, kernel, stride, padding, follows } = *shape;
        let pooled = if follows == crate::convolution::Follows::ReluPool2 { 2 } else { 1 };
        let side = |axis: usize| ((image[axis] + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1) / pooled;
        let tensors = [
            values([clients, batch, inputs, image[0], image[1]], device),
            values([clients, outputs, inputs, kernel[0], kernel[1]], device),
            values([clients, batch, outputs, side(0), side(1)], device),
        ];
        Trial::new(shape, tensors, values([clients, outputs], device))
    }

    /// Values between -1 and 1: how fast a card multiplies depends on the bits that it has to move.
    fn values<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        let mut random = keyed(0, Purpose::Benchmark, 0, 0, 0);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.random::<f32>() * 2.0 - 1.0).collect();
        transfer::upload(TensorData::new(values, shape), device)
    }

    /// Milliseconds of one direction; `None` where its algorithm does not compute such a convolution.
    pub fn time(
        compute: &Compute,
        shape: &Shape,
        size: [usize; 2],
        algorithms: [Algorithm; 3],
        direction: Direction,
    ) -> Result<Option<f64>, Failed> {
        failed::catch(true, || {
            let trial = trial(shape, size, &compute.device);
            let route = trial.route(algorithms);
            if route.algorithm(direction) != algorithms[direction as usize] {
                return None;
            }
            let saved = trial.forward(&route);
            let seconds = |times: usize| {
                let started = Instant::now();
                for _ in 0..times {
                    trial.begin(&route, direction, &saved);
                }
                trial.wait();
                started.elapsed().as_secs_f64() / times as f64
            };
            // The first one pays for memory and compilation.
            seconds(1);
            let first = seconds(1);
            if first > ENOUGH * REPEATS as f64 {
                return Some(1e3 * first);
            }
            let row = (ENOUGH / REPEATS as f64 / first).clamp(1.0, ROW) as usize;
            Some(1e3 * (0..REPEATS).map(|_| seconds(row)).fold(first, f64::min))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::Architecture;

    #[test]
    fn the_convolutions_of_a_model_are_listed_once() {
        let shape = ImageShape { channels: 3, height: 32, width: 32 };
        let of = |model: Architecture| {
            let shapes = shapes(model.build(shape, 10).unwrap().as_ref(), shape);
            shapes.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let cnn = ["3x3, 3 to 32 channels, 32x32, ReLU", "3x3, 32 to 64 channels, 30x30, ReLU and pooling"];
        assert_eq!(of(Architecture::SimpleCnn), cnn);
        assert!(of(Architecture::Mlp).is_empty());
        let residual = of(Architecture::ResNet8Gn);
        assert!(
            residual.contains(&"3x3, 16 to 32 channels, 32x32, stride 2x2, padding 1x1".to_string()),
            "{residual:?}"
        );
    }

    #[test]
    fn the_processor_has_nothing_to_measure() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let shapes = shapes(Architecture::SimpleCnn.build(shape, 2).unwrap().as_ref(), shape);
        assert_eq!(measure(&Compute::cpu(), &shapes[0], 1, 1), Err(TuningError::Processor));
    }
}
