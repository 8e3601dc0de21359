//! The one-dimensional transforms of F(4, 3) and their adjoints, in place: on six values of a tile `step` apart, the first of which is at `at`.

use cubecl::prelude::*;

const SIXTH: f32 = -1.0 / 6.0;
const TWENTY_FOURTH: f32 = 1.0 / 24.0;

/// `B^T d`: six from six.
#[cube]
pub fn input(d: &mut Array<f32>, at: usize, step: usize) {
    let d0 = d[at];
    let d1 = d[at + step];
    let d2 = d[at + 2 * step];
    let d3 = d[at + 3 * step];
    let d4 = d[at + 4 * step];
    let d5 = d[at + 5 * step];
    let a = d4 - 4.0f32 * d2;
    let b = d3 - 4.0f32 * d1;
    let c = d4 - d2;
    let e = 2.0f32 * (d3 - d1);
    d[at] = 4.0f32 * d0 - 5.0f32 * d2 + d4;
    d[at + step] = a + b;
    d[at + 2 * step] = a - b;
    d[at + 3 * step] = c + e;
    d[at + 4 * step] = c - e;
    d[at + 5 * step] = 4.0f32 * d1 - 5.0f32 * d3 + d5;
}

/// `A^T m`: four from six.
#[cube]
pub fn output(m: &mut Array<f32>, at: usize, step: usize) {
    let p = m[at + step] + m[at + 2 * step];
    let q = m[at + step] - m[at + 2 * step];
    let r = m[at + 3 * step] + m[at + 4 * step];
    let s = m[at + 3 * step] - m[at + 4 * step];
    let first = m[at];
    let last = m[at + 5 * step];
    m[at] = first + p + r;
    m[at + step] = q + 2.0f32 * s;
    m[at + 2 * step] = p + 4.0f32 * r;
    m[at + 3 * step] = q + 8.0f32 * s + last;
}

/// `A y`: six from four, the adjoint of [`output`].
#[cube]
pub fn output_adjoint(y: &mut Array<f32>, at: usize, step: usize) {
    let first = y[at];
    let last = y[at + 3 * step];
    let p = first + y[at + 2 * step];
    let q = y[at + step] + last;
    let r = first + 4.0f32 * y[at + 2 * step];
    let s = 2.0f32 * (y[at + step] + 4.0f32 * last);
    y[at + step] = p + q;
    y[at + 2 * step] = p - q;
    y[at + 3 * step] = r + s;
    y[at + 4 * step] = r - s;
    y[at + 5 * step] = last;
}

/// `G g`: six from three.
#[cube]
pub fn filter(g: &mut Array<f32>, at: usize, step: usize) {
    let first = g[at];
    let odd = g[at + step];
    let last = g[at + 2 * step];
    let p = comptime!(SIXTH) * (first + last);
    let q = comptime!(SIXTH) * odd;
    let r = comptime!(TWENTY_FOURTH) * (first + 4.0f32 * last);
    let s = comptime!(TWENTY_FOURTH) * 2.0f32 * odd;
    g[at] = 0.25f32 * first;
    g[at + step] = p + q;
    g[at + 2 * step] = p - q;
    g[at + 3 * step] = r + s;
    g[at + 4 * step] = r - s;
    g[at + 5 * step] = last;
}

/// `G^T u`: three from six, the adjoint of [`filter`].
#[cube]
pub fn filter_adjoint(u: &mut Array<f32>, at: usize, step: usize) {
    let p = comptime!(SIXTH) * (u[at + step] + u[at + 2 * step]);
    let q = comptime!(SIXTH) * (u[at + step] - u[at + 2 * step]);
    let r = comptime!(TWENTY_FOURTH) * (u[at + 3 * step] + u[at + 4 * step]);
    let s = comptime!(TWENTY_FOURTH) * (u[at + 3 * step] - u[at + 4 * step]);
    let first = u[at];
    let last = u[at + 5 * step];
    u[at] = 0.25f32 * first + p + r;
    u[at + step] = q + 2.0f32 * s;
    u[at + 2 * step] = p + 4.0f32 * r + last;
}
