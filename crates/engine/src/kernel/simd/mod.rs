//! Vector instruction sets, chosen when the program runs.
//!
//! A kernel is written once over [`Simd`] as an `#[inline(always)]` function and compiled three times by
//! [`dispatch!`]: for AVX-512, for AVX2 with FMA, and portably. Which copy runs is decided by [`level`].

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

use std::sync::OnceLock;

/// An instruction set that this build has kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust, vectorised by the compiler for the build's baseline.
    Portable,
    /// AVX2 with fused multiply-add: 8 lanes.
    Avx2,
    /// AVX-512 F: 16 lanes in the inner products, 8 in the transforms.
    Avx512,
}

/// The best level of this machine.
///
/// `IMFL_SIMD=portable|avx2|avx512` lowers it, for tests and for measuring what a level is worth. A level that
/// the machine lacks is never chosen.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let best = detect();
        let wanted = match std::env::var("IMFL_SIMD").as_deref() {
            Ok("portable") => Level::Portable,
            Ok("avx2") => Level::Avx2,
            _ => best,
        };
        wanted.min(best)
    })
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    match (avx2, is_x86_feature_detected!("avx512f")) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Portable
}

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

/// Compiles `$body::<S>(args)` for every level and defines `$name(args)`, which runs the best one.
///
/// `vectors` gives `S` the widest vectors of the level; `lanes8` always eight lanes, for the transforms.
/// The defined function is `unsafe` with the contract of `$body`, less the machine's features.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident, vectors) => {
        dispatch!(@define $(#[$doc])* $vis $name($($arg: $ty),*) $body Avx512 "avx2,fma,avx512f");
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident, lanes8) => {
        dispatch!(@define $(#[$doc])* $vis $name($($arg: $ty),*) $body Avx2 "avx2,fma,avx512f");
    };
    (@define $(#[$doc:meta])* $vis:vis $name:ident($($arg:ident: $ty:ty),*) $body:ident $wide:ident $features:literal) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                unsafe fn avx2($($arg: $ty),*) {
                    $body::<$crate::kernel::simd::Avx2>($($arg),*)
                }
                #[target_feature(enable = $features)]
                #[allow(clippy::too_many_arguments)]
                unsafe fn avx512($($arg: $ty),*) {
                    $body::<$crate::kernel::simd::$wide>($($arg),*)
                }
                // Sound: `level` names only what the machine has; the rest is this function's own contract.
                match $crate::kernel::simd::level() {
                    $crate::kernel::simd::Level::Avx512 => return avx512($($arg),*),
                    $crate::kernel::simd::Level::Avx2 => return avx2($($arg),*),
                    $crate::kernel::simd::Level::Portable => {}
                }
            }
            $body::<$crate::kernel::simd::Portable>($($arg),*)
        }
    };
}
pub(crate) use dispatch;
