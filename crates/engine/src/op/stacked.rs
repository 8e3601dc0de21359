//! The operations as Burn dispatches them, and the passes that a backend makes them from.

use super::descend::Descending;
use super::mask::{Mask, Masked};
use super::options::{Activation, Convolution};
use super::primitive::Primitive;
use burn::backend::{Backend, backend_extension, tensor::FloatTensor};
use std::fmt::Debug;

/// The operations as Burn dispatches them; use [`conv2d`](super::conv2d) and [`linear`](super::linear).
#[backend_extension(
    Autodiff,
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda"))
)]
pub trait StackedOps: Backend {
    /// See [`conv2d`](super::conv2d).
    fn stacked_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Masked<Convolution>,
    ) -> FloatTensor<Self>;

    /// See [`linear`](super::linear).
    fn stacked_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Masked<Activation>,
    ) -> FloatTensor<Self>;

    /// See [`linear_descending`](super::linear_descending).
    fn stacked_linear_descending(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        weight: Descending,
        activation: Masked<Activation>,
    ) -> FloatTensor<Self>;

    /// See [`dropout`](super::dropout()).
    fn stacked_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;
}

/// Gradients with respect to input, weights and bias, where somebody needs them.
pub type Grads<B> = [Option<FloatTensor<B>>; 3];

/// Forward and backward passes on one backend, from which the differentiable operation is made.
pub trait StackedKernels: Primitive {
    /// What a convolution keeps for its backward pass, beside input and weights.
    type Saved: Clone + Send + Debug + 'static;

    /// See [`conv2d`](super::conv2d).
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: &Masked<Convolution>,
    ) -> (FloatTensor<Self>, Self::Saved);

    /// Gradients of [`conv2d`](super::conv2d) from the gradient of its output.
    fn conv2d_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        saved: Self::Saved,
        grad: FloatTensor<Self>,
        options: &Masked<Convolution>,
        wanted: [bool; 3],
    ) -> Grads<Self>;

    /// See [`linear`](super::linear).
    fn linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: &Masked<Activation>,
    ) -> FloatTensor<Self>;

    /// Gradients of [`linear`](super::linear) from its output and the gradient of that.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: &Masked<Activation>,
        wanted: [bool; 3],
    ) -> Grads<Self>;

    /// One step of gradient descent on the weights of [`linear`](super::linear), `W - rate dL/dW`, in place where nobody else holds
    /// them; with the gradients of input and bias, taken at the weights before the step.
    fn linear_descend(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: &Masked<Activation>,
        rate: f32,
        wanted: [bool; 2],
    ) -> (FloatTensor<Self>, [Option<FloatTensor<Self>>; 2]);

    /// See [`dropout`](super::dropout()); the gradient of the output takes the same way back.
    fn masked(x: FloatTensor<Self>, mask: &Mask) -> FloatTensor<Self>;

    /// What an operation put out, or the gradient on its way back to it, through the dropout behind it, if there is one.
    fn behind<T>(values: FloatTensor<Self>, masked: &Masked<T>) -> FloatTensor<Self> {
        match &masked.mask {
            Some(mask) => Self::masked(values, mask),
            None => values,
        }
    }
}

/// A backend on its own runs its kernels forward, and keeps nothing.
impl<B: StackedKernels> StackedOps for B {
    fn stacked_conv2d(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        bias: FloatTensor<B>,
        options: Masked<Convolution>,
    ) -> FloatTensor<B> {
        B::conv2d_forward(x, weight, bias, &options).0
    }

    fn stacked_linear(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        bias: FloatTensor<B>,
        activation: Masked<Activation>,
    ) -> FloatTensor<B> {
        B::linear_forward(x, weight, bias, &activation)
    }

    fn stacked_linear_descending(
        x: FloatTensor<B>,
        bias: FloatTensor<B>,
        weight: Descending,
        activation: Masked<Activation>,
    ) -> FloatTensor<B> {
        B::linear_forward(x, weight.handle::<B>(), bias, &activation)
    }

    fn stacked_dropout(x: FloatTensor<B>, mask: Mask) -> FloatTensor<B> {
        B::masked(x, &mask)
    }
}
