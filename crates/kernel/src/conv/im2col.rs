//! Convolution through a column matrix: any stride and padding.

use super::downstream::{Channels, Downstream, Rows, finish_channels};
use super::operands::{Conv2d, Gradients};
use super::shape::ConvShape;
use super::upstream::Upstream;
use crate::product::{Inner, Outer, Store, inner, outer, pack};
use crate::scratch::{Scratch, take};

/// Calls `visit(k, position, input index)` for every tap `k` that lands inside the image.
#[inline(always)]
fn taps(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let (oh, ow) = (shape.out_h(), shape.out_w());
    let ([sh, sw], [ph, pw]) = (shape.stride, shape.padding);
    for c in 0..shape.cin {
        for ky in 0..shape.kh {
            for kx in 0..shape.kw {
                let k = (c * shape.kh + ky) * shape.kw + kx;
                for oy in 0..oh {
                    let y = oy * sh + ky;
                    if y < ph || y - ph >= shape.h {
                        continue;
                    }
                    let row = (c * shape.h + y - ph) * shape.w;
                    // Columns whose tap lies inside the row.
                    let low = pw.saturating_sub(kx).div_ceil(sw);
                    let high = if shape.w + pw > kx { ((shape.w + pw - kx - 1) / sw + 1).min(ow) } else { 0 };
                    for ox in low..high {
                        visit(k, oy * ow + ox, row + ox * sw + kx - pw);
                    }
                }
            }
        }
    }
}

fn row_offsets(depth: usize, n: usize, offsets: &mut [usize]) {
    for (k, offset) in offsets.iter_mut().enumerate().take(depth) {
        *offset = k * n;
    }
}

pub fn forward(conv: &Conv2d, bias: &[f32], out: &mut Downstream, scratch: &mut Scratch) {
    let Conv2d { shape, x, weight } = *conv;
    let (oh, ow, depth) = (shape.out_h(), shape.out_w(), shape.depth());
    let n = oh * ow;
    let column = take(&mut scratch.input, depth * n);
    column.fill(0.0);
    let offsets = take(&mut scratch.offsets, depth);
    row_offsets(depth, n, offsets);
    let packed = take(&mut scratch.weight, shape.cout * depth);
    pack(shape.cout, depth, packed, |i, k| weight[i * depth + k]);
    let product = take(&mut scratch.product, shape.cout * n);
    let plane = shape.finished_plane(out.finish());
    let size = shape.cin * shape.h * shape.w;
    for b in 0..shape.batch {
        let image = &x[b * size..][..size];
        taps(&shape, |k, p, i| column[k * n + p] = image[i]);
        outer(Outer { m: shape.cout, n, offsets, stride_c: n, store: Store::Set }, packed, column, product);
        let channels = Channels { count: shape.cout, stride: n, plane };
        let rows = Rows { stride: ow, count: oh, first: 0, width: ow };
        let target = out.part(b * shape.cout * plane, shape.cout * plane);
        // SAFETY: `product` holds `cout` planes of `oh * ow`, `target` `cout` planes, `bias` `cout` floats.
        unsafe { finish_channels(channels, rows, product.as_ptr(), bias.as_ptr(), target) };
    }
}

pub fn backward(conv: &Conv2d, upstream: Upstream, grads: &mut Gradients, scratch: &mut Scratch) {
    let Conv2d { shape, x, weight } = *conv;
    let (oh, ow, depth) = (shape.out_h(), shape.out_w(), shape.depth());
    let n = oh * ow;
    let column = take(&mut scratch.input, depth * n);
    let grad = take(&mut scratch.grad, shape.cout * n);
    let (columns, rows) = take(&mut scratch.offsets, depth + shape.cout).split_at_mut(depth);
    row_offsets(depth, n, columns);
    row_offsets(shape.cout, n, rows);
    let packed = take(&mut scratch.weight, shape.cout * depth);
    pack(depth, shape.cout, packed, |i, k| weight[k * depth + i]);
    let product = take(&mut scratch.product, depth * n);
    let size = shape.cin * shape.h * shape.w;
    column.fill(0.0);
    for b in 0..shape.batch {
        let image = &x[b * size..][..size];
        taps(&shape, |k, p, i| column[k * n + p] = image[i]);
        for c in 0..shape.cout {
            grads.bias[c] += upstream.plane(b * shape.cout + c, [oh, ow], &mut grad[c * n..][..n], ow);
        }
        inner(
            Inner { m: shape.cout, n, stride_a: n, offsets: columns, stride_c: depth, store: Store::Add },
            grad,
            column,
            grads.weight,
        );
        let Some(dx) = &mut grads.x else { continue };
        let dx = &mut dx[b * size..][..size];
        dx.fill(0.0);
        outer(Outer { m: depth, n, offsets: rows, stride_c: n, store: Store::Set }, packed, grad, product);
        taps(&shape, |k, p, i| dx[i] += product[k * n + p]);
    }
}
