//! Layers whose parameters carry a leading client axis.
//!
//! Every parameter is `[clients, ...]` and every activation `[clients, batch, ...]`, so one forward and one backward
//! pass train a chunk of clients that share nothing but the code. A layer holds the names of its parameters, not their
//! values: the values come with the [`Pass`].

mod conv1d;
mod conv2d;
mod dropout;
mod embedding;
mod group_norm;
mod keys;
mod linear;
mod max_pool2d;
mod pass;
mod trace;

pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use group_norm::GroupNorm;
pub use keys::{Keys, StepKeys};
pub use linear::Linear;
pub use max_pool2d::MaxPool2d;
pub use pass::{Pass, flatten};
pub use trace::Trace;

#[cfg(test)]
pub(crate) mod testing {
    //! What the tests of several layers need.

    use crate::parameters::{Layout, Stacked, Weights};
    use burn::tensor::{Device, Tensor, TensorData};
    use std::sync::Arc;

    /// Parameters of `clients` clients, each drawn from a seed of its own.
    pub fn distinct_clients(layout: Layout, clients: usize) -> (Vec<Weights>, Stacked) {
        let layout = Arc::new(layout);
        let weights: Vec<Weights> = (0..clients as u64).map(|seed| Weights::initialise(layout.clone(), seed)).collect();
        let singles: Vec<Stacked> = weights.iter().map(|one| Stacked::broadcast(one, 1, &Device::flex())).collect();
        let tensors = (0..layout.parameters().len())
            .map(|index| Tensor::cat(singles.iter().map(|one| one.tensors()[index].clone()).collect(), 0))
            .collect();
        let stacked = Stacked::broadcast(&weights[0], clients, &Device::flex()).with_tensors(tensors);
        (weights, stacked)
    }

    /// A tensor with values that differ everywhere.
    pub fn ramp<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        let size: usize = shape.iter().product();
        let values: Vec<f32> = (0..size).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }
}
