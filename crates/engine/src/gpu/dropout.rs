//! Dropout, decided where activations are: no mask is ever in memory.

use super::dense::like;
use super::{Buffer, grid};
use crate::philox;
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// Which activations stay, and by how much those are scaled.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The first word of the keys of the clients, who have two each.
    pub first: usize,
    /// Which draw of its pass it is.
    pub number: u32,
    /// Activations whose 16 bits are below it are dropped.
    pub threshold: u32,
    /// What the others are multiplied by.
    pub keep: f32,
}

/// Activations `[clients, ...]`, or their gradients, times what [`philox::mask`] says of each.
pub fn drop(values: Buffer, keys: Buffer, draw: Draw) -> Buffer {
    let values = into_contiguous(values);
    let shape = values.meta.shape();
    let (clients, all) = (shape[0], shape.num_elements());
    let each = all / clients.max(1);
    let output = like(&values);
    let (count, dim) = grid(&values, clients * each.div_ceil(DRAWS));
    drop_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        keys.into_buffer_arg(),
        values.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        draw.first as u32,
        each as u32,
        draw.number,
        draw.threshold,
        draw.keep,
    );
    output
}

/// Values that a block of random words decides.
const DRAWS: usize = 8;

/// One thread has the eight values of a block.
#[cube(launch)]
fn drop_kernel(
    keys: &[u32],
    values: &[f32],
    output: &mut [f32],
    first: u32,
    each: u32,
    number: u32,
    threshold: u32,
    keep: f32,
) {
    let each = each as usize;
    let blocks = (each + comptime!(DRAWS - 1)) / comptime!(DRAWS);
    let client = ABSOLUTE_POS / blocks;
    let block = ABSOLUTE_POS % blocks;
    let end = (client + 1) * each;
    if end <= output.len() {
        let key = first as usize + 2 * client;
        let words = philox::gpu::block(block as u32, number, keys[key], keys[key + 1]);
        let start = client * each + comptime!(DRAWS) * block;
        decide(values, output, start, end, words.a, threshold, keep);
        decide(values, output, start + 2, end, words.b, threshold, keep);
        decide(values, output, start + 4, end, words.c, threshold, keep);
        decide(values, output, start + 6, end, words.d, threshold, keep);
    }
}

/// The two values that a word decides. A product, as on the host: what is not finite stays so.
#[cube]
fn decide(values: &[f32], output: &mut [f32], at: usize, end: usize, word: u32, threshold: u32, keep: f32) {
    if at < end {
        output[at] = values[at] * select((word & 0xFFFFu32) < threshold, 0.0f32, keep);
    }
    if at + 1 < end {
        output[at + 1] = values[at + 1] * select((word >> 16u32) < threshold, 0.0f32, keep);
    }
}
