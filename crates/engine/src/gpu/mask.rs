//! Dropout masks, drawn where they are used.

use super::{grid, memory};
use crate::philox;
use burn::tensor::{Int, Tensor};
use cubecl::prelude::*;

/// Which activations stay, and by how much those are scaled.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Which draw of its pass it is.
    pub number: u32,
    /// Activations whose 16 bits are below it are dropped.
    pub threshold: u32,
    /// What the others are multiplied by.
    pub keep: f32,
}

/// Masks for clients whose keys, two words each, begin at word `first` of `keys`.
pub fn mask<const D: usize>(keys: &Tensor<1, Int>, first: usize, dims: [usize; D], draw: Draw) -> Tensor<D> {
    let mask = Tensor::<D>::empty(dims, &keys.device());
    let each: usize = dims[1..].iter().product();
    let (keys, output) = (memory(keys.clone()), memory(mask.clone()));
    let (count, dim) = grid(&output, dims[0] * each.div_ceil(8));
    mask_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        keys.into_buffer_arg(),
        output.into_buffer_arg(),
        first as u32,
        each as u32,
        draw.number,
        draw.threshold,
        draw.keep,
    );
    mask
}

/// One thread makes the eight values of a block.
#[cube(launch)]
fn mask_kernel(keys: &[u32], mask: &mut [f32], first: u32, each: u32, number: u32, threshold: u32, keep: f32) {
    let each = each as usize;
    let blocks = (each + 7) / 8;
    let client = ABSOLUTE_POS / blocks;
    let block = ABSOLUTE_POS % blocks;
    let end = (client + 1) * each;
    if end <= mask.len() {
        let key = first as usize + 2 * client;
        let words = philox::gpu::block(block as u32, number, keys[key], keys[key + 1]);
        let start = client * each + 8 * block;
        decide(mask, start, end, words.a, threshold, keep);
        decide(mask, start + 2, end, words.b, threshold, keep);
        decide(mask, start + 4, end, words.c, threshold, keep);
        decide(mask, start + 6, end, words.d, threshold, keep);
    }
}

/// The two values that a word decides.
#[cube]
fn decide(mask: &mut [f32], at: usize, end: usize, word: u32, threshold: u32, keep: f32) {
    if at < end {
        mask[at] = select((word & 0xFFFFu32) < threshold, 0.0f32, keep);
    }
    if at + 1 < end {
        mask[at + 1] = select((word >> 16u32) < threshold, 0.0f32, keep);
    }
}
