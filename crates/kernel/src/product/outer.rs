//! Rank-one updates of a tile of `C` held in registers.

use super::pack::{Store, blocks};
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd, dispatch};

/// `C[i][j] (+)= sum_k A[i][k] * B[offsets[k] + j]` for `i < m`, `j < n`, `k < depth`.
///
/// `A` is packed as [`pack`] does it.
#[derive(Clone, Copy)]
pub struct Outer<'a> {
    /// Rows of `C`.
    pub m: usize,
    /// Columns of `C`.
    pub n: usize,
    /// Where each of the `depth` rows of `B` starts.
    pub offsets: &'a [usize],
    /// Distance between rows of `C`.
    pub stride_c: usize,
    /// Overwrite or add.
    pub store: Store,
}

/// Runs an [`Outer`] product on slices.
pub fn outer(p: Outer, a: &[f32], b: &[f32], c: &mut [f32]) {
    if p.m == 0 || p.n == 0 {
        return;
    }
    assert!(a.len() >= p.m * p.offsets.len(), "outer: packed A is too short");
    assert!(c.len() >= (p.m - 1) * p.stride_c + p.n, "outer: C is too short");
    let last = p.offsets.iter().max().map_or(0, |last| last + p.n);
    assert!(b.len() >= last, "outer: B is too short");
    // SAFETY: the three assertions bound every access of `outer_body`.
    unsafe { outer_raw(p, a.as_ptr(), b.as_ptr(), c.as_mut_ptr()) }
}

dispatch! {
    /// [`outer`] on pointers.
    ///
    /// # Safety
    /// `a` holds `m * depth` floats, `b` holds `n` floats at each offset, `c` holds `m` rows of `n` floats at
    /// `stride_c`, and `c` overlaps neither.
    fn outer_raw(p: Outer, a: *const f32, b: *const f32, c: *mut f32) = outer_body, vectors
}

#[inline(always)]
unsafe fn outer_body<S: Tiles>(p: Outer, a: *const f32, b: *const f32, c: *mut f32) {
    let mut j = 0;
    while j < p.n {
        let width = (p.n - j).min(2 * S::N);
        let two = width > S::N;
        let last = if two { width - S::N } else { width };
        let b = b.add(j);
        for (first, rows) in blocks(p.m) {
            let a = a.add(first * p.offsets.len());
            let c = c.add(first * p.stride_c + j);
            match (rows, two) {
                (6, true) => outer_tile::<S, 6, 2>(&p, a, b, c, last),
                (5, true) => outer_tile::<S, 5, 2>(&p, a, b, c, last),
                (4, true) => outer_tile::<S, 4, 2>(&p, a, b, c, last),
                (3, true) => outer_tile::<S, 3, 2>(&p, a, b, c, last),
                (2, true) => outer_tile::<S, 2, 2>(&p, a, b, c, last),
                (_, true) => outer_tile::<S, 1, 2>(&p, a, b, c, last),
                (6, _) => outer_tile::<S, 6, 1>(&p, a, b, c, last),
                (5, _) => outer_tile::<S, 5, 1>(&p, a, b, c, last),
                (4, _) => outer_tile::<S, 4, 1>(&p, a, b, c, last),
                (3, _) => outer_tile::<S, 3, 1>(&p, a, b, c, last),
                (2, _) => outer_tile::<S, 2, 1>(&p, a, b, c, last),
                _ => outer_tile::<S, 1, 1>(&p, a, b, c, last),
            }
        }
        j += width;
    }
}

/// Register tiles as functions of their own: inlined into one another, they would lose registers to each other's
/// constants and spill sums.
trait Tiles: Simd {
    /// # Safety
    /// As for [`outer_raw`], for one tile whose last vector holds `last` columns.
    unsafe fn tile<const R: usize, const V: usize, const FULL: bool>(
        p: &Outer,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        last: usize,
    );
}

macro_rules! tiles {
    ($simd:ty $(, $feature:meta)?) => {
        impl Tiles for $simd {
            $(#[$feature])?
            #[inline(never)]
            unsafe fn tile<const R: usize, const V: usize, const FULL: bool>(
                p: &Outer,
                a: *const f32,
                b: *const f32,
                c: *mut f32,
                last: usize,
            ) {
                tile_body::<Self, R, V, FULL>(p, a, b, c, last)
            }
        }
    };
}
tiles!(Portable);
#[cfg(target_arch = "x86_64")]
tiles!(Avx2, target_feature(enable = "avx2,fma"));
#[cfg(target_arch = "x86_64")]
tiles!(Avx512, target_feature(enable = "avx2,fma,avx512f"));

#[inline(always)]
unsafe fn outer_tile<S: Tiles, const R: usize, const V: usize>(
    p: &Outer,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    last: usize,
) {
    if last == S::N { S::tile::<R, V, true>(p, a, b, c, last) } else { S::tile::<R, V, false>(p, a, b, c, last) }
}

#[inline(always)]
unsafe fn tile_body<S: Simd, const R: usize, const V: usize, const FULL: bool>(
    p: &Outer,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    last: usize,
) {
    let mut sum = [[S::zero(); V]; R];
    let mut a = a;
    for &offset in p.offsets {
        let b = b.add(offset);
        let mut row = [S::zero(); V];
        for v in 0..V {
            row[v] = if FULL || v + 1 < V { S::load(b.add(v * S::N)) } else { S::load_first(b.add(v * S::N), last) };
        }
        for i in 0..R {
            let x = S::splat(*a.add(i));
            for v in 0..V {
                sum[i][v] = S::mul_add(x, row[v], sum[i][v]);
            }
        }
        a = a.add(R);
    }
    for i in 0..R {
        for v in 0..V {
            let at = c.add(i * p.stride_c + v * S::N);
            let whole = FULL || v + 1 < V;
            if p.store == Store::Add {
                let old = if whole { S::load(at) } else { S::load_first(at, last) };
                sum[i][v] = S::mul_add(S::splat(1.0), old, sum[i][v]);
            }
            if whole { S::store(at, sum[i][v]) } else { S::store_first(at, sum[i][v], last) }
        }
    }
}
