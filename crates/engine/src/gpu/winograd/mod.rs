//! Convolution of 3x3 taps and stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, arXiv 1509.09308): transforms of
//! tiles around one batched matrix product. The matrices are those of the CPU (`imfl_kernel`, `conv/winograd`), which interpolate at 0, 1, -1, 2,
//! -2 and infinity:
//!
//! ```text
//! V = B^T d B   [36 clients, inputs, tiles]      forward:          M  = U V
//! U = G g G^T   [36 clients, outputs, inputs]    weights:          dU = dM V^T, where dM = A dy A^T and dg = G^T dU G
//! y = A^T M A   [36 clients, outputs, tiles]     input:            the same as forward, of dy and taps turned by half a turn
//! ```
//!
//! Matrices are ordered by frequency, then by client. A thread makes or unmakes one tile of one channel, in registers.

mod line;
mod planes;

use super::columns::Sizes;
use super::{Buffer, fresh, grid};
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;
use planes::{Planes, place};

/// Frequencies of a tile: 6x6.
pub const FREQUENCIES: usize = 36;

/// Whether a convolution has this form.
pub fn covers(sizes: &Sizes) -> bool {
    [sizes.kernel_height, sizes.kernel_width, sizes.stride_y, sizes.stride_x] == [3, 3, 1, 1]
}

/// Values of the largest matrices that any pass of so many clients makes.
pub fn largest(clients: usize, sizes: &Sizes) -> usize {
    let tiles = Planes::images(sizes).tiles().max(Planes::upstream(sizes).tiles());
    let channels = sizes.inputs.max(sizes.outputs);
    FREQUENCIES * clients * (channels * tiles).max(sizes.inputs * sizes.outputs)
}

/// `V` of the images `[clients, batch, inputs, height, width]`.
pub fn tiles(x: Buffer, sizes: &Sizes) -> Buffer {
    transformed(x, Planes::images(sizes))
}

/// `V` of the gradient of the products, for the gradient of the input.
pub fn upstream_tiles(gradient: Buffer, sizes: &Sizes) -> Buffer {
    transformed(gradient, Planes::upstream(sizes))
}

fn transformed(x: Buffer, planes: Planes) -> Buffer {
    let x = into_contiguous(x);
    let clients = x.meta.shape()[0];
    let tiles = fresh(&x, &[FREQUENCIES * clients, planes.channels, planes.tiles()]);
    let (count, dim) = grid(&x, clients * planes.channels * planes.tiles());
    let client = x.client.clone();
    tiles_kernel::launch(&client, count, dim, x.into_buffer_arg(), tiles.clone().into_buffer_arg(), planes);
    tiles
}

/// `U [36 clients, outputs, inputs]` of the weights `[clients, outputs, inputs, 3, 3]`; `turned`, that of the gradient of the input,
/// `[36 clients, inputs, outputs]`.
pub fn filters(weight: Buffer, sizes: &Sizes, turned: bool) -> Buffer {
    let weight = into_contiguous(weight);
    let clients = weight.meta.shape()[0];
    let (rows, columns) = if turned { (sizes.inputs, sizes.outputs) } else { (sizes.outputs, sizes.inputs) };
    let filters = fresh(&weight, &[FREQUENCIES * clients, rows, columns]);
    let (count, dim) = grid(&weight, clients * rows * columns);
    let client = weight.client.clone();
    let out = filters.clone().into_buffer_arg();
    filters_kernel::launch(&client, count, dim, weight.into_buffer_arg(), out, rows, columns, turned);
    filters
}

/// Products `[clients, outputs, places]` from `M`.
pub fn products(m: Buffer, sizes: &Sizes) -> Buffer {
    let clients = m.meta.shape()[0] / FREQUENCIES;
    restored(m, &[clients, sizes.outputs, sizes.places()], Planes::products(sizes))
}

/// The gradient of the input, `[clients, batch, inputs, height, width]`, from its `M`.
pub fn downstream(m: Buffer, sizes: &Sizes) -> Buffer {
    let clients = m.meta.shape()[0] / FREQUENCIES;
    let shape = [clients, sizes.batch, sizes.inputs, sizes.height, sizes.width];
    restored(m, &shape, Planes::downstream(sizes))
}

fn restored(m: Buffer, shape: &[usize], planes: Planes) -> Buffer {
    let m = into_contiguous(m);
    let output = fresh(&m, shape);
    let (count, dim) = grid(&m, m.meta.shape().num_elements() / FREQUENCIES);
    let client = m.client.clone();
    restored_kernel::launch(&client, count, dim, m.into_buffer_arg(), output.clone().into_buffer_arg(), planes);
    output
}

/// `dM [36 clients, outputs, tiles]` of the gradient of the products, for the gradient of the weights.
pub fn adjoint_tiles(gradient: Buffer, sizes: &Sizes) -> Buffer {
    let gradient = into_contiguous(gradient);
    let (clients, planes) = (gradient.meta.shape()[0], Planes::products(sizes));
    let tiles = fresh(&gradient, &[FREQUENCIES * clients, planes.channels, planes.tiles()]);
    let (count, dim) = grid(&gradient, clients * planes.channels * planes.tiles());
    let client = gradient.client.clone();
    adjoint_kernel::launch(&client, count, dim, gradient.into_buffer_arg(), tiles.clone().into_buffer_arg(), planes);
    tiles
}

/// The gradient of the weights, `[clients, outputs, inputs, 3, 3]`, from `dU [36 clients, outputs, inputs]`.
pub fn taps(filters: Buffer, sizes: &Sizes) -> Buffer {
    let filters = into_contiguous(filters);
    let clients = filters.meta.shape()[0] / FREQUENCIES;
    let weight = fresh(&filters, &[clients, sizes.outputs, sizes.inputs, 3, 3]);
    let (count, dim) = grid(&filters, clients * sizes.outputs * sizes.inputs);
    let client = filters.client.clone();
    taps_kernel::launch(&client, count, dim, filters.into_buffer_arg(), weight.clone().into_buffer_arg());
    weight
}

#[cube(launch)]
fn tiles_kernel(x: &[f32], tiles: &mut [f32], #[comptime] planes: Planes) {
    let count = tiles.len() / comptime!(FREQUENCIES);
    if ABSOLUTE_POS < count {
        let at = place(ABSOLUTE_POS, planes);
        let mut d = Array::<f32>::new(36usize);
        #[unroll]
        for i in 0..6usize {
            #[unroll]
            for j in 0..6usize {
                // Shifted, so that nothing is below zero.
                let at_y = at.top + i + comptime!(planes.ahead[0]);
                let at_x = at.left + j + comptime!(planes.ahead[1]);
                let inside_y =
                    at_y >= comptime!(planes.behind[0]) && at_y < comptime!(planes.height + planes.behind[0]);
                let inside_x = at_x >= comptime!(planes.behind[1]) && at_x < comptime!(planes.width + planes.behind[1]);
                let mut value = 0.0f32;
                if inside_y && inside_x {
                    let row = at.plane * comptime!(planes.height) + at_y - comptime!(planes.behind[0]);
                    value = x[row * comptime!(planes.width) + at_x - comptime!(planes.behind[1])];
                }
                d[i * 6 + j] = value;
            }
        }
        #[unroll]
        for j in 0..6usize {
            line::input(&mut d, j, 6usize);
        }
        #[unroll]
        for i in 0..6usize {
            line::input(&mut d, i * 6, 1usize);
        }
        #[unroll]
        for f in 0..36usize {
            tiles[f * count + ABSOLUTE_POS] = d[f];
        }
    }
}

#[cube(launch)]
fn restored_kernel(m: &[f32], output: &mut [f32], #[comptime] planes: Planes) {
    let count = m.len() / comptime!(FREQUENCIES);
    if ABSOLUTE_POS < count {
        let at = place(ABSOLUTE_POS, planes);
        let mut d = Array::<f32>::new(36usize);
        #[unroll]
        for f in 0..36usize {
            d[f] = m[f * count + ABSOLUTE_POS];
        }
        #[unroll]
        for j in 0..6usize {
            line::output(&mut d, j, 6usize);
        }
        #[unroll]
        for i in 0..4usize {
            line::output(&mut d, i * 6, 1usize);
        }
        #[unroll]
        for i in 0..4usize {
            #[unroll]
            for j in 0..4usize {
                if at.top + i < comptime!(planes.height) && at.left + j < comptime!(planes.width) {
                    let row = at.plane * comptime!(planes.height) + at.top + i;
                    output[row * comptime!(planes.width) + at.left + j] = d[i * 6 + j];
                }
            }
        }
    }
}

#[cube(launch)]
fn adjoint_kernel(gradient: &[f32], tiles: &mut [f32], #[comptime] planes: Planes) {
    let count = tiles.len() / comptime!(FREQUENCIES);
    if ABSOLUTE_POS < count {
        let at = place(ABSOLUTE_POS, planes);
        let mut d = Array::<f32>::new(36usize);
        #[unroll]
        for i in 0..4usize {
            #[unroll]
            for j in 0..4usize {
                let mut value = 0.0f32;
                if at.top + i < comptime!(planes.height) && at.left + j < comptime!(planes.width) {
                    let row = at.plane * comptime!(planes.height) + at.top + i;
                    value = gradient[row * comptime!(planes.width) + at.left + j];
                }
                d[i * 6 + j] = value;
            }
        }
        #[unroll]
        for j in 0..4usize {
            line::output_adjoint(&mut d, j, 6usize);
        }
        #[unroll]
        for i in 0..6usize {
            line::output_adjoint(&mut d, i * 6, 1usize);
        }
        #[unroll]
        for f in 0..36usize {
            tiles[f * count + ABSOLUTE_POS] = d[f];
        }
    }
}

#[cube(launch)]
fn filters_kernel(
    weight: &[f32],
    filters: &mut [f32],
    #[comptime] rows: usize,
    #[comptime] columns: usize,
    #[comptime] turned: bool,
) {
    let count = filters.len() / comptime!(FREQUENCIES);
    if ABSOLUTE_POS < count {
        let mut from = ABSOLUTE_POS;
        if comptime!(turned) {
            let column = ABSOLUTE_POS % columns;
            let row = ABSOLUTE_POS / columns % rows;
            from = (ABSOLUTE_POS / comptime!(rows * columns) * columns + column) * rows + row;
        }
        let mut d = Array::<f32>::new(36usize);
        #[unroll]
        for i in 0..3usize {
            #[unroll]
            for j in 0..3usize {
                let tap = i * 3 + j;
                if comptime!(turned) {
                    d[i * 6 + j] = weight[from * 9 + 8 - tap];
                } else {
                    d[i * 6 + j] = weight[from * 9 + tap];
                }
            }
        }
        #[unroll]
        for j in 0..3usize {
            line::filter(&mut d, j, 6usize);
        }
        #[unroll]
        for i in 0..6usize {
            line::filter(&mut d, i * 6, 1usize);
        }
        #[unroll]
        for f in 0..36usize {
            filters[f * count + ABSOLUTE_POS] = d[f];
        }
    }
}

#[cube(launch)]
fn taps_kernel(filters: &[f32], weight: &mut [f32]) {
    let count = filters.len() / comptime!(FREQUENCIES);
    if ABSOLUTE_POS < count {
        let mut d = Array::<f32>::new(36usize);
        #[unroll]
        for f in 0..36usize {
            d[f] = filters[f * count + ABSOLUTE_POS];
        }
        #[unroll]
        for j in 0..6usize {
            line::filter_adjoint(&mut d, j, 6usize);
        }
        #[unroll]
        for i in 0..3usize {
            line::filter_adjoint(&mut d, i * 6, 1usize);
        }
        #[unroll]
        for i in 0..3usize {
            #[unroll]
            for j in 0..3usize {
                weight[ABSOLUTE_POS * 9 + i * 3 + j] = d[i * 6 + j];
            }
        }
    }
}
