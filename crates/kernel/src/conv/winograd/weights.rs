//! The kernels of a convolution: to frequencies, packed for products, and their gradients back.

use super::super::shape::ConvShape;
use super::transform::{g, gt};
use crate::product::blocks;
use crate::simd::{Lanes8, dispatch};

dispatch! {
    fn weight_tiles3(w: Kernels, src: *const f32, u: *mut f32) = weight_tiles3_body, lanes8
}
dispatch! {
    fn weight_tiles5(w: Kernels, src: *const f32, u: *mut f32) = weight_tiles5_body, lanes8
}
dispatch! {
    fn weight_adjoint3(n: usize, frequency: usize, u: *const f32, dst: *mut f32) = weight_adjoint3_body, lanes8
}
dispatch! {
    fn weight_adjoint5(n: usize, frequency: usize, u: *const f32, dst: *mut f32) = weight_adjoint5_body, lanes8
}

/// `U = G g G^T` for every kernel of K x K taps, packed as [`crate::product::pack`] does it.
///
/// # Safety
/// As for [`weight_tiles_body`]; `taps` is 3 or 5.
pub unsafe fn weight_tiles(taps: usize, w: Kernels, src: *const f32, u: *mut f32) {
    if taps == 5 { weight_tiles5(w, src, u) } else { weight_tiles3(w, src, u) }
}

/// `dg = G^T dU G` for every kernel of K x K taps.
///
/// # Safety
/// As for [`weight_adjoint_body`]; `taps` is 3 or 5.
pub unsafe fn weight_adjoint(taps: usize, n: usize, frequency: usize, u: *const f32, dst: *mut f32) {
    if taps == 5 { weight_adjoint5(n, frequency, u, dst) } else { weight_adjoint3(n, frequency, u, dst) }
}

#[inline(always)]
unsafe fn weight_tiles3_body<S: Lanes8>(w: Kernels, src: *const f32, u: *mut f32) {
    weight_tiles_body::<S, 3>(w, src, u);
}
#[inline(always)]
unsafe fn weight_tiles5_body<S: Lanes8>(w: Kernels, src: *const f32, u: *mut f32) {
    weight_tiles_body::<S, 5>(w, src, u);
}
#[inline(always)]
unsafe fn weight_adjoint3_body<S: Lanes8>(n: usize, frequency: usize, u: *const f32, dst: *mut f32) {
    weight_adjoint_body::<S, 3>(n, frequency, u, dst);
}
#[inline(always)]
unsafe fn weight_adjoint5_body<S: Lanes8>(n: usize, frequency: usize, u: *const f32, dst: *mut f32) {
    weight_adjoint_body::<S, 5>(n, frequency, u, dst);
}

/// Taps of the largest kernel, on a side.
const MOST_TAPS: usize = 5;

/// Floats of packed weights per frequency, and the slack of a vector.
pub fn weight_frequency(shape: &ConvShape) -> usize {
    (shape.cin * shape.cout + 8).div_ceil(16) / 2 * 32 + 16
}

/// Kernels as the left-hand side of a product.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// Rows of the product, and the distance between their kernels in `[cout, cin, K, K]`.
    pub rows: usize,
    pub row_stride: usize,
    /// Depth of the product, and the distance between its kernels.
    pub depth: usize,
    pub depth_stride: usize,
    /// Distance between frequencies of the packed result.
    pub frequency: usize,
}

/// # Safety
/// `src` holds the kernels that `w` describes; `u` holds, at each frequency, `rows * depth` floats and eight more.
#[inline(always)]
unsafe fn weight_tiles_body<S: Lanes8, const K: usize>(w: Kernels, src: *const f32, u: *mut f32) {
    for (first, rows) in blocks(w.rows) {
        for k in 0..w.depth {
            // Lane l: the kernel of row first + l. Lanes past `rows` are overwritten by what is packed next.
            let mut lanes = [[0.0f32; 8]; MOST_TAPS * MOST_TAPS];
            for l in 0..rows {
                let kernel = src.add((first + l) * w.row_stride + k * w.depth_stride);
                for i in 0..K * K {
                    lanes[i][l] = *kernel.add(i);
                }
            }
            let mut t = [[S::zero(); K]; 6];
            for j in 0..K {
                let mut column = [S::zero(); K];
                for i in 0..K {
                    column[i] = S::load(lanes[K * i + j].as_ptr());
                }
                let c = g::<S, K>(column);
                for i in 0..6 {
                    t[i][j] = c[i];
                }
            }
            let to = u.add(first * w.depth + k * rows);
            for i in 0..6 {
                let r = g::<S, K>(t[i]);
                for j in 0..6 {
                    S::store(to.add((6 * i + j) * w.frequency), r[j]);
                }
            }
        }
    }
}

/// # Safety
/// `u` holds `n` floats at each frequency; `dst` holds `n` kernels.
#[inline(always)]
unsafe fn weight_adjoint_body<S: Lanes8, const K: usize>(n: usize, frequency: usize, u: *const f32, dst: *mut f32) {
    let mut first = 0;
    while first < n {
        let lanes = (n - first).min(8);
        let mut t = [[S::zero(); 6]; K];
        for j in 0..6 {
            let mut c = [S::zero(); 6];
            for i in 0..6 {
                c[i] = S::load_first(u.add((6 * i + j) * frequency + first), lanes);
            }
            let c = gt::<S, K>(c);
            for i in 0..K {
                t[i][j] = c[i];
            }
        }
        for i in 0..K {
            let r = gt::<S, K>(t[i]);
            for j in 0..K {
                let mut v = [0.0f32; 8];
                S::store(v.as_mut_ptr(), r[j]);
                for l in 0..lanes {
                    *dst.add((first + l) * K * K + K * i + j) = v[l];
                }
            }
        }
        first += 8;
    }
}
