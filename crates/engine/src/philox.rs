//! Philox 4x32-10, a counter-based generator (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"): a block of four words is
//! a function of a key and a counter, so that any of them can be made anywhere, in any order, by any number of threads. On the host and
//! on GPUs the bits are the same.

/// What the two products multiply by.
const FACTORS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What the key grows by in a round.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// Rounds of the recommended variant.
const ROUNDS: usize = 10;

/// Blocks that are made side by side, so that the compiler makes vectors of them.
const LANES: usize = 8;

/// The block of a counter.
pub fn block(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let lanes = lanes::<1>(counter.map(|word| [word]), key);
    lanes.map(|[word]| word)
}

/// So many blocks at once, word by word.
#[inline(always)]
fn lanes<const L: usize>(mut counter: [[u32; L]; 4], mut key: [u32; 2]) -> [[u32; L]; 4] {
    for _ in 0..ROUNDS {
        let [a, b, c, d] = counter;
        let product = |x: u32, factor: u32| u64::from(x) * u64::from(factor);
        for lane in 0..L {
            let (first, second) = (product(a[lane], FACTORS[0]), product(c[lane], FACTORS[1]));
            counter[0][lane] = (second >> 32) as u32 ^ b[lane] ^ key[0];
            counter[1][lane] = second as u32;
            counter[2][lane] = (first >> 32) as u32 ^ d[lane] ^ key[1];
            counter[3][lane] = first as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// Appends what `value` makes of so many 16-bit draws: the blocks of the counters `[0, 0, draw, 0]`, `[1, 0, draw, 0]`, ..., each word's low
/// half before its high one.
pub fn extend_halves<T>(values: &mut Vec<T>, count: usize, draw: u32, key: [u32; 2], value: impl Fn(u32) -> T) {
    let end = values.len() + count;
    values.reserve(count);
    for first in (0..count.div_ceil(8) as u32).step_by(LANES) {
        let numbers = std::array::from_fn(|lane| first.wrapping_add(lane as u32));
        let words = lanes::<LANES>([numbers, [0; LANES], [draw; LANES], [0; LANES]], key);
        let mut halves = [0u16; 8 * LANES];
        for (lane, block) in halves.chunks_exact_mut(8).enumerate() {
            for (pair, word) in block.chunks_exact_mut(2).zip(words) {
                (pair[0], pair[1]) = (word[lane] as u16, (word[lane] >> 16) as u16);
            }
        }
        values.extend(halves.iter().map(|half| value(u32::from(*half))));
    }
    values.truncate(end);
}

/// The same on a GPU.
#[allow(missing_docs, reason = "of what the macros add")]
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub mod gpu {
    use super::{FACTORS, ROUNDS, WEYL};
    use cubecl::prelude::*;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the authors' Random123 library, `kat_vectors`: counter, key, block.
    #[test]
    fn the_published_vectors() {
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        let known = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (pi, [0xa409_3822, 0x299f_31d0], [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
        ];
        for (counter, key, expected) in known {
            assert_eq!(block(counter, key), expected);
        }
    }

    #[test]
    fn halves_are_those_of_the_blocks_in_order() {
        let (key, draw) = ([7, 11], 3);
        for count in [0, 1, 8, 63, 64, 65, 200] {
            let mut halves = vec![1];
            extend_halves(&mut halves, count, draw, key, |half| half);
            let words = (0..).flat_map(|number| block([number, 0, draw, 0], key));
            let expected: Vec<u32> = words.flat_map(|word| [word & 0xFFFF, word >> 16]).take(count).collect();
            assert_eq!(halves[1..], expected);
        }
    }
}
