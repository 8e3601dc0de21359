//! Convolution of stride 1 by Winograd's minimal filtering (Lavin and Gray 2016, arXiv 1509.09308): F(4x4, 3x3) and
//! F(2x2, 5x5), both on tiles of 6x6 inputs.
//!
//! An output tile is `A^T [(G g G^T) * (B^T d B)] A`: per tile and pair of channels 36 multiplications in place of 144, or
//! of 100 with 5x5 taps. Summed over input channels, the products are 36 independent matrix products, one per *frequency*:
//!
//! ```text
//! V[f] = B^T d B      [cin,  tiles]        forward:          M[f]  = U[f]   V[f]
//! U[f] = G g G^T      [cout, cin]          input gradient:   dV[f] = U[f]^T dM[f]
//! M[f]                [cout, tiles]        weight gradient:  dU[f] = dM[f]  V[f]^T
//! ```
//!
//! The backward pass is the exact adjoint of the forward one, `dM = A dy A^T`, `dx += B dV B^T`, `dg = G^T dU G`, so
//! both gradients share `dM`. Transforms work on eight tiles at once: columns first, on whole image rows, then rows, after
//! splitting them by tiles. Where a row has four tiles or fewer, planes of several images lie side by side in the padded
//! rows, so that the eight tiles are those of one row of all of them.

mod tiles;
mod tiling;
mod transform;
mod weights;

use super::downstream::Downstream;
use super::operands::{Conv2d, Gradients};
use super::planes::{cut, place};
use super::shape::ConvShape;
use super::upstream::Upstream;
use crate::product::{Inner, Outer, Store, inner, outer};
use crate::scratch::{Scratch, take};
use std::ops::Range;
use tiles::{Output, input_adjoint, input_tiles, output_adjoint, output_tiles};
use tiling::{F, TILE, Tiling};
use weights::{Kernels, weight_adjoint, weight_frequency, weight_tiles};

/// Floats of transformed tiles that a block of images may fill: what a core's share of the last-level cache holds.
const FORWARD_BLOCK: usize = 1 << 18;
/// The same for the backward pass, whose dot products like long rows.
const BACKWARD_BLOCK: usize = 1 << 20;

/// Outputs that all tiles of a plane have room for, of a shape that can be computed this way.
pub fn covered(shape: &ConvShape) -> usize {
    let (step, [th, tw]) = tiling::tiles(shape);
    step * step * th * tw
}

fn row_offsets(channels: usize, row: usize, offsets: &mut [usize]) {
    for (c, offset) in offsets.iter_mut().enumerate().take(channels) {
        *offset = c * row;
    }
}

/// Fills `v` with the transformed tiles of some images.
fn transform_input(conv: &Conv2d, t: &Tiling, images: Range<usize>, rows: &mut [f32], v: &mut [f32]) {
    let Conv2d { shape, x, .. } = *conv;
    let (plane, tmp) = rows.split_at_mut(t.plane);
    let frequency = t.frequency(shape.cin);
    let [ph, pw] = shape.padding;
    assert!(tmp.len() >= 6 * t.stride && v.len() >= F * frequency);
    let columns = if t.side > 1 { t.pitch } else { t.stride };
    assert!(ph + shape.h <= t.step * t.th + TILE - t.step && pw + shape.w <= columns);
    plane.fill(0.0);
    for (b, side) in t.sides(images.len()) {
        let p = t.planes(side, frequency);
        for c in 0..shape.cin {
            for image in 0..side {
                let src = &x[((images.start + b + image) * shape.cin + c) * shape.h * shape.w..][..shape.h * shape.w];
                place(src, shape.w, &mut plane[image * t.pitch + ph * t.stride + pw..], t.stride);
            }
            let v = &mut v[c * t.row() + b * t.th * t.tw..];
            // SAFETY: `plane` is `step th + 6 - step` rows of `stride`, a multiple of 8. Alone, an image has 8 columns more than
            // the last group of eight tiles writes, and they read 4 of them; side by side, each has the `step tw + 8 - step`
            // that its tiles read, and lanes without a tile have eight columns behind. `tmp` holds six rows. A frequency holds `cin` rows of
            // `images * th * tw + 8`, so the eight lanes stored at the last tile stay inside.
            unsafe { input_tiles(p, plane.as_ptr(), tmp.as_mut_ptr(), v.as_mut_ptr()) }
        }
    }
}

/// Work rows of one thread: a padded plane and six rows.
fn rows_len(t: &Tiling) -> usize {
    t.plane + 6 * t.stride
}

pub fn forward(conv: &Conv2d, bias: &[f32], out: &mut Downstream, scratch: &mut Scratch) {
    let Conv2d { shape, weight, .. } = *conv;
    let t = Tiling::new(&shape, FORWARD_BLOCK);
    let (fv, fm, fu) = (t.frequency(shape.cin), t.frequency(shape.cout), weight_frequency(&shape));
    let u = take(&mut scratch.weight, F * fu);
    let v = take(&mut scratch.input, F * fv);
    let m = take(&mut scratch.product, F * fm);
    let rows = take(&mut scratch.rows, rows_len(&t));
    let offsets = take(&mut scratch.offsets, shape.cin);
    row_offsets(shape.cin, t.row(), offsets);
    let area = t.taps * t.taps;
    let kernels =
        Kernels { rows: shape.cout, row_stride: area * shape.cin, depth: shape.cin, depth_stride: area, frequency: fu };
    // SAFETY: `weight` holds `cout * cin` kernels of `area` (as `forward_by` checked); `u` has eight floats to spare.
    unsafe { weight_tiles(t.taps, kernels, weight.as_ptr(), u.as_mut_ptr()) };

    let (oh, ow) = (shape.out_h(), shape.out_w());
    let finished = shape.finished_plane(out.finish());
    for first in (0..shape.batch).step_by(t.images) {
        let images = t.images.min(shape.batch - first);
        transform_input(conv, &t, first..first + images, rows, v);
        let n = images * t.th * t.tw;
        for f in 0..F {
            let p = Outer { m: shape.cout, n, offsets, stride_c: t.row(), store: Store::Set };
            outer(p, &u[f * fu..], &v[f * fv..(f + 1) * fv], &mut m[f * fm..(f + 1) * fm]);
        }
        for (b, side) in t.sides(images) {
            let p = t.planes(side, fm);
            let apart = shape.cout * finished;
            for c in 0..shape.cout {
                let at = ((first + b) * shape.cout + c) * finished;
                let target = out.part(at, (side - 1) * apart + finished);
                let end = Output { target, bias: bias[c], h: oh, w: ow, side, pitch: t.pitch, apart };
                let m = &m[c * t.row() + b * t.th * t.tw..];
                // SAFETY: a frequency of `m` holds `cout` rows of `images * th * tw + 8`, `rows` more than `step` rows of
                // `stride`; `target` is `side` finished planes, `apart` from each other.
                unsafe { output_tiles(p, m.as_ptr(), rows.as_mut_ptr(), end) }
            }
        }
    }
}

pub fn backward(conv: &Conv2d, upstream: Upstream, grads: &mut Gradients, scratch: &mut Scratch) {
    let Conv2d { shape, weight, .. } = *conv;
    let t = Tiling::new(&shape, BACKWARD_BLOCK);
    let (fv, fm, fu) = (t.frequency(shape.cin), t.frequency(shape.cout), weight_frequency(&shape));
    let wanted = grads.x.is_some();
    let (u, du) = take(&mut scratch.weight, 2 * F * fu).split_at_mut(F * fu);
    let v = take(&mut scratch.input, F * fv);
    let m = take(&mut scratch.product, F * fm);
    let rows = take(&mut scratch.rows, rows_len(&t));
    let (input_rows, output_rows) = take(&mut scratch.offsets, shape.cin + shape.cout).split_at_mut(shape.cin);
    row_offsets(shape.cin, t.row(), input_rows);
    row_offsets(shape.cout, t.row(), output_rows);
    if wanted {
        let area = t.taps * t.taps;
        let kernels = Kernels {
            rows: shape.cin,
            row_stride: area,
            depth: shape.cout,
            depth_stride: area * shape.cin,
            frequency: fu,
        };
        // SAFETY: `weight` holds `cout * cin` kernels of `area` (as `backward_by` checked); `u` has eight floats to spare.
        unsafe { weight_tiles(t.taps, kernels, weight.as_ptr(), u.as_mut_ptr()) };
    }
    du.fill(0.0);

    let (oh, ow) = (shape.out_h(), shape.out_w());
    let [ph, pw] = shape.padding;
    for first in (0..shape.batch).step_by(t.images) {
        let images = t.images.min(shape.batch - first);
        let n = images * t.th * t.tw;
        transform_input(conv, &t, first..first + images, rows, v);

        let (plane, tmp) = rows.split_at_mut(t.plane);
        plane.fill(0.0);
        for (b, side) in t.sides(images) {
            let p = t.planes(side, fm);
            for c in 0..shape.cout {
                for image in 0..side {
                    let (index, at) = ((first + b + image) * shape.cout + c, image * t.pitch);
                    grads.bias[c] += upstream.plane(index, [oh, ow], &mut plane[at..], t.stride);
                }
                let m = &mut m[c * t.row() + b * t.th * t.tw..];
                // SAFETY: as in `transform_input`, with `cout` rows per frequency.
                unsafe { output_adjoint(p, plane.as_ptr(), tmp.as_mut_ptr(), m.as_mut_ptr()) }
            }
        }

        for f in 0..F {
            let p = Inner {
                m: shape.cout,
                n,
                stride_a: t.row(),
                offsets: input_rows,
                stride_c: shape.cin,
                store: Store::Add,
            };
            let (v, m) = (&mut v[f * fv..(f + 1) * fv], &m[f * fm..(f + 1) * fm]);
            inner(p, m, v, &mut du[f * fu..]);
            if wanted {
                let p = Outer { m: shape.cin, n, offsets: output_rows, stride_c: t.row(), store: Store::Set };
                outer(p, &u[f * fu..], m, v);
            }
        }

        let Some(dx) = &mut grads.x else { continue };
        for (b, side) in t.sides(images) {
            let p = t.planes(side, fv);
            for c in 0..shape.cin {
                plane.fill(0.0);
                let v = &v[c * t.row() + b * t.th * t.tw..];
                // SAFETY: a frequency of `v` holds `cin` rows of `images * th * tw + 8`; `plane` is `step th + 6 - step`
                // rows of `stride`: alone eight more than the tiles of a row cover, side by side as in `transform_input`.
                unsafe { input_adjoint(p, v.as_ptr(), plane.as_mut_ptr()) }
                for image in 0..side {
                    let at = ((first + b + image) * shape.cin + c) * shape.h * shape.w;
                    let dx = &mut dx[at..][..shape.h * shape.w];
                    cut(&plane[image * t.pitch + ph * t.stride + pw..], t.stride, dx, shape.w);
                }
            }
        }
    }
    // SAFETY: `du` holds `cout * cin` floats at each of 36 frequencies `fu` apart, `grads.weight` as many kernels of `taps * taps`.
    unsafe { weight_adjoint(t.taps, shape.cout * shape.cin, fu, du.as_ptr(), grads.weight.as_mut_ptr()) };
}
