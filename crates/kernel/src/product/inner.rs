//! Dot products of long rows.

use super::pack::Store;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd, dispatch};

/// `C[i][t] (+)= sum_p A[i * stride_a + p] * B[offsets[t] + p]` for `i < m`, `p < n`.
#[derive(Clone, Copy)]
pub struct Inner<'a> {
    /// Rows of `A`.
    pub m: usize,
    /// Length of the rows.
    pub n: usize,
    /// Distance between rows of `A`.
    pub stride_a: usize,
    /// Where each row of `B` starts.
    pub offsets: &'a [usize],
    /// Distance between rows of `C`.
    pub stride_c: usize,
    /// Overwrite or add.
    pub store: Store,
}

/// Runs an [`Inner`] product on slices.
pub fn inner(p: Inner, a: &[f32], b: &[f32], c: &mut [f32]) {
    if p.m == 0 || p.offsets.is_empty() {
        return;
    }
    assert!(a.len() >= (p.m - 1) * p.stride_a + p.n, "inner: A is too short");
    assert!(c.len() >= (p.m - 1) * p.stride_c + p.offsets.len(), "inner: C is too short");
    let last = p.offsets.iter().max().map_or(0, |last| last + p.n);
    assert!(b.len() >= last, "inner: B is too short");
    // SAFETY: the three assertions bound every access of `inner_body`.
    unsafe { inner_raw(p, a.as_ptr(), b.as_ptr(), c.as_mut_ptr()) }
}

dispatch! {
    /// [`inner`] on pointers.
    ///
    /// # Safety
    /// `a` holds `m` rows of `n` floats at `stride_a`, `b` holds `n` floats at each offset, `c` holds `m` rows of one
    /// float per offset at `stride_c`, and `c` overlaps neither.
    fn inner_raw(p: Inner, a: *const f32, b: *const f32, c: *mut f32) = inner_body, vectors
}

#[inline(always)]
unsafe fn inner_body<S: Tiles>(p: Inner, a: *const f32, b: *const f32, c: *mut f32) {
    let mut i = 0;
    while i < p.m {
        let r = (p.m - i).min(4);
        let mut t = 0;
        while t < p.offsets.len() {
            let w = (p.offsets.len() - t).min(S::DOTS);
            let (a, c) = (a.add(i * p.stride_a), c.add(i * p.stride_c + t));
            let rows = p.offsets.as_ptr().add(t);
            match (r, w) {
                (4, 4) => S::tile::<4, 4>(&p, a, b, rows, c),
                (4, 3) => S::tile::<4, 3>(&p, a, b, rows, c),
                (4, 2) => S::tile::<4, 2>(&p, a, b, rows, c),
                (4, _) => S::tile::<4, 1>(&p, a, b, rows, c),
                (3, 4) => S::tile::<3, 4>(&p, a, b, rows, c),
                (3, 3) => S::tile::<3, 3>(&p, a, b, rows, c),
                (3, 2) => S::tile::<3, 2>(&p, a, b, rows, c),
                (3, _) => S::tile::<3, 1>(&p, a, b, rows, c),
                (2, 4) => S::tile::<2, 4>(&p, a, b, rows, c),
                (2, 3) => S::tile::<2, 3>(&p, a, b, rows, c),
                (2, 2) => S::tile::<2, 2>(&p, a, b, rows, c),
                (2, _) => S::tile::<2, 1>(&p, a, b, rows, c),
                (_, 4) => S::tile::<1, 4>(&p, a, b, rows, c),
                (_, 3) => S::tile::<1, 3>(&p, a, b, rows, c),
                (_, 2) => S::tile::<1, 2>(&p, a, b, rows, c),
                _ => S::tile::<1, 1>(&p, a, b, rows, c),
            }
            t += w;
        }
        i += r;
    }
}

/// Register tiles as functions of their own: inlined into one another, they would lose registers to each other's
/// constants and spill sums.
trait Tiles: Simd {
    /// # Safety
    /// As for [`inner_raw`], for one tile, whose rows of `B` start at `rows`.
    unsafe fn tile<const R: usize, const T: usize>(
        p: &Inner,
        a: *const f32,
        b: *const f32,
        rows: *const usize,
        c: *mut f32,
    );
}

macro_rules! tiles {
    ($simd:ty $(, $feature:meta)?) => {
        impl Tiles for $simd {
            $(#[$feature])?
            #[inline(never)]
            unsafe fn tile<const R: usize, const T: usize>(
                p: &Inner,
                a: *const f32,
                b: *const f32,
                rows: *const usize,
                c: *mut f32,
            ) {
                tile_body::<Self, R, T>(p, a, b, rows, c)
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
unsafe fn tile_body<S: Simd, const R: usize, const T: usize>(
    p: &Inner,
    a: *const f32,
    b: *const f32,
    rows: *const usize,
    c: *mut f32,
) {
    let mut at = [b; T];
    for (t, at) in at.iter_mut().enumerate() {
        *at = b.add(*rows.add(t));
    }
    let mut sum = [[S::zero(); T]; R];
    let whole = p.n / S::N * S::N;
    let mut k = 0;
    while k < whole {
        let mut row = [S::zero(); T];
        for t in 0..T {
            row[t] = S::load(at[t].add(k));
        }
        for i in 0..R {
            let x = S::load(a.add(i * p.stride_a + k));
            for t in 0..T {
                sum[i][t] = S::mul_add(x, row[t], sum[i][t]);
            }
        }
        k += S::N;
    }
    if whole < p.n {
        let left = p.n - whole;
        let mut row = [S::zero(); T];
        for t in 0..T {
            row[t] = S::load_first(at[t].add(k), left);
        }
        for i in 0..R {
            let x = S::load_first(a.add(i * p.stride_a + k), left);
            for t in 0..T {
                sum[i][t] = S::mul_add(x, row[t], sum[i][t]);
            }
        }
    }
    for i in 0..R {
        // Four sums at once cost little more than one.
        let mut four = [S::zero(); 4];
        four[..T].copy_from_slice(&sum[i]);
        let mut sums = [0.0f32; 4];
        S::store_sums(sums.as_mut_ptr(), four);
        for t in 0..T {
            let c = c.add(i * p.stride_c + t);
            let old = if p.store == Store::Add { *c } else { 0.0 };
            *c = old + sums[t];
        }
    }
}
