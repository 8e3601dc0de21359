//! Convolution of stride 1 straight from the padded image.
//!
//! With rows padded to a common stride, output position `p = y * stride + x` needs input `p + ky * stride + kx`: one
//! constant offset per tap. So the product reads the image itself where im2col would read a column matrix, at the
//! price of the positions between two rows, which are computed and dropped.

use super::downstream::{Channels, Downstream, Rows, finish_channels};
use super::operands::{Conv2d, Gradients};
use super::planes::{cut, place};
use super::shape::ConvShape;
use super::upstream::Upstream;
use crate::product::{Inner, Outer, Store, inner, outer, pack};
use crate::scratch::{Scratch, take};

/// Positions computed between two visits to the output: enough for whole register tiles, few enough for the cache.
const CHUNK: usize = 96;

fn tap_offsets(shape: &ConvShape, channels: usize, plane: usize, stride: usize, offsets: &mut [usize]) {
    let mut at = 0;
    for c in 0..channels {
        for ky in 0..shape.kh {
            for kx in 0..shape.kw {
                offsets[at] = c * plane + ky * stride + kx;
                at += 1;
            }
        }
    }
}

/// Output rows per chunk: even, so that pooling windows stay whole.
fn chunk_rows(stride: usize) -> usize {
    (CHUNK.div_ceil(stride)).next_multiple_of(2)
}

pub fn forward(conv: &Conv2d, bias: &[f32], out: &mut Downstream, scratch: &mut Scratch) {
    let Conv2d { shape, x, weight } = *conv;
    let (oh, ow, depth) = (shape.out_h(), shape.out_w(), shape.depth());
    let [ph, pw] = shape.padding;
    let stride = shape.w + 2 * pw;
    let padded = (shape.h + 2 * ph) * stride;
    let image = take(&mut scratch.input, shape.cin * padded);
    image.fill(0.0);
    let offsets = take(&mut scratch.offsets, depth);
    tap_offsets(&shape, shape.cin, padded, stride, offsets);
    let packed = take(&mut scratch.weight, shape.cout * depth);
    pack(shape.cout, depth, packed, |i, k| weight[i * depth + k]);

    let rows = chunk_rows(stride);
    let product = take(&mut scratch.product, shape.cout * rows * stride);
    let plane = shape.finished_plane(out.finish());
    for b in 0..shape.batch {
        for c in 0..shape.cin {
            let src = &x[(b * shape.cin + c) * shape.h * shape.w..][..shape.h * shape.w];
            place(src, shape.w, &mut image[c * padded + ph * stride + pw..(c + 1) * padded], stride);
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
    let [ph, pw] = shape.padding;
    // The input gradient is the convolution of the output gradient, padded by (qh, qw), with the flipped kernel. Both
    // gradients read the output gradient, so all planes share one stride.
    let wanted = grads.x.is_some();
    let [qh, qw] = if wanted { [shape.kh - 1 - ph, shape.kw - 1 - pw] } else { [0, 0] };
    let stride = if wanted { (shape.w + 2 * pw).max(shape.w + shape.kw - 1) } else { shape.w + 2 * pw };
    let plane = (shape.h + 2 * ph) * stride;
    let image = take(&mut scratch.input, shape.cin * plane);
    image.fill(0.0);
    let grad_plane = (oh + 2 * qh) * stride;
    let grad = take(&mut scratch.grad, shape.cout * grad_plane);
    grad.fill(0.0);

    let grad_depth = shape.cout * shape.kh * shape.kw;
    let (taps, grad_taps) = take(&mut scratch.offsets, depth + grad_depth).split_at_mut(depth);
    tap_offsets(&shape, shape.cin, plane, stride, taps);
    tap_offsets(&shape, shape.cout, grad_plane, stride, grad_taps);
    let packed = take(&mut scratch.weight, if wanted { shape.cin * grad_depth } else { 0 });
    if wanted {
        let area = shape.kh * shape.kw;
        pack(shape.cin, grad_depth, packed, |i, k| weight[(k / area * shape.cin + i) * area + area - 1 - k % area]);
    }
    let rows = chunk_rows(stride);
    let product = take(&mut scratch.product, shape.cin * rows * stride);

    for b in 0..shape.batch {
        for c in 0..shape.cin {
            let src = &x[(b * shape.cin + c) * shape.h * shape.w..][..shape.h * shape.w];
            place(src, shape.w, &mut image[c * plane + ph * stride + pw..(c + 1) * plane], stride);
        }
        for c in 0..shape.cout {
            let dst = &mut grad[c * grad_plane + qh * stride + qw..(c + 1) * grad_plane];
            grads.bias[c] += upstream.plane(b * shape.cout + c, [oh, ow], dst, stride);
        }
        let p = Inner {
            m: shape.cout,
            n: (oh - 1) * stride + ow,
            stride_a: grad_plane,
            offsets: taps,
            stride_c: depth,
            store: Store::Add,
        };
        inner(p, &grad[qh * stride + qw..], image, grads.weight);

        let Some(dx) = &mut grads.x else { continue };
        for first in (0..shape.h).step_by(rows) {
            let count = rows.min(shape.h - first);
            let p = Outer {
                m: shape.cin,
                n: (count - 1) * stride + shape.w,
                offsets: grad_taps,
                stride_c: rows * stride,
                store: Store::Set,
            };
            outer(p, packed, &grad[first * stride..], product);
            for c in 0..shape.cin {
                let at = ((b * shape.cin + c) * shape.h + first) * shape.w;
                cut(&product[c * rows * stride..], stride, &mut dx[at..][..count * shape.w], shape.w);
            }
        }
    }
}
