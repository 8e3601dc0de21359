//! The two inner products that every kernel here is made of.
//!
//! [`outer`] adds rank-one updates to a tile of `C` held in registers (`C = A B` with `B` read in place through a
//! table of row starts, so that a convolution needs no column matrix). [`inner`] takes dot products of long rows
//! (`C = A B^T`), which is what weight gradients are. Both sum in an order that depends on the shapes alone.

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{Portable, Simd, dispatch};

/// Splits `m` rows into blocks of at most six, as even as can be: `(first row, rows)`.
///
/// Six rows by two vectors of sums, two vectors of `B` and one of `A` fit AVX2's sixteen registers and keep both
/// multiply-add ports busy; even blocks leave no narrow remainder, which would wait for its own results.
pub fn blocks(m: usize) -> impl Iterator<Item = (usize, usize)> {
    let n = m.div_ceil(6);
    (0..n).map(move |i| (i * m / n, (i + 1) * m / n - i * m / n))
}

/// Packs `a(i, k)`, `i < m`, `k < depth`, for [`outer`]: each of the [`blocks`] is stored `[depth][rows of the block]`.
pub fn pack(m: usize, depth: usize, packed: &mut [f32], a: impl Fn(usize, usize) -> f32) {
    for (first, rows) in blocks(m) {
        for (k, to) in packed[first * depth..][..rows * depth].chunks_exact_mut(rows).enumerate() {
            for (i, to) in to.iter_mut().enumerate() {
                *to = a(first + i, k);
            }
        }
    }
}

/// What a product does with the values already in `C`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Into {
    /// Overwrites them.
    Set,
    /// Adds to them.
    Add,
}

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
    pub into: Into,
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
    pub fn outer_raw(p: Outer, a: *const f32, b: *const f32, c: *mut f32) = outer_body, vectors
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
///
/// # Safety
/// As for [`outer_raw`] and [`inner_raw`], for one tile.
trait Tiles: Simd {
    unsafe fn outer<const R: usize, const V: usize, const FULL: bool>(
        p: &Outer,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        last: usize,
    );
    unsafe fn inner<const R: usize, const T: usize>(
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
            unsafe fn outer<const R: usize, const V: usize, const FULL: bool>(
                p: &Outer,
                a: *const f32,
                b: *const f32,
                c: *mut f32,
                last: usize,
            ) {
                outer_tile_body::<Self, R, V, FULL>(p, a, b, c, last)
            }
            $(#[$feature])?
            #[inline(never)]
            unsafe fn inner<const R: usize, const T: usize>(
                p: &Inner,
                a: *const f32,
                b: *const f32,
                rows: *const usize,
                c: *mut f32,
            ) {
                inner_tile_body::<Self, R, T>(p, a, b, rows, c)
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
    if last == S::N { S::outer::<R, V, true>(p, a, b, c, last) } else { S::outer::<R, V, false>(p, a, b, c, last) }
}

#[inline(always)]
unsafe fn outer_tile_body<S: Simd, const R: usize, const V: usize, const FULL: bool>(
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
            if p.into == Into::Add {
                let old = if whole { S::load(at) } else { S::load_first(at, last) };
                sum[i][v] = S::mul_add(S::splat(1.0), old, sum[i][v]);
            }
            if whole { S::store(at, sum[i][v]) } else { S::store_first(at, sum[i][v], last) }
        }
    }
}

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
    pub into: Into,
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
    pub fn inner_raw(p: Inner, a: *const f32, b: *const f32, c: *mut f32) = inner_body, vectors
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
                (4, 4) => S::inner::<4, 4>(&p, a, b, rows, c),
                (4, 3) => S::inner::<4, 3>(&p, a, b, rows, c),
                (4, 2) => S::inner::<4, 2>(&p, a, b, rows, c),
                (4, _) => S::inner::<4, 1>(&p, a, b, rows, c),
                (3, 4) => S::inner::<3, 4>(&p, a, b, rows, c),
                (3, 3) => S::inner::<3, 3>(&p, a, b, rows, c),
                (3, 2) => S::inner::<3, 2>(&p, a, b, rows, c),
                (3, _) => S::inner::<3, 1>(&p, a, b, rows, c),
                (2, 4) => S::inner::<2, 4>(&p, a, b, rows, c),
                (2, 3) => S::inner::<2, 3>(&p, a, b, rows, c),
                (2, 2) => S::inner::<2, 2>(&p, a, b, rows, c),
                (2, _) => S::inner::<2, 1>(&p, a, b, rows, c),
                (_, 4) => S::inner::<1, 4>(&p, a, b, rows, c),
                (_, 3) => S::inner::<1, 3>(&p, a, b, rows, c),
                (_, 2) => S::inner::<1, 2>(&p, a, b, rows, c),
                _ => S::inner::<1, 1>(&p, a, b, rows, c),
            }
            t += w;
        }
        i += r;
    }
}

#[inline(always)]
unsafe fn inner_tile_body<S: Simd, const R: usize, const T: usize>(
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
            let old = if p.into == Into::Add { *c } else { 0.0 };
            *c = old + sums[t];
        }
    }
}
