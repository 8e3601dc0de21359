//! Cross-entropy with its gradient.

use super::{Buffer, fresh};
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// Threads of a client.
const THREADS: usize = 64;

/// The weighted cross-entropy of each client, `[clients]`, and its gradient by the logits `[clients, batch, classes]`; labels and
/// weights `[clients, batch]`.
pub fn forward(logits: Buffer, labels: Buffer, weights: Buffer) -> (Buffer, Buffer) {
    let logits = into_contiguous(logits);
    let (clients, batch, classes) = {
        let shape = logits.meta.shape();
        (shape[0], shape[1], shape[2])
    };
    let (losses, gradient) = (fresh(&logits, &[clients]), fresh(&logits, &[clients, batch, classes]));
    forward_kernel::launch(
        &logits.client.clone(),
        CubeCount::Static(clients as u32, 1, 1),
        CubeDim::new_1d(THREADS as u32),
        logits.into_buffer_arg(),
        into_contiguous(labels).into_buffer_arg(),
        into_contiguous(weights).into_buffer_arg(),
        losses.clone().into_buffer_arg(),
        gradient.clone().into_buffer_arg(),
        batch as u32,
        classes as u32,
    );
    (losses, gradient)
}

/// A cube has a client, a thread every 64th of its rows.
#[cube(launch)]
fn forward_kernel(
    logits: &[f32],
    labels: &[u32],
    weights: &[f32],
    losses: &mut [f32],
    gradient: &mut [f32],
    batch: u32,
    classes: u32,
) {
    let client = CUBE_POS_X as usize;
    let unit = UNIT_POS_X as usize;
    let classes = classes as usize;
    let mut sums = Shared::<[f32]>::new_slice(comptime!(THREADS));
    let mut sum = 0.0f32;
    let mut row = unit;
    while row < batch as usize {
        let at = client * batch as usize + row;
        let first = at * classes;
        let mut most = logits[first];
        for class in 1..classes {
            most = max(most, logits[first + class]);
        }
        let mut total = 0.0f32;
        for class in 0..classes {
            total += (logits[first + class] - most).exp();
        }
        let weight = weights[at];
        let label = labels[at] as usize;
        sum += weight * (most + total.ln() - logits[first + label]);
        for class in 0..classes {
            let share = (logits[first + class] - most).exp() / total;
            gradient[first + class] = weight * select(class == label, share - 1.0f32, share);
        }
        row += comptime!(THREADS);
    }
    sums[unit] = sum;
    sync_cube();
    if unit == 0 {
        let mut loss = 0.0f32;
        for other in 0..comptime!(THREADS) {
            loss += sums[other];
        }
        losses[client] = loss;
    }
}

/// The gradient by the logits, from that of the losses.
pub fn backward(gradient: Buffer, losses: Buffer) -> Buffer {
    let losses = into_contiguous(losses);
    let each = gradient.meta.shape()[1] * gradient.meta.shape()[2];
    let output = super::like(&gradient);
    let (count, dim) = super::grid(&gradient, gradient.meta.shape().num_elements());
    let client = gradient.client.clone();
    let (gradient, losses, out) =
        (gradient.into_buffer_arg(), losses.into_buffer_arg(), output.clone().into_buffer_arg());
    backward_kernel::launch(&client, count, dim, gradient, losses, out, each as u32);
    output
}

#[cube(launch)]
fn backward_kernel(gradient: &[f32], losses: &[f32], output: &mut [f32], each: u32) {
    if ABSOLUTE_POS < output.len() {
        output[ABSOLUTE_POS] = gradient[ABSOLUTE_POS] * losses[ABSOLUTE_POS / each as usize];
    }
}
