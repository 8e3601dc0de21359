//! Philox 4x32-10, by which dropout and noise ([`crate::noise`]) are drawn: [`imfl_kernel::philox`] on the host, and the same bits on GPUs.

pub use imfl_kernel::philox::{block, mask};

/// The same on a GPU.
#[allow(missing_docs, reason = "of what the macros add")]
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub mod gpu {
    use cubecl::prelude::*;
    use imfl_kernel::philox::{FACTORS, ROUNDS, WEYL};

    /// A block.
    #[derive(CubeType, Clone, Copy)]
    pub struct Block {
        /// First word.
        pub a: u32,
        /// Second word.
        pub b: u32,
        /// Third word.
        pub c: u32,
        /// Fourth word.
        pub d: u32,
    }

    /// The block of the counter `[number, 0, draw, 0]`.
    #[cube]
    pub fn block(number: u32, draw: u32, first_key: u32, second_key: u32) -> Block {
        let mut a = number;
        let mut b = 0u32;
        let mut c = draw;
        let mut d = 0u32;
        let mut first = first_key;
        let mut second = second_key;
        for _ in 0..comptime!(ROUNDS as u32) {
            let low = a * comptime!(FACTORS[0]);
            let high = a.mul_hi(comptime!(FACTORS[0]));
            let other_low = c * comptime!(FACTORS[1]);
            let other_high = c.mul_hi(comptime!(FACTORS[1]));
            a = other_high ^ b ^ first;
            b = other_low;
            c = high ^ d ^ second;
            d = low;
            first += comptime!(WEYL[0]);
            second += comptime!(WEYL[1]);
        }
        Block { a, b, c, d }
    }
}
