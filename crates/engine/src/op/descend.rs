//! A dense layer that takes its step of gradient descent inside the backward pass.
//!
//! The weight gradient of a wide layer is a sum of as many outer products as the batch has samples. Written out it is as
//! large as the weights: it has to be allocated, written, read again and subtracted, all of it past the caches. For
//! plain SGD none of this is needed. The backward pass adds `-rate x^T dy` to each block of weights while that block is
//! in the cache for the input gradient.

use super::primitive::Primitive;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Weights `[clients, inputs, outputs]` that move by `-rate` times their gradient in every backward pass.
///
/// A clone is another handle on the same weights. They are in place while a step runs only if nobody else holds the
/// tensor; otherwise they are copied first, and the other holder keeps the old values.
#[derive(Clone, Debug)]
pub struct Descending {
    weight: Arc<Mutex<Option<Tensor<3>>>>,
    shape: [usize; 3],
    rate: f32,
}

impl Descending {
    /// `[clients, inputs, outputs]`.
    pub(super) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Weights that record no gradients themselves.
    ///
    /// # Panics
    /// If the weights are not `f32`, or are on an autodiff device.
    pub fn new(weight: Tensor<3>, rate: f32) -> Self {
        assert_eq!(weight.dtype(), DType::F32, "descending weights must be f32");
        assert!(!weight.device().is_autodiff(), "descending weights move by themselves: pass `weight.inner()`");
        let shape = weight.dims();
        Self { weight: Arc::new(Mutex::new(Some(weight))), shape, rate }
    }

    /// The weights as they are now, leaving this handle and its clones empty.
    ///
    /// # Panics
    /// If they were taken before.
    pub fn into_weight(self) -> Tensor<3> {
        self.take()
    }

    /// A panic inside a kernel leaves `None`, which `take` reports; the lock itself cannot be wrong.
    fn lock(&self) -> MutexGuard<'_, Option<Tensor<3>>> {
        self.weight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Tensor<3> {
        self.lock().take().expect("the weights of this handle were taken")
    }

    /// The backend's tensor, shared, for a forward pass.
    pub(super) fn handle<B: Primitive>(&self) -> FloatTensor<B> {
        let weight = self.lock().clone().expect("the weights of this handle were taken");
        B::lower(weight).expect("input and weights are on one backend")
    }

    /// Replaces the weights by `step(weights, rate)`.
    pub(super) fn step<B: Primitive, T>(&self, step: impl FnOnce(FloatTensor<B>, f32) -> (FloatTensor<B>, T)) -> T {
        let weight = B::lower(self.take()).expect("input and weights are on one backend");
        let (weight, rest) = step(weight, self.rate);
        *self.lock() = Some(B::raise(weight));
        rest
    }
}
