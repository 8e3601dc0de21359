//! Differentiable operations with a leading client axis.
//!
//! Each client has weights of its own, and one call serves a chunk of clients. On `flex` the operations run this
//! crate's CPU kernels; on every other backend they are expressed with the backend's own operations in a number of
//! launches that does not grow with the clients (`generic`).

// `ndarray` is deprecated upstream and kept because users asked for it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

mod autodiff;
mod descend;
#[cfg(feature = "flex")]
mod flex;
mod generic;

pub use descend::{Descending, linear_descending};

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};
use std::fmt::Debug;

/// What follows a convolution or a dense layer in the same pass over memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// `max(0, y)`; a NaN stays one.
    Relu,
}

/// Stride, padding and what is fused behind a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Vertical and horizontal stride, at least 1.
    pub stride: [usize; 2],
    /// Zero rows added above and below, zero columns left and right.
    pub padding: [usize; 2],
    /// What follows.
    pub activation: Activation,
    /// Whether ReLU is followed by max pooling over 2x2 windows of stride 2; an odd last row or column is dropped.
    /// The activation before pooling then never reaches memory. Needs [`Activation::Relu`].
    pub pool: bool,
}

impl Default for Convolution {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], activation: Activation::Linear, pool: false }
    }
}

/// Convolution of each client's images with its own weights.
///
/// `x [clients, batch, cin, h, w]`, `weight [clients, cout, cin, kh, kw]`, `bias [clients, cout]`; returns
/// `[clients, batch, cout, h', w']`.
///
/// # Panics
/// If the shapes disagree, the kernel is larger than the padded image, a stride is zero, pooling is asked for without
/// ReLU, or a tensor is not `f32`.
pub fn conv2d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<2>>, options: Convolution) -> Tensor<5> {
    let [clients, _, cin, h, w] = x.dims();
    let [weight_clients, cout, weight_cin, kh, kw] = weight.dims();
    assert!(
        weight_clients == clients && weight_cin == cin,
        "conv2d: images {:?} do not fit weights {:?}",
        x.dims(),
        weight.dims()
    );
    let [ph, pw] = options.padding;
    assert!(
        options.stride.iter().all(|&s| s > 0) && kh > 0 && kw > 0 && h + 2 * ph >= kh && w + 2 * pw >= kw,
        "conv2d: images {:?} are too small for weights {:?} with {options:?}",
        x.dims(),
        weight.dims()
    );
    assert!(!options.pool || options.activation == Activation::Relu, "conv2d: pooling is fused behind ReLU only");
    let bias = bias.unwrap_or_else(|| Tensor::zeros([clients, cout], &x.device()));
    assert_eq!(bias.dims(), [clients, cout], "conv2d: bias does not fit weights {:?}", weight.dims());
    assert_f32("conv2d", [x.dtype(), weight.dtype(), bias.dtype()]);
    Tensor::from_dispatch(<Dispatch as StackedOps>::stacked_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// Dense layer of each client, `activation(x W + b)`.
///
/// `x [clients, batch, inputs]`, `weight [clients, inputs, outputs]`, `bias [clients, outputs]`; returns
/// `[clients, batch, outputs]`.
///
/// # Panics
/// If the shapes disagree or a tensor is not `f32`.
pub fn linear(x: Tensor<3>, weight: Tensor<3>, bias: Tensor<2>, activation: Activation) -> Tensor<3> {
    let [clients, _, inputs] = x.dims();
    let [weight_clients, weight_inputs, outputs] = weight.dims();
    assert!(
        weight_clients == clients && weight_inputs == inputs && bias.dims() == [clients, outputs],
        "linear: input {:?}, weights {:?} and bias {:?} do not fit",
        x.dims(),
        weight.dims(),
        bias.dims()
    );
    assert_f32("linear", [x.dtype(), weight.dtype(), bias.dtype()]);
    Tensor::from_dispatch(<Dispatch as StackedOps>::stacked_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        activation,
    ))
}

fn assert_f32(what: &str, types: [DType; 3]) {
    assert!(types.iter().all(|t| *t == DType::F32), "{what}: tensors must be f32, got {types:?}");
}

/// The operations as Burn dispatches them; use [`conv2d`] and [`linear`].
#[backend_extension(
    Autodiff,
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda"))
)]
pub trait StackedOps: Backend {
    /// See [`conv2d`].
    fn stacked_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Convolution,
    ) -> FloatTensor<Self>;

    /// See [`linear`].
    fn stacked_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// See [`linear_descending`].
    fn stacked_linear_descending(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        weight: Descending,
        activation: Activation,
    ) -> FloatTensor<Self>;
}

/// Gradients with respect to input, weights and bias, where somebody needs them.
pub type Grads<B> = [Option<FloatTensor<B>>; 3];

/// Forward and backward passes on one backend, from which the differentiable operation is made.
pub trait StackedKernels: Backend {
    /// What a convolution keeps for its backward pass, beside input and weights.
    type Saved: Clone + Send + Debug + 'static;

    /// See [`conv2d`].
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: &Convolution,
    ) -> (FloatTensor<Self>, Self::Saved);

    /// Gradients of [`conv2d`] from the gradient of its output.
    fn conv2d_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        saved: Self::Saved,
        grad: FloatTensor<Self>,
        options: &Convolution,
        wanted: [bool; 3],
    ) -> Grads<Self>;

    /// See [`linear`].
    fn linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// Gradients of [`linear`] from its output and the gradient of that.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
        wanted: [bool; 3],
    ) -> Grads<Self>;

    /// One step of gradient descent on the weights of [`linear`], `W - rate dL/dW`, in place where nobody else holds
    /// them; with the gradients of input and bias, taken at the weights before the step.
    fn linear_descend(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
        rate: f32,
        wanted: [bool; 2],
    ) -> (FloatTensor<Self>, [Option<FloatTensor<Self>>; 2]);

    /// The backend's tensor behind a plain one. `None` if it lives on another backend or records gradients.
    fn lower(tensor: Tensor<3>) -> Option<FloatTensor<Self>>;

    /// The inverse of [`Self::lower`].
    fn raise(tensor: FloatTensor<Self>) -> Tensor<3>;
}

/// Makes a backend run the operations: its kernels forward, and nothing kept.
macro_rules! stacked_ops {
    ($backend:ty) => {
        impl $crate::op::StackedOps for $backend {
            fn stacked_conv2d(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                options: Convolution,
            ) -> FloatTensor<Self> {
                <Self as $crate::op::StackedKernels>::conv2d_forward(x, weight, bias, &options).0
            }

            fn stacked_linear(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                activation: Activation,
            ) -> FloatTensor<Self> {
                <Self as $crate::op::StackedKernels>::linear_forward(x, weight, bias, activation)
            }

            fn stacked_linear_descending(
                x: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                weight: Descending,
                activation: Activation,
            ) -> FloatTensor<Self> {
                <Self as $crate::op::StackedKernels>::linear_forward(x, weight.handle::<Self>(), bias, activation)
            }
        }
    };
}

/// Makes a backend take its kernels from [`generic`].
#[cfg(any(feature = "ndarray", feature = "wgpu", feature = "cuda"))]
macro_rules! generic_kernels {
    ($backend:ty) => {
        impl StackedKernels for $backend {
            type Saved = generic::Saved<Self>;

            fn conv2d_forward(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                options: &Convolution,
            ) -> (FloatTensor<Self>, Self::Saved) {
                generic::conv2d_forward::<Self>(x, weight, bias, options)
            }

            fn conv2d_backward(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                saved: Self::Saved,
                grad: FloatTensor<Self>,
                options: &Convolution,
                wanted: [bool; 3],
            ) -> Grads<Self> {
                generic::conv2d_backward::<Self>(x, weight, saved, grad, options, wanted)
            }

            fn linear_forward(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                activation: Activation,
            ) -> FloatTensor<Self> {
                generic::linear_forward::<Self>(x, weight, bias, activation)
            }

            fn linear_backward(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                y: FloatTensor<Self>,
                grad: FloatTensor<Self>,
                activation: Activation,
                wanted: [bool; 3],
            ) -> Grads<Self> {
                generic::linear_backward::<Self>(x, weight, y, grad, activation, wanted)
            }

            fn linear_descend(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                y: FloatTensor<Self>,
                grad: FloatTensor<Self>,
                activation: Activation,
                rate: f32,
                wanted: [bool; 2],
            ) -> (FloatTensor<Self>, [Option<FloatTensor<Self>>; 2]) {
                generic::linear_descend::<Self>(x, weight, y, grad, activation, rate, wanted)
            }

            fn lower(tensor: Tensor<3>) -> Option<FloatTensor<Self>> {
                tensor.try_into_primitive::<Self>().ok()
            }

            fn raise(tensor: FloatTensor<Self>) -> Tensor<3> {
                Tensor::from_primitive::<Self>(tensor)
            }
        }
        stacked_ops!($backend);
    };
}

#[cfg(feature = "flex")]
stacked_ops!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
generic_kernels!(burn::backend::NdArray);
#[cfg(any(feature = "wgpu", feature = "cuda"))]
generic_kernels!(burn::backend::Cube);

#[cfg(all(test, feature = "flex"))]
mod tests;
