//! Philox 4x32-10, by which dropout and noise ([`crate::noise`]) are drawn: [`imfl_kernel::philox`] on the host, and the same bits on GPUs.

pub use imfl_kernel::philox::{block, mask};

/// What all clients' dropout masks of one layer and step have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Which draw of its pass it is.
    pub number: u32,
    /// Activations whose 16 bits are below it are dropped.
    pub threshold: u32,
    /// What the others are multiplied by.
    pub keep: f32,
}

impl Draw {
    /// Nothing is dropped.
    pub const NONE: Self = Self { number: 0, threshold: 0, keep: 1.0 };

    /// Drops out of a client's activations by its key.
    pub fn mask(&self, values: &mut [f32], key: [u32; 2]) {
        mask(values, self.number, key, self.threshold, self.keep);
    }
}

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

    /// What a dropout mask multiplies the value at a place among its client's by, see [`mask`](crate::philox::mask).
    #[cube]
    pub fn factor(place: u32, draw: u32, first_key: u32, second_key: u32, threshold: u32, keep: f32) -> f32 {
        let words = block(place / 8u32, draw, first_key, second_key);
        let pair = place / 2u32 % 4u32;
        let first = select(pair == 0u32, words.a, words.b);
        let last = select(pair == 2u32, words.c, words.d);
        let word = select(pair < 2u32, first, last);
        let drawn = select((place & 1u32) == 0u32, word & 0xFFFFu32, word >> 16u32);
        select(drawn < threshold, 0.0f32, keep)
    }
}
