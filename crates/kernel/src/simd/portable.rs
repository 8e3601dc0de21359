//! Eight lanes in plain Rust, for machines without the others. On ARM of 64 bits, where NEON and its fused multiply-add are always there, the compiler
//! makes two NEON vectors of them.

use super::lanes::{Lanes8, Simd};

/// Eight lanes in plain Rust.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    const N: usize = 8;
    const DOTS: usize = 3;
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
            // Without the instruction, fusing is a call of a function.
            r[i] = if cfg!(target_arch = "aarch64") { a[i].mul_add(b[i], r[i]) } else { a[i] * b[i] + r[i] };
        }
        r
    }
    #[inline(always)]
    unsafe fn store_sums(p: *mut f32, v: [[f32; 8]; 4]) {
        for (i, v) in v.into_iter().enumerate() {
            *p.add(i) = Self::sum(v);
        }
    }
    #[inline(always)]
    unsafe fn sum(v: [f32; 8]) -> f32 {
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }
}

impl Lanes8 for Portable {
    #[inline(always)]
    unsafe fn load_bytes(p: *const u8) -> [f32; 8] {
        std::array::from_fn(|i| f32::from(*p.add(i)))
    }
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
    unsafe fn split2(p: *const f32) -> [[f32; 8]; 2] {
        std::array::from_fn(|j| std::array::from_fn(|t| *p.add(2 * t + j)))
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
    unsafe fn gather4_of_6(p: *const f32, at: &[usize; 8]) -> [[f32; 8]; 6] {
        std::array::from_fn(|j| std::array::from_fn(|t| *p.add(at[t] + j)))
    }
    #[inline(always)]
    unsafe fn gather4(p: *const f32, at: &[usize; 8]) -> [[f32; 8]; 4] {
        std::array::from_fn(|j| std::array::from_fn(|t| *p.add(at[t] + j)))
    }
    #[inline(always)]
    unsafe fn scatter4(p: *mut f32, at: &[usize; 8], v: [[f32; 8]; 4]) {
        for (t, at) in at.iter().enumerate() {
            for (j, v) in v.iter().enumerate() {
                *p.add(at + j) = v[t];
            }
        }
    }
    #[inline(always)]
    unsafe fn scatter4_add(p: *mut f32, at: &[usize; 8], v: [[f32; 8]; 4]) {
        for (t, at) in at.iter().enumerate() {
            for (j, v) in v.iter().enumerate() {
                *p.add(at + j) += v[t];
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
