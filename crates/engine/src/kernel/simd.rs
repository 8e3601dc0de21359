//! Vector instruction sets, chosen when the program runs.
//!
//! A kernel is written once over [`Simd`] as an `#[inline(always)]` function and compiled three times by
//! [`dispatch!`]: for AVX-512, for AVX2 with FMA, and portably. Which copy runs is decided by [`level`].

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
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(v: Self::V) -> f32;
}

/// Eight lanes with the shuffles that the Winograd transforms need.
///
/// # Safety
/// As for [`Simd`].
pub trait Lanes8: Simd {
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
    /// Writes 16 floats: `p[2 t + j] = v[j][t]`.
    unsafe fn join2(p: *mut f32, v: [Self::V; 2]);
    /// `x` where `a < b`, else `y` (also where either is NaN).
    unsafe fn where_less(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// Every lane to the next one; lane 0 becomes zero.
    unsafe fn shift_up(v: Self::V) -> Self::V;
    /// Lane 7.
    unsafe fn top(v: Self::V) -> f32;
}

/// Eight lanes in plain Rust.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    const N: usize = 8;
    type V = [f32; 8];
    #[inline(always)]
    unsafe fn zero() -> [f32; 8] {
        [0.0; 8]
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 8] {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; 8] {
        p.cast::<[f32; 8]>().read_unaligned()
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> [f32; 8] {
        let mut v = [0.0; 8];
        for (i, v) in v.iter_mut().enumerate().take(n) {
            *v = *p.add(i);
        }
        v
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; 8]) {
        p.cast::<[f32; 8]>().write_unaligned(v);
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: [f32; 8], n: usize) {
        for (i, v) in v.iter().enumerate().take(n) {
            *p.add(i) = *v;
        }
    }
    #[inline(always)]
    unsafe fn mul_add(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        let mut r = c;
        for i in 0..8 {
            r[i] += a[i] * b[i];
        }
        r
    }
    #[inline(always)]
    unsafe fn sum(v: [f32; 8]) -> f32 {
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }
}

impl Lanes8 for Portable {
    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn split4_of_6(p: *const f32) -> [[f32; 8]; 6] {
        std::array::from_fn(|j| std::array::from_fn(|t| *p.add(4 * t + j)))
    }
    #[inline(always)]
    unsafe fn split4(p: *const f32) -> [[f32; 8]; 4] {
        std::array::from_fn(|j| std::array::from_fn(|t| *p.add(4 * t + j)))
    }
    #[inline(always)]
    unsafe fn join4(p: *mut f32, v: [[f32; 8]; 4]) {
        for t in 0..8 {
            for (j, v) in v.iter().enumerate() {
                *p.add(4 * t + j) = v[t];
            }
        }
    }
    #[inline(always)]
    unsafe fn join4_add(p: *mut f32, v: [[f32; 8]; 4]) {
        for t in 0..8 {
            for (j, v) in v.iter().enumerate() {
                *p.add(4 * t + j) += v[t];
            }
        }
    }
    #[inline(always)]
    unsafe fn join2(p: *mut f32, v: [[f32; 8]; 2]) {
        for t in 0..8 {
            *p.add(2 * t) = v[0][t];
            *p.add(2 * t + 1) = v[1][t];
        }
    }
    #[inline(always)]
    unsafe fn where_less(a: [f32; 8], b: [f32; 8], x: [f32; 8], y: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if a[i] < b[i] { x[i] } else { y[i] })
    }
    #[inline(always)]
    unsafe fn shift_up(v: [f32; 8]) -> [f32; 8] {
        [0.0, v[0], v[1], v[2], v[3], v[4], v[5], v[6]]
    }
    #[inline(always)]
    unsafe fn top(v: [f32; 8]) -> f32 {
        v[7]
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Lanes8, Simd};
    use std::arch::x86_64::*;

    /// AVX2 and FMA: eight lanes.
    #[derive(Clone, Copy)]
    pub struct Avx2;

    /// The first `n` of eight lanes.
    #[inline(always)]
    unsafe fn first8(n: usize) -> __m256i {
        let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lane)
    }

    /// Transposes four rows of two 4-float groups: lane `t` of output `j` is float `j` of group `t`.
    #[inline(always)]
    unsafe fn transpose4(b0: __m256, b1: __m256, b2: __m256, b3: __m256) -> [__m256; 4] {
        let (l01, h01) = (_mm256_unpacklo_ps(b0, b1), _mm256_unpackhi_ps(b0, b1));
        let (l23, h23) = (_mm256_unpacklo_ps(b2, b3), _mm256_unpackhi_ps(b2, b3));
        [
            _mm256_shuffle_ps::<0x44>(l01, l23),
            _mm256_shuffle_ps::<0xEE>(l01, l23),
            _mm256_shuffle_ps::<0x44>(h01, h23),
            _mm256_shuffle_ps::<0xEE>(h01, h23),
        ]
    }

    /// Floats `4 t ..` and `4 (t + 4) ..` in one vector.
    #[inline(always)]
    unsafe fn pair(p: *const f32, t: usize) -> __m256 {
        let low = _mm256_castps128_ps256(_mm_loadu_ps(p.add(4 * t)));
        _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(p.add(4 * t + 16)))
    }

    impl Simd for Avx2 {
        const N: usize = 8;
        type V = __m256;
        #[inline(always)]
        unsafe fn zero() -> __m256 {
            _mm256_setzero_ps()
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> __m256 {
            _mm256_set1_ps(x)
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m256 {
            _mm256_loadu_ps(p)
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> __m256 {
            _mm256_maskload_ps(p, first8(n))
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m256) {
            _mm256_storeu_ps(p, v);
        }
        #[inline(always)]
        unsafe fn store_first(p: *mut f32, v: __m256, n: usize) {
            _mm256_maskstore_ps(p, first8(n), v);
        }
        #[inline(always)]
        unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
            _mm256_fmadd_ps(a, b, c)
        }
        #[inline(always)]
        unsafe fn sum(v: __m256) -> f32 {
            let s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let s = _mm_add_ps(s, _mm_movehl_ps(s, s));
            _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps::<1>(s, s)))
        }
    }

    impl Lanes8 for Avx2 {
        #[inline(always)]
        unsafe fn add(a: __m256, b: __m256) -> __m256 {
            _mm256_add_ps(a, b)
        }
        #[inline(always)]
        unsafe fn sub(a: __m256, b: __m256) -> __m256 {
            _mm256_sub_ps(a, b)
        }
        #[inline(always)]
        unsafe fn mul(a: __m256, b: __m256) -> __m256 {
            _mm256_mul_ps(a, b)
        }
        #[inline(always)]
        unsafe fn split4_of_6(p: *const f32) -> [__m256; 6] {
            let (b0, b1, b2, b3) = (pair(p, 0), pair(p, 1), pair(p, 2), pair(p, 3));
            let b4 = pair(p, 4);
            let [d0, d1, d2, d3] = transpose4(b0, b1, b2, b3);
            let (l12, l34) = (_mm256_unpacklo_ps(b1, b2), _mm256_unpacklo_ps(b3, b4));
            let d4 = _mm256_shuffle_ps::<0x44>(l12, l34);
            let d5 = _mm256_shuffle_ps::<0xEE>(l12, l34);
            [d0, d1, d2, d3, d4, d5]
        }
        #[inline(always)]
        unsafe fn split4(p: *const f32) -> [__m256; 4] {
            transpose4(pair(p, 0), pair(p, 1), pair(p, 2), pair(p, 3))
        }
        #[inline(always)]
        unsafe fn join4(p: *mut f32, v: [__m256; 4]) {
            let rows = transpose4(v[0], v[1], v[2], v[3]);
            for (t, row) in rows.into_iter().enumerate() {
                _mm_storeu_ps(p.add(4 * t), _mm256_castps256_ps128(row));
                _mm_storeu_ps(p.add(4 * t + 16), _mm256_extractf128_ps::<1>(row));
            }
        }
        #[inline(always)]
        unsafe fn join4_add(p: *mut f32, v: [__m256; 4]) {
            let rows = transpose4(v[0], v[1], v[2], v[3]);
            for (t, row) in rows.into_iter().enumerate() {
                let (low, high) = (p.add(4 * t), p.add(4 * t + 16));
                _mm_storeu_ps(low, _mm_add_ps(_mm_loadu_ps(low), _mm256_castps256_ps128(row)));
                _mm_storeu_ps(high, _mm_add_ps(_mm_loadu_ps(high), _mm256_extractf128_ps::<1>(row)));
            }
        }
        #[inline(always)]
        unsafe fn join2(p: *mut f32, v: [__m256; 2]) {
            let (low, high) = (_mm256_unpacklo_ps(v[0], v[1]), _mm256_unpackhi_ps(v[0], v[1]));
            _mm256_storeu_ps(p, _mm256_permute2f128_ps::<0x20>(low, high));
            _mm256_storeu_ps(p.add(8), _mm256_permute2f128_ps::<0x31>(low, high));
        }
        #[inline(always)]
        unsafe fn where_less(a: __m256, b: __m256, x: __m256, y: __m256) -> __m256 {
            _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b))
        }
        #[inline(always)]
        unsafe fn shift_up(v: __m256) -> __m256 {
            let moved = _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 0, 1, 2, 3, 4, 5, 6));
            _mm256_blend_ps::<1>(moved, _mm256_setzero_ps())
        }
        #[inline(always)]
        unsafe fn top(v: __m256) -> f32 {
            let high = _mm256_extractf128_ps::<1>(v);
            _mm_cvtss_f32(_mm_shuffle_ps::<3>(high, high))
        }
    }

    /// AVX-512 F: sixteen lanes.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    #[inline(always)]
    fn first16(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }

    impl Simd for Avx512 {
        const N: usize = 16;
        type V = __m512;
        #[inline(always)]
        unsafe fn zero() -> __m512 {
            _mm512_setzero_ps()
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> __m512 {
            _mm512_set1_ps(x)
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m512 {
            _mm512_loadu_ps(p)
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> __m512 {
            _mm512_maskz_loadu_ps(first16(n), p)
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m512) {
            _mm512_storeu_ps(p, v);
        }
        #[inline(always)]
        unsafe fn store_first(p: *mut f32, v: __m512, n: usize) {
            _mm512_mask_storeu_ps(p, first16(n), v);
        }
        #[inline(always)]
        unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
            _mm512_fmadd_ps(a, b, c)
        }
        #[inline(always)]
        unsafe fn sum(v: __m512) -> f32 {
            _mm512_reduce_add_ps(v)
        }
    }
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
