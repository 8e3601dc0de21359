//! Convolution straight from the padded image.
//!
//! With rows padded to a common stride, output position `p = y * stride + x` needs input `p + ky * stride + kx`: one
//! constant offset per tap. So the product reads the image itself where im2col would read a column matrix, at the
//! price of the positions between two rows, which are computed and dropped. Where the convolution has strides of its own,
//! this holds for each of the image's [`Phases`].

use super::downstream::{Channels, Downstream, Rows, finish_channels};
use super::operands::{Conv2d, Gradients};
use super::phases::{Gradient, Phases};
use super::upstream::Upstream;
use crate::product::{Inner, Outer, Store, inner, outer, pack};
use crate::scratch::{Scratch, take};

/// The most positions computed between two visits to the output, but for rows that are longer: few enough for the cache.
const CHUNK: usize = 288;
/// Positions of a register tile of the widest vectors.
const TILE: usize = 32;

/// Output rows per chunk, of which each has so many outputs: as many as waste the fewest positions of tiles. Even, so that
/// pooling windows stay whole.
fn chunk_rows(stride: usize, outputs: usize) -> usize {
    let wasted = |rows: usize| {
        let positions = ((rows - 1) * stride + outputs).next_multiple_of(TILE);
        positions as f64 / (rows * outputs) as f64
    };
    let most = (CHUNK / stride / 2 * 2).max(2);
    (2..=most).step_by(2).min_by(|a, b| wasted(*a).total_cmp(&wasted(*b))).unwrap_or(2)
}

pub fn forward(conv: &Conv2d, bias: &[f32], out: &mut Downstream, scratch: &mut Scratch) {
    let Conv2d { shape, x, weight } = *conv;
    let (oh, ow, depth) = (shape.out_h(), shape.out_w(), shape.depth());
    let phases = Phases::new(&shape);
    let (stride, channel) = (phases.stride, phases.channel());
    let image = take(&mut scratch.input, shape.cin * channel);
    image.fill(0.0);
    let offsets = take(&mut scratch.offsets, depth);
    phases.tap_offsets(offsets);
    let packed = take(&mut scratch.weight, shape.cout * depth);
    pack(shape.cout, depth, packed, |i, k| weight[i * depth + k]);

    let rows = chunk_rows(stride, ow);
    let product = take(&mut scratch.product, shape.cout * rows * stride);
    let plane = shape.finished_plane(out.finish());
    for b in 0..shape.batch {
        for c in 0..shape.cin {
            let src = &x[(b * shape.cin + c) * shape.h * shape.w..][..shape.h * shape.w];
            phases.deal(src, &mut image[c * channel..][..channel]);
        }
        for first in (0..oh).step_by(rows) {
            let count = rows.min(oh - first);
            let p = Outer {
                m: shape.cout,
                n: (count - 1) * stride + ow,
                offsets,
                stride_c: rows * stride,
                store: Store::Set,
            };
            outer(p, packed, &image[first * stride..], product);
            let channels = Channels { count: shape.cout, stride: rows * stride, plane };
            let target = out.part(b * shape.cout * plane, shape.cout * plane);
            let rows = Rows { stride, count, first, width: ow };
            // SAFETY: `product` holds `cout` blocks of `rows * stride` floats, `target` `cout` planes, `bias` `cout` floats.
            unsafe { finish_channels(channels, rows, product.as_ptr(), bias.as_ptr(), target) };
        }
    }
}

pub fn backward(conv: &Conv2d, upstream: Upstream, grads: &mut Gradients, scratch: &mut Scratch) {
    let Conv2d { shape, x, weight } = *conv;
    let (oh, ow, depth) = (shape.out_h(), shape.out_w(), shape.depth());
    let wanted = grads.x.is_some();
    let mut phases = Phases::new(&shape);
    // Both gradients read the output gradient, so all planes share one stride.
    let gradient = Gradient::new(&mut phases, wanted);
    let (stride, channel) = (phases.stride, phases.channel());
    let image = take(&mut scratch.input, shape.cin * channel);
    image.fill(0.0);
    let grad = take(&mut scratch.grad, shape.cout * gradient.channel);
    grad.fill(0.0);

    let area = shape.kh * shape.kw;
    let (taps, grad_taps) = take(&mut scratch.offsets, depth + shape.cout * area).split_at_mut(depth);
    phases.tap_offsets(taps);
    let packed = take(&mut scratch.weight, if wanted { shape.cin * shape.cout * area } else { 0 });
    if wanted {
        let mut at = 0;
        for phase in phases.all() {
            let depth = shape.cout * phase.area();
            gradient.tap_offsets(&phase, &mut grad_taps[at..][..depth]);
            pack(shape.cin, depth, &mut packed[shape.cin * at..][..shape.cin * depth], |i, k| {
                weight[(k / phase.area() * shape.cin + i) * area + phase.flipped(&shape, k)]
            });
            at += depth;
        }
    }
    let rows = chunk_rows(stride, shape.w.div_ceil(shape.stride[1]));
    let product = take(&mut scratch.product, shape.cin * rows * stride);

    for b in 0..shape.batch {
        for c in 0..shape.cin {
            let src = &x[(b * shape.cin + c) * shape.h * shape.w..][..shape.h * shape.w];
            phases.deal(src, &mut image[c * channel..][..channel]);
        }
        for c in 0..shape.cout {
            let dst = &mut grad[c * gradient.channel + gradient.window..(c + 1) * gradient.channel];
            grads.bias[c] += upstream.plane(b * shape.cout + c, [oh, ow], dst, stride);
        }
        let p = Inner {
            m: shape.cout,
            n: (oh - 1) * stride + ow,
            stride_a: gradient.channel,
            offsets: taps,
            stride_c: depth,
            store: Store::Add,
        };
        inner(p, &grad[gradient.window..], image, grads.weight);

        let Some(dx) = &mut grads.x else { continue };
        let size = shape.h * shape.w;
        let dx = &mut dx[b * shape.cin * size..][..shape.cin * size];
        if !phases.cover() {
            dx.fill(0.0);
        }
        let mut at = 0;
        for phase in phases.all() {
            let depth = shape.cout * phase.area();
            let ([height, width], base) = (phase.size(), gradient.base(&phase));
            for first in (0..if width > 0 { height } else { 0 }).step_by(rows) {
                let count = rows.min(height - first);
                let p = Outer {
                    m: shape.cin,
                    n: (count - 1) * stride + width,
                    offsets: &grad_taps[at..][..depth],
                    stride_c: rows * stride,
                    store: Store::Set,
                };
                outer(p, &packed[shape.cin * at..][..shape.cin * depth], &grad[base + first * stride..], product);
                for c in 0..shape.cin {
                    let from = &product[c * rows * stride..];
                    phases.collect(&phase, first, from, count, &mut dx[c * size..][..size]);
                }
            }
            at += depth;
        }
    }
}
