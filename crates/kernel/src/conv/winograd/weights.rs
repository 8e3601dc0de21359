//! The kernels of a convolution: to frequencies, packed for products, and their gradients back.

use super::super::shape::ConvShape;
use super::transform::{g, gt};
use crate::product::blocks;
use crate::simd::{Lanes8, dispatch};

dispatch! {
    /// `U = G g G^T` for every kernel, packed as [`crate::product::pack`] does it.
    pub fn weight_tiles(w: Kernels, src: *const f32, u: *mut f32) = weight_tiles_body, lanes8
}
dispatch! {
    /// `dg = G^T dU G` for every kernel.
    pub fn weight_adjoint(n: usize, frequency: usize, u: *const f32, dst: *mut f32) = weight_adjoint_body, lanes8
}

/// Floats of packed weights per frequency, and the slack of a vector.
pub fn weight_frequency(shape: &ConvShape) -> usize {
    (shape.cin * shape.cout + 8).div_ceil(16) / 2 * 32 + 16
}

/// Kernels as the left-hand side of a product.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// Rows of the product, and the distance between their kernels in `[cout, cin, 3, 3]`.
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
unsafe fn weight_tiles_body<S: Lanes8>(w: Kernels, src: *const f32, u: *mut f32) {
    for (first, rows) in blocks(w.rows) {
        for k in 0..w.depth {
            // Lane l: the kernel of row first + l. Lanes past `rows` are overwritten by what is packed next.
            let mut lanes = [[0.0f32; 8]; 9];
            for l in 0..rows {
                let kernel = src.add((first + l) * w.row_stride + k * w.depth_stride);
                for i in 0..9 {
                    lanes[i][l] = *kernel.add(i);
                }
            }
            let mut t = [[S::zero(); 3]; 6];
            for j in 0..3 {
                let column =
                    [S::load(lanes[j].as_ptr()), S::load(lanes[3 + j].as_ptr()), S::load(lanes[6 + j].as_ptr())];
                let c = g::<S>(column);
                for i in 0..6 {
                    t[i][j] = c[i];
                }
            }
            let to = u.add(first * w.depth + k * rows);
            for i in 0..6 {
                let r = g::<S>(t[i]);
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
unsafe fn weight_adjoint_body<S: Lanes8>(n: usize, frequency: usize, u: *const f32, dst: *mut f32) {
    let mut first = 0;
    while first < n {
        let lanes = (n - first).min(8);
        let mut t = [[S::zero(); 6]; 3];
        for j in 0..6 {
            let mut c = [S::zero(); 6];
            for i in 0..6 {
                c[i] = S::load_first(u.add((6 * i + j) * frequency + first), lanes);
            }
            let c = gt::<S>(c);
            for i in 0..3 {
                t[i][j] = c[i];
            }
        }
        for i in 0..3 {
            let r = gt::<S>(t[i]);
            for j in 0..3 {
                let mut v = [0.0f32; 8];
                S::store(v.as_mut_ptr(), r[j]);
                for l in 0..lanes {
                    *dst.add((first + l) * 9 + 3 * i + j) = v[l];
                }
            }
        }
        first += 8;
    }
}
