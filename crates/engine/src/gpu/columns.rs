//! Convolution as one matrix product a client: the images as columns, one for each pixel of the output (im2col).

use super::mask::{Mask, arguments, dropped};
use super::{Buffer, fresh, grid};
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sizes {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub height: usize,
    pub width: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
    pub stride_y: usize,
    pub stride_x: usize,
    pub padding_y: usize,
    pub padding_x: usize,
    /// Of the output, before pooling.
    pub rows: usize,
    pub columns: usize,
}

impl Sizes {
    /// Values of a column.
    pub fn depth(&self) -> usize {
        self.inputs * self.kernel_height * self.kernel_width
    }

    /// Columns of a client.
    pub fn places(&self) -> usize {
        self.batch * self.rows * self.columns
    }
}

/// What follows a convolution: nothing, ReLU, or ReLU and the maximum of each 2x2 window.
pub const LINEAR: u32 = 0;
pub const RELU: u32 = 1;
pub const POOLED: u32 = 2;

/// Images `[clients, batch, inputs, height, width]` as `[clients, depth, places]`.
pub fn unfold(x: Buffer, sizes: Sizes) -> Buffer {
    let x = into_contiguous(x);
    let clients = x.meta.shape()[0];
    let columns = fresh(&x, &[clients, sizes.depth(), sizes.places()]);
    let (count, dim) = grid(&x, clients * sizes.depth() * sizes.places());
    let client = x.client.clone();
    unfold_kernel::launch(&client, count, dim, x.into_buffer_arg(), columns.clone().into_buffer_arg(), sizes);
    columns
}

#[cube(launch)]
fn unfold_kernel(x: &[f32], columns: &mut [f32], #[comptime] sizes: Sizes) {
    if ABSOLUTE_POS < columns.len() {
        let places = comptime!(sizes.places());
        let depth = comptime!(sizes.depth());
        let place = ABSOLUTE_POS % places;
        let rest = ABSOLUTE_POS / places;
        let tap = rest % depth;
        let client = rest / depth;
        let column = place % comptime!(sizes.columns);
        let row = place / comptime!(sizes.columns) % comptime!(sizes.rows);
        let sample = place / comptime!(sizes.columns * sizes.rows);
        let tap_x = tap % comptime!(sizes.kernel_width);
        let tap_y = tap / comptime!(sizes.kernel_width) % comptime!(sizes.kernel_height);
        let input = tap / comptime!(sizes.kernel_width * sizes.kernel_height);
        // Shifted by the padding, so that nothing is below zero.
        let at_y = row * comptime!(sizes.stride_y) + tap_y;
        let at_x = column * comptime!(sizes.stride_x) + tap_x;
        let mut value = 0.0f32;
        let inside_y = at_y >= comptime!(sizes.padding_y) && at_y < comptime!(sizes.height + sizes.padding_y);
        let inside_x = at_x >= comptime!(sizes.padding_x) && at_x < comptime!(sizes.width + sizes.padding_x);
        if inside_y && inside_x {
            let plane = (client * comptime!(sizes.batch) + sample) * comptime!(sizes.inputs) + input;
            let y = at_y - comptime!(sizes.padding_y);
            let x_place = at_x - comptime!(sizes.padding_x);
            value = x[(plane * comptime!(sizes.height) + y) * comptime!(sizes.width) + x_place];
        }
        columns[ABSOLUTE_POS] = value;
    }
}

/// The gradient of [`unfold`]: what every place of a column got, added up by pixel.
pub fn fold(columns: Buffer, sizes: Sizes) -> Buffer {
    let columns = into_contiguous(columns);
    let clients = columns.meta.shape()[0];
    let shape = [clients, sizes.batch, sizes.inputs, sizes.height, sizes.width];
    let x = fresh(&columns, &shape);
    let (count, dim) = grid(&x, shape.iter().product());
    let client = x.client.clone();
    fold_kernel::launch(&client, count, dim, columns.into_buffer_arg(), x.clone().into_buffer_arg(), sizes);
    x
}

#[cube(launch)]
fn fold_kernel(columns: &[f32], x: &mut [f32], #[comptime] sizes: Sizes) {
    if ABSOLUTE_POS < x.len() {
        let places = comptime!(sizes.places());
        let at_x = ABSOLUTE_POS % comptime!(sizes.width) + comptime!(sizes.padding_x);
        let at_y = ABSOLUTE_POS / comptime!(sizes.width) % comptime!(sizes.height) + comptime!(sizes.padding_y);
        let plane = ABSOLUTE_POS / comptime!(sizes.width * sizes.height);
        let input = plane % comptime!(sizes.inputs);
        let image = plane / comptime!(sizes.inputs);
        let sample = image % comptime!(sizes.batch);
        let client = image / comptime!(sizes.batch);
        let mut sum = 0.0f32;
        for tap_y in 0..comptime!(sizes.kernel_height) {
            for tap_x in 0..comptime!(sizes.kernel_width) {
                let reached = at_y >= tap_y && at_x >= tap_x;
                if reached {
                    let up = at_y - tap_y;
                    let left = at_x - tap_x;
                    let row = up / comptime!(sizes.stride_y);
                    let column = left / comptime!(sizes.stride_x);
                    let met = up % comptime!(sizes.stride_y) == 0 && left % comptime!(sizes.stride_x) == 0;
                    if met && row < comptime!(sizes.rows) && column < comptime!(sizes.columns) {
                        let tap =
                            (input * comptime!(sizes.kernel_height) + tap_y) * comptime!(sizes.kernel_width) + tap_x;
                        let place = (sample * comptime!(sizes.rows) + row) * comptime!(sizes.columns) + column;
                        sum += columns[(client * comptime!(sizes.depth()) + tap) * places + place];
                    }
                }
            }
        }
        x[ABSOLUTE_POS] = sum;
    }
}

/// Products `[clients, outputs, places]` with their bias `[clients, outputs]` and what follows, as images
/// `[clients, batch, outputs, rows, columns]`, or half as many rows and columns under pooling; with
/// dropout where asked for.
pub fn finish(products: &Buffer, bias: Buffer, sizes: Sizes, follows: u32, mask: Option<&Mask>) -> Buffer {
    let bias = into_contiguous(bias);
    let halved = if follows == POOLED { 2 } else { 1 };
    let clients = products.meta.shape()[0];
    let shape = [clients, sizes.batch, sizes.outputs, sizes.rows / halved, sizes.columns / halved];
    let images = fresh(&bias, &shape);
    let (count, dim) = grid(&images, shape.iter().product());
    let (keys, first, draw) = arguments(mask, &bias);
    finish_kernel::launch(
        &images.client.clone(),
        count,
        dim,
        products.clone().into_buffer_arg(),
        bias.into_buffer_arg(),
        keys.into_buffer_arg(),
        images.clone().into_buffer_arg(),
        first,
        draw.number,
        draw.threshold,
        draw.keep,
        sizes,
        follows,
        mask.is_some(),
    );
    images
}

/// A product with its bias, through ReLU where asked for. A NaN stays one.
#[cube]
fn value(products: &[f32], at: usize, bias: f32, #[comptime] relu: bool) -> f32 {
    let sum = products[at] + bias;
    let mut value = sum;
    if relu {
        value = select(sum <= 0.0f32, 0.0f32, sum);
    }
    value
}

#[cube(launch)]
fn finish_kernel(
    products: &[f32],
    bias: &[f32],
    keys: &[u32],
    images: &mut [f32],
    first_key: u32,
    number: u32,
    threshold: u32,
    keep: f32,
    #[comptime] sizes: Sizes,
    #[comptime] follows: u32,
    #[comptime] masked: bool,
) {
    if ABSOLUTE_POS < images.len() {
        let halved = comptime!(if follows == POOLED { 2usize } else { 1usize });
        let wide = comptime!(sizes.columns / halved);
        let high = comptime!(sizes.rows / halved);
        let column = ABSOLUTE_POS % wide;
        let row = ABSOLUTE_POS / wide % high;
        let plane = ABSOLUTE_POS / (wide * high);
        let output = plane % comptime!(sizes.outputs);
        let image = plane / comptime!(sizes.outputs);
        let sample = image % comptime!(sizes.batch);
        let client = image / comptime!(sizes.batch);
        let relu = comptime!(follows != LINEAR);
        let filter = client * comptime!(sizes.outputs) + output;
        let offset = bias[filter];
        let first = filter * comptime!(sizes.places())
            + (sample * comptime!(sizes.rows) + row * halved) * comptime!(sizes.columns)
            + column * halved;
        let mut most = value(products, first, offset, relu);
        if comptime!(follows == POOLED) {
            let second = value(products, first + 1, offset, relu);
            let third = value(products, first + comptime!(sizes.columns), offset, relu);
            let fourth = value(products, first + comptime!(sizes.columns + 1), offset, relu);
            most = select(second > most, second, most);
            most = select(third > most, third, most);
            most = select(fourth > most, fourth, most);
        }
        if masked {
            let each = comptime!(sizes.batch * sizes.outputs) * high * wide;
            most = dropped(most, ABSOLUTE_POS, each, keys, first_key, number, threshold, keep);
        }
        images[ABSOLUTE_POS] = most;
    }
}

/// The gradient of [`finish`] by the products. Where dropout followed ReLU: by the images that it left, in which zero is what was dropped or
/// cut off, and by what it multiplied the others.
pub fn back(
    products: &Buffer,
    bias: Buffer,
    gradient: Buffer,
    sizes: Sizes,
    follows: u32,
    left: Option<(Buffer, f32)>,
) -> Buffer {
    let (bias, gradient) = (into_contiguous(bias), into_contiguous(gradient));
    let (left, keep, masked) = match left {
        Some((images, keep)) => (images, keep, true),
        None => (gradient.clone(), 1.0, false),
    };
    let clients = products.meta.shape()[0];
    let shape = [clients, sizes.outputs, sizes.places()];
    let output = fresh(&bias, &shape);
    let (count, dim) = grid(&output, shape.iter().product());
    back_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        products.clone().into_buffer_arg(),
        bias.into_buffer_arg(),
        gradient.into_buffer_arg(),
        left.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        keep,
        sizes,
        follows,
        masked,
    );
    output
}

#[cube(launch)]
fn back_kernel(
    products: &[f32],
    bias: &[f32],
    gradient: &[f32],
    left: &[f32],
    output: &mut [f32],
    keep: f32,
    #[comptime] sizes: Sizes,
    #[comptime] follows: u32,
    #[comptime] masked: bool,
) {
    if ABSOLUTE_POS < output.len() {
        let halved = comptime!(if follows == POOLED { 2usize } else { 1usize });
        let wide = comptime!(sizes.columns / halved);
        let high = comptime!(sizes.rows / halved);
        let place = ABSOLUTE_POS % comptime!(sizes.places());
        let filter = ABSOLUTE_POS / comptime!(sizes.places());
        let column = place % comptime!(sizes.columns);
        let row = place / comptime!(sizes.columns) % comptime!(sizes.rows);
        let sample = place / comptime!(sizes.columns * sizes.rows);
        let client = filter / comptime!(sizes.outputs);
        let image =
            (client * comptime!(sizes.batch) + sample) * comptime!(sizes.outputs) + filter % comptime!(sizes.outputs);
        let mut found = 0.0f32;
        // A last odd row or column is in no window.
        if row / halved < high && column / halved < wide {
            let at = (image * high + row / halved) * wide + column / halved;
            found = gradient[at];
            if masked {
                found = select(left[at] <= 0.0f32, 0.0f32, keep * found);
            }
        }
        let relu = comptime!(follows != LINEAR);
        if relu {
            let offset = bias[filter];
            let own = value(products, ABSOLUTE_POS, offset, relu);
            if own <= 0.0f32 {
                found = 0.0f32;
            }
            if comptime!(follows == POOLED) {
                if row / halved < high && column / halved < wide {
                    // The first of the largest has all of the gradient.
                    let first = ABSOLUTE_POS - row % 2 * comptime!(sizes.columns) - column % 2;
                    for other in 0..4usize {
                        let at = first + other / 2 * comptime!(sizes.columns) + other % 2;
                        let value = value(products, at, offset, relu);
                        if value > own || (value == own && at < ABSOLUTE_POS) {
                            found = 0.0f32;
                        }
                    }
                }
            }
        }
        output[ABSOLUTE_POS] = found;
    }
}
