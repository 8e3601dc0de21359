//! Dropout, decided where activations are: no mask is ever in memory.

use super::{Buffer, grid, like};
use crate::philox::{self, Draw};
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// What a kernel drops out by.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Two words for each client.
    pub keys: Buffer,
    /// Where the first client's are.
    pub first: usize,
    /// How they are used.
    pub draw: Draw,
}

/// What a kernel that may drop is launched with: keys, the place of the first, and the draw. Without a mask it has no code that reads keys, and is given
/// what is at hand in their place.
pub fn arguments(mask: Option<&Mask>, at_hand: &Buffer) -> (Buffer, u32, Draw) {
    match mask {
        Some(mask) => (mask.keys.clone(), mask.first as u32, mask.draw),
        None => (at_hand.clone(), 0, Draw::NONE),
    }
}

/// Activations `[clients, ...]`, or their gradients, times what [`philox::mask`] says of each.
pub fn mask(values: Buffer, by: &Mask) -> Buffer {
    let values = into_contiguous(values);
    let shape = values.meta.shape();
    let (clients, all) = (shape[0], shape.num_elements());
    let each = all / clients.max(1);
    let output = like(&values);
    let (count, dim) = grid(&values, clients * each.div_ceil(DRAWS));
    mask_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        by.keys.clone().into_buffer_arg(),
        values.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        by.first as u32,
        each as u32,
        by.draw.number,
        by.draw.threshold,
        by.draw.keep,
    );
    output
}

/// Values that a block of random words decides.
const DRAWS: usize = 8;

/// One thread has the eight values of a block.
#[cube(launch)]
fn mask_kernel(
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

/// The value at a place of the output of some layer, `each` values a client, after dropout: for kernels that have one value a thread and
/// write it anyway. A block is then drawn eight times, which is cheaper than to read and write the values once more.
#[cube]
pub fn dropped(
    value: f32,
    at: usize,
    each: usize,
    keys: &[u32],
    first: u32,
    number: u32,
    threshold: u32,
    keep: f32,
) -> f32 {
    let client = at / each;
    let key = first as usize + 2 * client;
    let place = (at % each) as u32;
    value * philox::gpu::factor(place, number, keys[key], keys[key + 1], threshold, keep)
}
