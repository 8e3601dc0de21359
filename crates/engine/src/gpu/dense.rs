//! What stands behind matrix products: bias, ReLU and dropout, the way back through them, and a step of gradient descent.

use super::mask::{Mask, arguments, dropped};
use super::{Buffer, grid, like};
use crate::philox::Draw;
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// Adds its bias `[clients, outputs]` to each row of `y [clients, rows, outputs]`, and ReLU and dropout where asked for, in the memory of
/// `y`, which nobody else may hold.
pub fn finish(y: Buffer, bias: Buffer, relu: bool, mask: Option<&Mask>) -> Buffer {
    let (y, bias) = (into_contiguous(y), into_contiguous(bias));
    let shape = y.meta.shape();
    let (clients, rows, outputs) = (shape[0], shape[1], shape[2]);
    let (count, dim) = grid(&y, clients * rows * outputs);
    let client = y.client.clone();
    let (keys, first, Draw { number, threshold, keep }) = arguments(mask, &bias);
    let (out, bias, keys) = (y.clone().into_buffer_arg(), bias.into_buffer_arg(), keys.into_buffer_arg());
    let (rows, outputs) = (rows as u32, outputs as u32);
    let masked = mask.is_some();
    finish_kernel::launch(
        &client, count, dim, out, bias, keys, rows, outputs, first, number, threshold, keep, relu, masked,
    );
    y
}

#[cube(launch)]
fn finish_kernel(
    y: &mut [f32],
    bias: &[f32],
    keys: &[u32],
    rows: u32,
    outputs: u32,
    first: u32,
    number: u32,
    threshold: u32,
    keep: f32,
    #[comptime] relu: bool,
    #[comptime] masked: bool,
) {
    if ABSOLUTE_POS < y.len() {
        let outputs = outputs as usize;
        let each = rows as usize * outputs;
        let client = ABSOLUTE_POS / each;
        let sum = y[ABSOLUTE_POS] + bias[client * outputs + ABSOLUTE_POS % outputs];
        let mut value = sum;
        if relu {
            // A NaN stays one.
            value = select(sum <= 0.0f32, 0.0f32, sum);
        }
        if masked {
            value = dropped(value, ABSOLUTE_POS, each, keys, first, number, threshold, keep);
        }
        y[ABSOLUTE_POS] = value;
    }
}

/// The gradient in front of ReLU, from what came out behind it and the gradient of that. Where dropout follows, what was kept was multiplied
/// by `keep`, and what was dropped came out as zero, as what ReLU cut off; without dropout `keep` is 1.
pub fn gate(y: Buffer, gradient: Buffer, keep: f32) -> Buffer {
    let (y, gradient) = (into_contiguous(y), into_contiguous(gradient));
    let output = like(&y);
    let (count, dim) = grid(&y, y.meta.shape().num_elements());
    let client = y.client.clone();
    let out = output.clone().into_buffer_arg();
    gate_kernel::launch(&client, count, dim, y.into_buffer_arg(), gradient.into_buffer_arg(), out, keep);
    output
}

#[cube(launch)]
fn gate_kernel(y: &[f32], gradient: &[f32], output: &mut [f32], keep: f32) {
    if ABSOLUTE_POS < output.len() {
        output[ABSOLUTE_POS] = select(y[ABSOLUTE_POS] <= 0.0f32, 0.0f32, keep * gradient[ABSOLUTE_POS]);
    }
}

/// `weight - rate * gradient`.
pub fn descend(weight: Buffer, gradient: Buffer, rate: f32) -> Buffer {
    let (weight, gradient) = (into_contiguous(weight), into_contiguous(gradient));
    let output = like(&weight);
    let (count, dim) = grid(&weight, weight.meta.shape().num_elements());
    let client = weight.client.clone();
    let out = output.clone().into_buffer_arg();
    descend_kernel::launch(&client, count, dim, weight.into_buffer_arg(), gradient.into_buffer_arg(), out, rate);
    output
}

#[cube(launch)]
fn descend_kernel(weight: &[f32], gradient: &[f32], output: &mut [f32], rate: f32) {
    if ABSOLUTE_POS < output.len() {
        output[ABSOLUTE_POS] = weight[ABSOLUTE_POS] - rate * gradient[ABSOLUTE_POS];
    }
}
