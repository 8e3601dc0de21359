//! Normal values by Philox, found in integers as [`imfl_kernel::normal`] finds them.

use super::{grid, memory};
use crate::philox;
use burn::tensor::{Int, Tensor};
use cubecl::prelude::*;
use imfl_kernel::normal::{SCALE, SEGMENT_BITS};

/// Values `[keys, size]`, of at least one key and one value; `keys` and the table of [`imfl_kernel::normal::quantiles`] in pairs of words.
pub fn normals(keys: Tensor<1, Int>, quantiles: Tensor<1, Int>, size: usize) -> Tensor<2> {
    let rows = keys.dims()[0] / 2;
    let output = Tensor::<2>::empty([rows, size], &keys.device());
    let out = memory(output.clone());
    let (count, dim) = grid(&out, rows * size.div_ceil(WORDS));
    let (keys, quantiles) = (memory(keys).into_buffer_arg(), memory(quantiles).into_buffer_arg());
    normals_kernel::launch(&out.client.clone(), count, dim, keys, quantiles, out.into_buffer_arg(), size as u32);
    output
}

/// Words of a block.
const WORDS: usize = 4;

/// One thread makes the four values of a block.
#[cube(launch)]
fn normals_kernel(keys: &[u32], quantiles: &[u32], output: &mut [f32], size: u32) {
    let size = size as usize;
    let blocks = (size + comptime!(WORDS - 1)) / comptime!(WORDS);
    let row = ABSOLUTE_POS / blocks;
    let block = ABSOLUTE_POS % blocks;
    let end = (row + 1) * size;
    if end <= output.len() {
        let words = philox::gpu::block(block as u32, 0u32, keys[2 * row], keys[2 * row + 1]);
        let start = row * size + comptime!(WORDS) * block;
        put(quantiles, output, start, end, words.a);
        put(quantiles, output, start + 1, end, words.b);
        put(quantiles, output, start + 2, end, words.c);
        put(quantiles, output, start + 3, end, words.d);
    }
}

/// The value of a word, as `imfl_kernel::normal::value` makes it.
#[cube]
fn put(quantiles: &[u32], output: &mut [f32], at: usize, end: usize, word: u32) {
    if at < end {
        let odd = (word << 1u32) | 1u32;
        let octave = odd.leading_zeros();
        let mantissa = odd << octave;
        let segment = (mantissa >> comptime!(31 - SEGMENT_BITS)) & comptime!((1u32 << SEGMENT_BITS) - 1);
        let along = mantissa << comptime!(SEGMENT_BITS + 1);
        let entry = 2 * ((octave << comptime!(SEGMENT_BITS)) + segment) as usize;
        let steps = quantiles[entry] - quantiles[entry + 1].mul_hi(along);
        let found = steps as f32 * comptime!(SCALE);
        output[at] = select(word >> 31u32 == 0u32, found, -found);
    }
}
