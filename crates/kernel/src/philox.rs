//! Philox 4x32-10, a counter-based generator (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"): a block of four words is
//! a function of a key and a counter, so that any of them can be made anywhere, in any order, by any number of threads.

use crate::simd::dispatch;

/// What the two products multiply by.
pub const FACTORS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What the key grows by in a round.
pub const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// Rounds of the recommended variant.
pub const ROUNDS: usize = 10;

/// Blocks that are made side by side, so that the compiler makes vectors of them.
const LANES: usize = 16;
/// Draws of 16 bits in a block.
const DRAWS: usize = 8;

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

/// Fills values with what `made` makes of each block of the counters `[0, 0, number, 0]`, `[1, 0, number, 0]`, ...
#[inline(always)]
pub(crate) fn blocks(values: &mut [f32], number: u32, key: [u32; 2], made: impl Fn([u32; 4]) -> [f32; 4]) {
    for (place, values) in values.chunks_mut(4 * LANES).enumerate() {
        let words = some_blocks((place * LANES) as u32, number, key);
        for (lane, values) in values.chunks_mut(4).enumerate() {
            let block = made(words.each_ref().map(|word| word[lane]));
            values.copy_from_slice(&block[..values.len()]);
        }
    }
}

/// The blocks from the counter `[first, 0, number, 0]` on, word by word.
#[inline(always)]
fn some_blocks(first: u32, number: u32, key: [u32; 2]) -> [[u32; LANES]; 4] {
    let numbers = std::array::from_fn(|lane| first.wrapping_add(lane as u32));
    lanes::<LANES>([numbers, [0; LANES], [number; LANES], [0; LANES]], key)
}

dispatch! {
    /// Multiplies by a dropout mask: each value by 0 if its 16-bit draw is below `threshold`, else by `keep`. The draws are the blocks of the
    /// counters `[0, 0, number, 0]`, `[1, 0, number, 0]`, ..., each word's low half before its high one.
    ///
    /// Integers: every instruction set draws the same mask.
    pub fn mask(values: &mut [f32], number: u32, key: [u32; 2], threshold: u32, keep: f32) = mask_body, plain
}

#[inline(always)]
fn mask_body(values: &mut [f32], number: u32, key: [u32; 2], threshold: u32, keep: f32) {
    for (place, values) in values.chunks_mut(DRAWS * LANES).enumerate() {
        let words = some_blocks((place * LANES) as u32, number, key);
        let mut all = [0.0; DRAWS * LANES];
        for (lane, block) in all.as_chunks_mut::<DRAWS>().0.iter_mut().enumerate() {
            for (pair, word) in block.as_chunks_mut::<2>().0.iter_mut().zip(&words) {
                *pair = [word[lane] & 0xFFFF, word[lane] >> 16].map(|draw| if draw < threshold { 0.0 } else { keep });
            }
        }
        for (value, factor) in values.iter_mut().zip(&all) {
            *value *= factor;
        }
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
    fn a_mask_is_made_of_the_halves_of_the_blocks_in_order_on_every_instruction_set() {
        let (key, number, threshold) = ([7, 11], 3, 20_000);
        for count in [0, 1, 8, 127, 128, 129, 300] {
            let mut found: Vec<f32> = (0..count).map(|place| place as f32 - 2.5).collect();
            let (values, mut portable) = (found.clone(), found.clone());
            mask(&mut found, number, key, threshold, 1.5);
            mask_body(&mut portable, number, key, threshold, 1.5);
            let words = (0..).flat_map(|place| block([place, 0, number, 0], key));
            let draws = words.flat_map(|word| [word & 0xFFFF, word >> 16]).take(count);
            let factors = draws.map(|draw| if draw < threshold { 0.0 } else { 1.5 });
            let expected: Vec<f32> = values.iter().zip(factors).map(|(value, factor)| value * factor).collect();
            assert_eq!((&found, &portable), (&expected, &expected));
        }
    }
}
