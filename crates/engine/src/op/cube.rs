//! The operations on GPUs: matrix products of Burn's, and around them kernels of the engine's own ([`crate::gpu`]).

use super::generic;
use super::mask::{Mask, Masked};
use super::options::{Activation, Convolution};
use super::routes::{Route, Saved};
use super::stacked::{Grads, StackedKernels};
use crate::gpu::{self, dense};
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{BackendTypes, Cube};
use burn::tensor::TensorData;

type Buffer = FloatTensor<Cube>;
type Device = <Cube as BackendTypes>::Device;

impl StackedKernels for Cube {
    type Saved = Saved;

    fn conv2d_forward(x: Buffer, weight: Buffer, bias: Buffer, masked: &Masked<Convolution>) -> (Buffer, Saved) {
        let device = x.device.clone();
        Route::new(&x, &weight, &masked.options).forward(x, weight, bias, mask(&masked.mask, &device))
    }

    fn conv2d_backward(
        x: Buffer,
        weight: Buffer,
        saved: Saved,
        grad: Buffer,
        masked: &Masked<Convolution>,
        wanted: [bool; 3],
    ) -> Grads<Self> {
        Route::new(&x, &weight, &masked.options).backward(x, weight, saved, grad, wanted)
    }

    fn linear_forward(x: Buffer, weight: Buffer, bias: Buffer, activation: &Masked<Activation>) -> Buffer {
        let relu = activation.options == Activation::Relu;
        let mask = mask(&activation.mask, &x.device);
        dense::finish(Cube::float_matmul(x, weight), bias, relu, mask.as_ref())
    }

    fn linear_backward(
        x: Buffer,
        weight: Buffer,
        y: Buffer,
        grad: Buffer,
        activation: &Masked<Activation>,
        wanted: [bool; 3],
    ) -> Grads<Self> {
        let grad = match (activation.options, &activation.mask) {
            (Activation::Linear, None) => grad,
            (Activation::Linear, Some(mask)) => Self::masked(grad, mask),
            (Activation::Relu, mask) => dense::gate(y.clone(), grad, mask.as_ref().map_or(1.0, |mask| mask.draw.keep)),
        };
        generic::linear_backward::<Cube>(x, weight, y, grad, Activation::Linear, wanted)
    }

    fn linear_descend(
        x: Buffer,
        weight: Buffer,
        y: Buffer,
        grad: Buffer,
        activation: &Masked<Activation>,
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

    fn masked(x: Buffer, mask: &Mask) -> Buffer {
        let mask = there(mask, &x.device);
        gpu::mask::mask(x, &mask)
    }
}

fn mask(mask: &Option<Mask>, device: &Device) -> Option<gpu::mask::Mask> {
    mask.as_ref().map(|mask| there(mask, device))
}

/// A mask as kernels are told of it.
fn there(mask: &Mask, device: &Device) -> gpu::mask::Mask {
    let (keys, first) = match &mask.on_device {
        Some((keys, first)) => (gpu::memory(keys.clone()), *first),
        // Rounds upload the keys of all their steps at once.
        None => {
            let words: Vec<i32> = mask.keys.as_flattened().iter().map(|word| *word as i32).collect();
            let count = words.len();
            (Cube::int_from_data(TensorData::new(words, [count]), device), 0)
        }
    };
    gpu::mask::Mask { keys, first, draw: mask.draw }
}
