//! Normal values by Philox ([`crate::philox`]): a function of key, draw and place, the same bits on every device.
//!
//! Logarithms and roots differ between devices in their last bits, and some fuse a product with a sum. So a value is found in integers: 32 random
//! bits are a sign and a probability, the probability's leading bits choose a segment of the normal distribution's quantile function
//! and the rest goes along it in a straight line. Segments halve with the probability, 32 to an octave, so that tails are as fine as the middle: the
//! largest of all values is 6.3, and none is off by more than 2^-13 of a deviation.

use crate::philox::blocks;
use crate::simd::dispatch;
use std::sync::LazyLock;

/// Segments of an octave, as a power of two.
pub const SEGMENT_BITS: u32 = 5;
/// Values are multiples of 2^-21, so that all of them are f32 without rounding.
pub const SCALE: f32 = 1.0 / (1u32 << 21) as f32;
/// Octaves of the probability.
const OCTAVES: usize = 32;
/// All segments.
pub const SEGMENTS: usize = OCTAVES << SEGMENT_BITS;

/// Where each segment begins, and by how much the value falls along it, in multiples of [`SCALE`].
static QUANTILES: LazyLock<Vec<[u32; 2]>> = LazyLock::new(|| {
    let segments = 1u32 << SEGMENT_BITS;
    let value = |octave: usize, segment: u32| {
        let probability = f64::from(segments + segment) * 0.5f64.powi(octave as i32 + SEGMENT_BITS as i32 + 2);
        (upper_quantile(probability) / f64::from(SCALE)).round() as u32
    };
    let segment = |index: usize| {
        let (octave, segment) = (index >> SEGMENT_BITS, index as u32 % segments);
        let start = value(octave, segment);
        // The value falls as the probability rises.
        [start, start - value(octave, segment + 1)]
    };
    (0..SEGMENTS).map(segment).collect()
});

/// The table that a value is found by: [`SEGMENTS`] pairs.
pub fn quantiles() -> &'static [[u32; 2]] {
    &QUANTILES
}

/// The value that 32 random bits stand for.
#[inline(always)]
pub fn value(quantiles: &[[u32; 2]], word: u32) -> f32 {
    // An odd number below 2^32: twice the probability of what is further out.
    let odd = (word << 1) | 1;
    let octave = odd.leading_zeros();
    let mantissa = odd << octave;
    let segment = (mantissa >> (31 - SEGMENT_BITS)) & ((1 << SEGMENT_BITS) - 1);
    let along = mantissa << (SEGMENT_BITS + 1);
    let [start, fall] = quantiles[((octave << SEGMENT_BITS) + segment) as usize];
    let fallen = ((u64::from(fall) * u64::from(along)) >> 32) as u32;
    let size = (start - fallen) as f32 * SCALE;
    if word >> 31 == 0 { size } else { -size }
}

dispatch! {
    /// Independent normal values of mean 0 and deviation 1: those of the words of the blocks of the counters `[0, 0, number, 0]`,
    /// `[1, 0, number, 0]`, ..., in order. Integers until the end: every instruction set gives the same values.
    pub fn normals(values: &mut [f32], number: u32, key: [u32; 2]) = normals_body, plain
}

#[inline(always)]
fn normals_body(values: &mut [f32], number: u32, key: [u32; 2]) {
    let quantiles = quantiles();
    blocks(values, number, key, |words| words.map(|word| value(quantiles, word)));
}

/// The value that a standard normal variable exceeds with a probability of at most 1/2.
///
/// Hastings' approximation (Abramowitz and Stegun 26.2.23), mended by Newton's method on the logarithm of the probability; by functions whose bits
/// are the same on all platforms.
fn upper_quantile(probability: f64) -> f64 {
    if probability >= 0.5 {
        return 0.0;
    }
    let t = libm::sqrt(-2.0 * libm::log(probability));
    let above = 2.515517 + t * (0.802853 + t * 0.010328);
    let below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    let mut x = t - above / below;
    for _ in 0..4 {
        let tail = 0.5 * libm::erfc(x * std::f64::consts::FRAC_1_SQRT_2);
        let density = libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * std::f64::consts::PI);
        x += (libm::log(tail) - libm::log(probability)) * tail / density;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        // Tables of the distribution: P(Z > 1.2815515655446004) = 0.1 and so on.
        for (probability, expected) in [
            (0.5, 0.0),
            (0.4, 0.253_347_103_135_799_8),
            (0.1, 1.281_551_565_544_600_4),
            (0.025, 1.959_963_984_540_054),
            (0.001, 3.090_232_306_167_813),
            (1e-9, 5.997_807_015_007_686),
        ] {
            assert!((upper_quantile(probability) - expected).abs() < 1e-12, "{probability}");
        }
    }

    #[test]
    fn a_straight_line_is_never_far_from_the_quantile_and_falls() {
        let quantiles = quantiles();
        let mut last = f32::INFINITY;
        for word in (0..1u32 << 31).step_by(100_003).chain((0..31).map(|bit| 1 << bit)) {
            let found = value(quantiles, word);
            let exact = upper_quantile((f64::from(word) + 0.5) / f64::from(1u32 << 31) / 2.0);
            assert!((f64::from(found) - exact).abs() < 1.3e-4, "{word}: {found} for {exact}");
            assert_eq!(value(quantiles, word | 1 << 31), -found);
        }
        for word in (0..1u32 << 31).step_by(65_537) {
            let found = value(quantiles, word);
            assert!(found <= last, "{word}");
            last = found;
        }
        assert!((6.2..6.4).contains(&value(quantiles, 0)), "{}", value(quantiles, 0));
    }

    /// The four moments, and the largest distance of the distribution function, of a million values.
    #[test]
    fn values_are_distributed_normally() {
        let mut values = vec![0.0; 1 << 20];
        normals(&mut values, 7, [1, 2]);
        let count = values.len() as f64;
        let moment = |power: i32| values.iter().map(|&value| f64::from(value).powi(power)).sum::<f64>() / count;
        // Six standard errors of each.
        for (power, expected, variance) in [(1, 0.0, 1.0f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let off = (moment(power) - expected).abs();
            assert!(off < 6.0 * (variance / count).sqrt(), "moment {power} is off by {off}");
        }
        values.sort_unstable_by(f32::total_cmp);
        let below = |value: f32| 0.5 * libm::erfc(-f64::from(value) * std::f64::consts::FRAC_1_SQRT_2);
        let distance =
            values.iter().enumerate().map(|(rank, &value)| ((rank as f64 + 0.5) / count - below(value)).abs());
        let largest = distance.fold(0.0, f64::max);
        // Kolmogorov's distribution: beyond 2 once in 1,500 seeds.
        assert!(largest * count.sqrt() < 2.0, "{largest}");
    }

    #[test]
    fn a_value_is_where_it_is_whatever_is_asked_for_beside_it() {
        let mut all = vec![0.0; 301];
        normals(&mut all, 3, [5, 6]);
        for count in [1, 4, 5, 64, 65, 300] {
            let mut some = vec![0.0; count];
            normals(&mut some, 3, [5, 6]);
            assert_eq!(some, all[..count]);
        }
        for (place, &found) in all.iter().enumerate() {
            let block = crate::philox::block([(place / 4) as u32, 0, 3, 0], [5, 6]);
            assert_eq!(found, value(quantiles(), block[place % 4]));
        }
    }
}
