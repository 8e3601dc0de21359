//! The one-dimensional transforms of F(T, K) and their adjoints, on eight tiles at once: T outputs of K taps from six inputs,
//! F(4, 3) or F(2, 5). Both interpolate at 0, 1, -1, 2, -2 and infinity, so that the inputs' transform is the same.
//!
//! # Safety
//! Every function asks of the machine what [`Simd`](crate::simd::Simd) asks of it, and nothing else.

use crate::simd::Lanes8;

/// `B^T d`: six from six.
#[inline(always)]
pub unsafe fn bt<S: Lanes8>(d: [S::V; 6]) -> [S::V; 6] {
    let (four, five, two) = (S::splat(4.0), S::splat(-5.0), S::splat(2.0));
    let minus4 = S::splat(-4.0);
    let a = S::mul_add(minus4, d[2], d[4]);
    let b = S::mul_add(minus4, d[1], d[3]);
    let c = S::sub(d[4], d[2]);
    let e = S::mul(two, S::sub(d[3], d[1]));
    [
        S::mul_add(four, d[0], S::mul_add(five, d[2], d[4])),
        S::add(a, b),
        S::sub(a, b),
        S::add(c, e),
        S::sub(c, e),
        S::mul_add(four, d[1], S::mul_add(five, d[3], d[5])),
    ]
}

/// `B v`: the adjoint of [`bt`].
#[inline(always)]
pub unsafe fn b<S: Lanes8>(v: [S::V; 6]) -> [S::V; 6] {
    let (four, minus4, five) = (S::splat(4.0), S::splat(-4.0), S::splat(-5.0));
    let two = S::splat(2.0);
    let (p, q) = (S::add(v[1], v[2]), S::sub(v[1], v[2]));
    let (r, s) = (S::add(v[3], v[4]), S::mul(two, S::sub(v[3], v[4])));
    [
        S::mul(four, v[0]),
        S::mul_add(minus4, q, S::sub(S::mul(four, v[5]), s)),
        S::sub(S::mul_add(five, v[0], S::mul(minus4, p)), r),
        S::add(q, S::mul_add(five, v[5], s)),
        S::add(v[0], S::add(p, r)),
        v[5],
    ]
}

/// `A^T m`: T from six.
#[inline(always)]
pub unsafe fn at<S: Lanes8, const T: usize>(m: [S::V; 6]) -> [S::V; T] {
    let (two, four, eight) = (S::splat(2.0), S::splat(4.0), S::splat(8.0));
    let (p, q) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
    let (r, s) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
    let mut y = [S::add(m[0], S::add(p, r)); T];
    if T == 2 {
        y[1] = S::mul_add(two, s, S::add(q, m[5]));
    } else {
        y[1] = S::mul_add(two, s, q);
        y[2] = S::mul_add(four, r, p);
        y[3] = S::mul_add(eight, s, S::add(q, m[5]));
    }
    y
}

/// `A y`: the adjoint of [`at`].
#[inline(always)]
pub unsafe fn a<S: Lanes8, const T: usize>(y: [S::V; T]) -> [S::V; 6] {
    let (two, four) = (S::splat(2.0), S::splat(4.0));
    let (p, q, r, s) = if T == 2 {
        (y[0], y[1], y[0], S::mul(two, y[1]))
    } else {
        let (p, q) = (S::add(y[0], y[2]), S::add(y[1], y[3]));
        (p, q, S::mul_add(four, y[2], y[0]), S::mul(two, S::mul_add(four, y[3], y[1])))
    };
    [y[0], S::add(p, q), S::sub(p, q), S::add(r, s), S::sub(r, s), y[T - 1]]
}

/// `G g`: six from K.
#[inline(always)]
pub unsafe fn g<S: Lanes8, const K: usize>(g: [S::V; K]) -> [S::V; 6] {
    let (sixth, twelfth, four, two) = (S::splat(-1.0 / 6.0), S::splat(1.0 / 24.0), S::splat(4.0), S::splat(2.0));
    let (mut even, mut odd) = (S::add(g[0], g[2]), g[1]);
    let (mut even2, mut odd2) = (S::mul_add(four, g[2], g[0]), S::mul(two, g[1]));
    if K == 5 {
        (even, odd) = (S::add(even, g[4]), S::add(odd, g[3]));
        (even2, odd2) = (S::mul_add(S::splat(16.0), g[4], even2), S::mul_add(S::splat(8.0), g[3], odd2));
    }
    let (p, q) = (S::mul(sixth, even), S::mul(sixth, odd));
    let (r, s) = (S::mul(twelfth, even2), S::mul(twelfth, odd2));
    [S::mul(S::splat(0.25), g[0]), S::add(p, q), S::sub(p, q), S::add(r, s), S::sub(r, s), g[K - 1]]
}

/// `G^T u`: the adjoint of [`g`].
#[inline(always)]
pub unsafe fn gt<S: Lanes8, const K: usize>(u: [S::V; 6]) -> [S::V; K] {
    let (sixth, twelfth) = (S::splat(-1.0 / 6.0), S::splat(1.0 / 24.0));
    let p = S::mul(sixth, S::add(u[1], u[2]));
    let q = S::mul(sixth, S::sub(u[1], u[2]));
    let r = S::mul(twelfth, S::add(u[3], u[4]));
    let s = S::mul(twelfth, S::sub(u[3], u[4]));
    let mut g = [S::mul_add(S::splat(0.25), u[0], S::add(p, r)); K];
    g[1] = S::mul_add(S::splat(2.0), s, q);
    if K == 5 {
        g[2] = S::mul_add(S::splat(4.0), r, p);
        g[3] = S::mul_add(S::splat(8.0), s, q);
        g[4] = S::add(p, S::mul_add(S::splat(16.0), r, u[5]));
    } else {
        g[2] = S::add(p, S::mul_add(S::splat(4.0), r, u[5]));
    }
    g
}
