//! The operations on GPUs: matrix products of Burn's, and around them kernels of the engine's own ([`crate::gpu`]).

use super::generic;
use super::options::{Activation, Convolution};
use super::routes::{Route, Saved};
use super::stacked::{Grads, StackedKernels};
use crate::gpu::dense;
use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;

type Buffer = FloatTensor<Cube>;

impl StackedKernels for Cube {
    type Saved = Saved;

    fn conv2d_forward(x: Buffer, weight: Buffer, bias: Buffer, options: &Convolution) -> (Buffer, Saved) {
        Route::new(&x, &weight, options).forward(x, weight, bias)
    }

    fn conv2d_backward(
        x: Buffer,
        weight: Buffer,
        saved: Saved,
        grad: Buffer,
        options: &Convolution,
        wanted: [bool; 3],
    ) -> Grads<Self> {
        Route::new(&x, &weight, options).backward(x, weight, saved, grad, wanted)
    }

    fn linear_forward(x: Buffer, weight: Buffer, bias: Buffer, activation: Activation) -> Buffer {
        dense::finish(Cube::float_matmul(x, weight), bias, activation == Activation::Relu)
    }

    fn linear_backward(
        x: Buffer,
        weight: Buffer,
        y: Buffer,
        grad: Buffer,
        activation: Activation,
        wanted: [bool; 3],
    ) -> Grads<Self> {
        let grad = match activation {
            Activation::Linear => grad,
            Activation::Relu => dense::gate(y.clone(), grad),
        };
        generic::linear_backward::<Cube>(x, weight, y, grad, Activation::Linear, wanted)
    }

    fn linear_descend(
        x: Buffer,
        weight: Buffer,
        y: Buffer,
        grad: Buffer,
        activation: Activation,
        rate: f32,
        wanted: [bool; 2],
    ) -> (Buffer, [Option<Buffer>; 2]) {
        let wanted = [wanted[0], true, wanted[1]];
        let [dx, dw, db] = Self::linear_backward(x, weight.clone(), y, grad, activation, wanted);
        let weight = match dw {
            Some(dw) => dense::descend(weight, dw, rate),
            None => weight,
        };
        (weight, [dx, db])
    }
}
