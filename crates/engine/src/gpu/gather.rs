//! Batches made on the device from samples that live there.

use super::{Buffer, grid, memory};
use burn::tensor::{Device, Int, Tensor};
use cubecl::prelude::*;

/// Words that say what is in a row: the sample, its label, and as bits of f32 its weight and the samples of its client in this batch.
pub const WORDS: usize = 4;
/// The sample of a row that has none.
pub const NONE: i32 = -1;

/// Samples on a device.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Four bytes to a word, or the bits of one f32.
    pub values: Tensor<1, Int>,
    /// What each channel's 256 bytes stand for; `None` where f32 are stored.
    pub table: Option<Tensor<1>>,
    /// Values of a sample.
    pub sample: usize,
    /// Values of a channel.
    pub plane: usize,
}

/// A batch: values `[rows, sample]`, labels and weights `[rows]`, samples of each client `[rows / size]`.
pub struct Gathered {
    pub inputs: Tensor<2>,
    pub labels: Tensor<1, Int>,
    pub weights: Tensor<1>,
    pub counts: Tensor<1>,
}

/// Makes the batch of `rows` rows, `size` of them a client, that begins at row `first` of what `about` tells.
pub fn gather(stored: &Stored, about: &Tensor<1, Int>, first: usize, rows: usize, size: usize) -> Gathered {
    let device: Device = about.device();
    let gathered = Gathered {
        inputs: Tensor::empty([rows, stored.sample], &device),
        labels: Tensor::empty([rows], &device),
        weights: Tensor::empty([rows], &device),
        counts: Tensor::empty([rows / size], &device),
    };
    let [inputs, labels, weights, counts]: [Buffer; 4] = [
        memory(gathered.inputs.clone()),
        memory(gathered.labels.clone()),
        memory(gathered.weights.clone()),
        memory(gathered.counts.clone()),
    ];
    let values = memory(stored.values.clone());
    let packed = stored.table.is_some();
    // Stored f32 have no table; whatever is bound in its place is not read.
    let table = stored.table.clone().map_or_else(|| values.clone(), memory);
    let (count, dim) = grid(&inputs, rows * stored.sample);
    gather_kernel::launch(
        &inputs.client.clone(),
        count,
        dim,
        values.into_buffer_arg(),
        table.into_buffer_arg(),
        memory(about.clone()).into_buffer_arg(),
        inputs.into_buffer_arg(),
        labels.into_buffer_arg(),
        weights.into_buffer_arg(),
        counts.into_buffer_arg(),
        first as u32,
        size as u32,
        stored.sample as u32,
        stored.plane as u32,
        packed,
    );
    gathered
}

/// One thread makes one value.
#[cube(launch)]
fn gather_kernel(
    values: &[u32],
    table: &[f32],
    about: &[u32],
    inputs: &mut [f32],
    labels: &mut [u32],
    weights: &mut [f32],
    counts: &mut [f32],
    first: u32,
    size: u32,
    sample: u32,
    plane: u32,
    #[comptime] packed: bool,
) {
    if ABSOLUTE_POS < inputs.len() {
        let row = ABSOLUTE_POS / sample as usize;
        let place = ABSOLUTE_POS % sample as usize;
        let told = (first as usize + row) * comptime!(WORDS);
        let index = about[told];
        if place == 0 {
            labels[row] = about[told + 1];
            weights[row] = f32::from_bits(about[told + 2]);
            if row % size as usize == 0 {
                counts[row / size as usize] = f32::from_bits(about[told + 3]);
            }
        }
        let mut value = 0.0f32;
        // A row without a sample is zero.
        if index != comptime!(NONE as u32) {
            let at = index as usize * sample as usize + place;
            if packed {
                let byte = (values[at / 4] >> (8u32 * (at % 4) as u32)) & 0xFFu32;
                value = table[place / plane as usize * 256 + byte as usize];
            } else {
                value = f32::from_bits(values[at]);
            }
        }
        inputs[ABSOLUTE_POS] = value;
    }
}
