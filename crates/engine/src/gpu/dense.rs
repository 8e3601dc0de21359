//! What stands behind matrix products: bias and ReLU, the way back through ReLU, and a step of gradient descent.

use super::{Buffer, grid};
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// Adds its bias `[clients, outputs]` to each row of `y [clients, rows, outputs]`, and ReLU where asked for, in the memory of `y`, which
/// nobody else may hold.
pub fn finish(y: Buffer, bias: Buffer, relu: bool) -> Buffer {
    let (y, bias) = (into_contiguous(y), into_contiguous(bias));
    let shape = y.meta.shape();
    let (clients, rows, outputs) = (shape[0], shape[1], shape[2]);
    let (count, dim) = grid(&y, clients * rows * outputs);
    let client = y.client.clone();
    let (out, bias) = (y.clone().into_buffer_arg(), bias.into_buffer_arg());
    finish_kernel::launch(&client, count, dim, out, bias, rows as u32, outputs as u32, relu);
    y
}

#[cube(launch)]
fn finish_kernel(y: &mut [f32], bias: &[f32], rows: u32, outputs: u32, #[comptime] relu: bool) {
    if ABSOLUTE_POS < y.len() {
        let outputs = outputs as usize;
        let client = ABSOLUTE_POS / (rows as usize * outputs);
        let value = y[ABSOLUTE_POS] + bias[client * outputs + ABSOLUTE_POS % outputs];
        if relu {
            // A NaN stays one.
            y[ABSOLUTE_POS] = select(value <= 0.0f32, 0.0f32, value);
        } else {
            y[ABSOLUTE_POS] = value;
        }
    }
}

/// The gradient in front of ReLU, from its output and the gradient of that.
pub fn gate(y: Buffer, gradient: Buffer) -> Buffer {
    let (y, gradient) = (into_contiguous(y), into_contiguous(gradient));
    let output = like(&y);
    let (count, dim) = grid(&y, y.meta.shape().num_elements());
    let client = y.client.clone();
    let out = output.clone().into_buffer_arg();
    gate_kernel::launch(&client, count, dim, y.into_buffer_arg(), gradient.into_buffer_arg(), out);
    output
}

#[cube(launch)]
fn gate_kernel(y: &[f32], gradient: &[f32], output: &mut [f32]) {
    if ABSOLUTE_POS < output.len() {
        output[ABSOLUTE_POS] = select(y[ABSOLUTE_POS] <= 0.0f32, 0.0f32, gradient[ABSOLUTE_POS]);
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

/// Memory for as many values.
pub(super) fn like(buffer: &Buffer) -> Buffer {
    fresh(buffer, buffer.meta.shape().as_slice())
}

/// Memory for floats of a shape, beside a buffer.
pub(super) fn fresh(beside: &Buffer, shape: &[usize]) -> Buffer {
    let bytes = 4 * shape.iter().product::<usize>();
    let handle = beside.client.empty(bytes);
    let (client, device) = (beside.client.clone(), beside.device.clone());
    Buffer::new_contiguous(client, device, shape.to_vec().into(), handle, burn::tensor::DType::F32)
}
