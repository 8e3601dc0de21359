//! Convolution through a column matrix: any stride and padding.

use super::conv::{Conv2d, Finish, Gradients};
use super::planes::{Finishing, Rows, Upstream, finish_channels};
use super::product::{Inner, Into, Outer, inner, outer, pack};
use super::scratch::{Scratch, take};

/// Calls `visit(k, position, input index)` for every tap `k` that lands inside the image.
#[inline(always)]
fn taps(shape: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
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

#[allow(clippy::too_many_arguments)]
pub fn forward(
    shape: &Conv2d,
    finish: Finish,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    choice: &mut [u8],
    scratch: &mut Scratch,
) {
    let (oh, ow, depth) = (shape.out_h(), shape.out_w(), shape.depth());
    let n = oh * ow;
    let column = take(&mut scratch.input, depth * n);
    column.fill(0.0);
    let offsets = take(&mut scratch.offsets, depth);
    row_offsets(depth, n, offsets);
    let packed = take(&mut scratch.weight, shape.cout * depth);
    pack(shape.cout, depth, packed, |i, k| weight[i * depth + k]);
    let product = take(&mut scratch.product, shape.cout * n);
    let [fh, fw] = shape.finished(finish);
    let size = shape.cin * shape.h * shape.w;
    for b in 0..shape.batch {
        let image = &x[b * size..][..size];
        taps(shape, |k, p, i| column[k * n + p] = image[i]);
        outer(Outer { m: shape.cout, n, offsets, stride_c: n, into: Into::Set }, packed, column, product);
        let f = Finishing { channels: shape.cout, stride: n, plane: fh * fw, finish };
        let rows = Rows { stride: ow, count: oh, first: 0, width: ow };
        let at = b * shape.cout * fh * fw;
        // SAFETY: `product` holds `cout` planes of `oh * ow`; `out` (and `choice`, which `forward_by` checked) hold
        // `cout` planes from `at` on; `bias` has `cout` floats.
        unsafe {
            let which = if finish == Finish::ReluPool2 { choice[at..].as_mut_ptr() } else { choice.as_mut_ptr() };
            finish_channels(f, rows, product.as_ptr(), bias.as_ptr(), out[at..].as_mut_ptr(), which);
        }
    }
}

pub fn backward(
    shape: &Conv2d,
    x: &[f32],
    weight: &[f32],
    upstream: Upstream,
    grads: &mut Gradients,
    scratch: &mut Scratch,
) {
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
        taps(shape, |k, p, i| column[k * n + p] = image[i]);
        for c in 0..shape.cout {
            grads.bias[c] += upstream.plane(b * shape.cout + c, [oh, ow], &mut grad[c * n..][..n], ow);
        }
        inner(
            Inner { m: shape.cout, n, stride_a: n, offsets: columns, stride_c: depth, into: Into::Add },
            grad,
            column,
            grads.weight,
        );
        let Some(dx) = &mut grads.x else { continue };
        let dx = &mut dx[b * size..][..size];
        dx.fill(0.0);
        outer(Outer { m: depth, n, offsets: rows, stride_c: n, into: Into::Set }, packed, grad, product);
        taps(shape, |k, p, i| dx[i] += product[k * n + p]);
    }
}
