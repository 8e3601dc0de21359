//! AVX2 with FMA, and AVX-512.

use super::lanes::{Lanes8, Simd};
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

/// The sums of the lanes of four vectors.
#[inline(always)]
unsafe fn sums8(v: [__m256; 4]) -> __m128 {
    let pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs))
}

/// Floats `4 t ..` and `4 (t + 4) ..` in one vector.
#[inline(always)]
unsafe fn pair(p: *const f32, t: usize) -> __m256 {
    let low = _mm256_castps128_ps256(_mm_loadu_ps(p.add(4 * t)));
    _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(p.add(4 * t + 16)))
}

/// The four floats at places `t` and `t + 4` in one vector.
#[inline(always)]
unsafe fn pair_at(p: *const f32, at: &[usize; 8], t: usize) -> __m256 {
    let low = _mm256_castps128_ps256(_mm_loadu_ps(p.add(at[t])));
    _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(p.add(at[t + 4])))
}

impl Simd for Avx2 {
    const N: usize = 8;
    const DOTS: usize = 3;
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
    unsafe fn store_sums(p: *mut f32, v: [__m256; 4]) {
        _mm_storeu_ps(p, sums8(v));
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
    unsafe fn load_bytes(p: *const u8) -> __m256 {
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p.cast())))
    }
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
    unsafe fn split2(p: *const f32) -> [__m256; 2] {
        let (a, b) = (_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8)));
        // Halves of the lanes lie as a, b, a, b.
        let order = |v: __m256| _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(v)));
        [order(_mm256_shuffle_ps::<0x88>(a, b)), order(_mm256_shuffle_ps::<0xDD>(a, b))]
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
    unsafe fn gather4_of_6(p: *const f32, at: &[usize; 8]) -> [__m256; 6] {
        let [d0, d1, d2, d3] = Self::gather4(p, at);
        let next = p.add(4);
        let l01 = _mm256_unpacklo_ps(pair_at(next, at, 0), pair_at(next, at, 1));
        let l23 = _mm256_unpacklo_ps(pair_at(next, at, 2), pair_at(next, at, 3));
        [d0, d1, d2, d3, _mm256_shuffle_ps::<0x44>(l01, l23), _mm256_shuffle_ps::<0xEE>(l01, l23)]
    }
    #[inline(always)]
    unsafe fn gather4(p: *const f32, at: &[usize; 8]) -> [__m256; 4] {
        transpose4(pair_at(p, at, 0), pair_at(p, at, 1), pair_at(p, at, 2), pair_at(p, at, 3))
    }
    #[inline(always)]
    unsafe fn scatter4(p: *mut f32, at: &[usize; 8], v: [__m256; 4]) {
        let rows = transpose4(v[0], v[1], v[2], v[3]);
        for (t, row) in rows.into_iter().enumerate() {
            _mm_storeu_ps(p.add(at[t]), _mm256_castps256_ps128(row));
            _mm_storeu_ps(p.add(at[t + 4]), _mm256_extractf128_ps::<1>(row));
        }
    }
    #[inline(always)]
    unsafe fn scatter4_add(p: *mut f32, at: &[usize; 8], v: [__m256; 4]) {
        let rows = transpose4(v[0], v[1], v[2], v[3]);
        for (t, row) in rows.into_iter().enumerate() {
            let (low, high) = (p.add(at[t]), p.add(at[t + 4]));
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
    const DOTS: usize = 4;
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
    unsafe fn store_sums(p: *mut f32, v: [__m512; 4]) {
        let half = |v: __m512| {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
            _mm256_add_ps(_mm512_castps512_ps256(v), high)
        };
        _mm_storeu_ps(p, sums8([half(v[0]), half(v[1]), half(v[2]), half(v[3])]));
    }
    #[inline(always)]
    unsafe fn sum(v: __m512) -> f32 {
        _mm512_reduce_add_ps(v)
    }
}
