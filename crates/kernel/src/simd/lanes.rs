//! What a kernel asks of an instruction set.

/// A vector of `N` single-precision lanes.
///
/// # Safety
/// Every method requires that the running machine has the instruction set of the implementor, and every
/// pointer must be valid for the lanes that the method names.
pub trait Simd: Copy {
    /// Lanes in a vector.
    const N: usize;
    /// Rows of the second factor in a tile of dot products: with four of the first, what the registers hold.
    const DOTS: usize;
    /// The vector.
    type V: Copy;
    /// All lanes zero.
    unsafe fn zero() -> Self::V;
    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self::V;
    /// `N` lanes from `p`, unaligned.
    unsafe fn load(p: *const f32) -> Self::V;
    /// The first `n <= N` lanes from `p`, the others zero; touches only `n` floats.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// `N` lanes to `p`, unaligned.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// The first `n <= N` lanes to `p`; touches only `n` floats.
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    /// `a * b + c`.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The sums of the lanes of four vectors, each in a fixed order, to `p[0]`, ..., `p[3]`.
    unsafe fn store_sums(p: *mut f32, v: [Self::V; 4]);
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(v: Self::V) -> f32;
}

/// Eight lanes with the shuffles that the Winograd transforms need.
///
/// # Safety
/// As for [`Simd`].
pub trait Lanes8: Simd {
    /// Eight bytes from `p` as numbers.
    unsafe fn load_bytes(p: *const u8) -> Self::V;
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// Reads 36 floats as tiles of stride 4: `out[j][t] = p[4 t + j]` for `j < 6`, `t < 8`.
    unsafe fn split4_of_6(p: *const f32) -> [Self::V; 6];
    /// Reads 32 floats: `out[j][t] = p[4 t + j]` for `j < 4`, `t < 8`.
    unsafe fn split4(p: *const f32) -> [Self::V; 4];
    /// Reads 16 floats: `out[j][t] = p[2 t + j]` for `j < 2`, `t < 8`.
    unsafe fn split2(p: *const f32) -> [Self::V; 2];
    /// Writes 32 floats: `p[4 t + j] = v[j][t]`.
    unsafe fn join4(p: *mut f32, v: [Self::V; 4]);
    /// Adds to 32 floats: `p[4 t + j] += v[j][t]`.
    unsafe fn join4_add(p: *mut f32, v: [Self::V; 4]);
    /// [`Self::split4_of_6`] of tiles that are apart: `out[j][t] = p[at[t] + j]`; reads up to `p[at[t] + 7]`.
    unsafe fn gather4_of_6(p: *const f32, at: &[usize; 8]) -> [Self::V; 6];
    /// [`Self::split4`] of tiles that are apart: `out[j][t] = p[at[t] + j]`.
    unsafe fn gather4(p: *const f32, at: &[usize; 8]) -> [Self::V; 4];
    /// [`Self::join4`] of tiles that are apart: `p[at[t] + j] = v[j][t]`.
    unsafe fn scatter4(p: *mut f32, at: &[usize; 8], v: [Self::V; 4]);
    /// [`Self::join4_add`] of tiles that are apart: `p[at[t] + j] += v[j][t]`, tile after tile.
    unsafe fn scatter4_add(p: *mut f32, at: &[usize; 8], v: [Self::V; 4]);
    /// Writes 16 floats: `p[2 t + j] = v[j][t]`.
    unsafe fn join2(p: *mut f32, v: [Self::V; 2]);
    /// `x` where `a < b`, else `y` (also where either is NaN).
    unsafe fn where_less(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// Every lane to the next one; lane 0 becomes zero.
    unsafe fn shift_up(v: Self::V) -> Self::V;
    /// Lane 7.
    unsafe fn top(v: Self::V) -> f32;
}
