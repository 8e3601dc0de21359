//! Exact sums of weighted differences, which do not depend on the order of their terms.
//!
//! Each difference is rounded once to a multiple of 2^-40 and added as a 64-bit integer.

use crate::simd::dispatch;

/// One unit of the sums, 2^-40.
pub const UNIT: f64 = 1.0 / (1u64 << 40) as f64;
/// Differences below this bound convert without loss of range: 2^11 in units of 2^-40.
pub const LIMIT: f64 = 2048.0;
/// Adding this to a number below [`LIMIT`] leaves its nearest multiple of 2^-40 in the low bits of the sum.
const MAGIC: f64 = 6144.0;

dispatch! {
    /// Adds `sign * share * (model - base)`, `sign` being 1 or -1, to each sum, in units of [`UNIT`]; says whether every
    /// difference was below [`LIMIT`], which those that are not finite are not. Whatever was added, the same call with
    /// the other sign takes away. Slices that are longer than the shortest are not looked at beyond it.
    ///
    /// Integers: every instruction set gives the same sums.
    pub fn accumulate(sums: &mut [i64], base: &[f32], model: &[f32], share: f64, sign: i64) -> bool
        = accumulate_body, plain
}

/// Without branches, so that the compiler makes vectors of it.
#[inline(always)]
fn accumulate_body(sums: &mut [i64], base: &[f32], model: &[f32], share: f64, sign: i64) -> bool {
    let mut bounded = true;
    for ((sum, &model), &base) in sums.iter_mut().zip(model).zip(base) {
        let difference = f64::from(model) - f64::from(base);
        bounded &= difference.abs() < LIMIT;
        let contribution = ((share * difference + MAGIC).to_bits() as i64).wrapping_sub(MAGIC.to_bits() as i64);
        *sum = if sign > 0 { sum.wrapping_add(contribution) } else { sum.wrapping_sub(contribution) };
    }
    bounded
}

dispatch! {
    /// The sum of the squares of `model - base`, rounded: at most [`squares_error`] of itself from the true one. Not finite if a
    /// difference is not.
    ///
    /// Eight sums side by side, in one order: every instruction set gives the same number.
    pub fn squares(base: &[f32], model: &[f32]) -> f64 = squares_body, plain
}

/// How far [`squares`] of so many values may be off, relative to the true sum: each difference and each square is rounded once,
/// and each of the eight sums as often as it has terms.
pub fn squares_error(values: usize) -> f64 {
    (values / LANES + LANES + 4) as f64 * f64::EPSILON
}

/// Sums side by side.
const LANES: usize = 8;

#[inline(always)]
fn squares_body(base: &[f32], model: &[f32]) -> f64 {
    let mut sums = [0.0; LANES];
    let (base, base_rest) = base.as_chunks::<LANES>();
    let (model, model_rest) = model.as_chunks::<LANES>();
    for (base, model) in base.iter().zip(model) {
        for lane in 0..LANES {
            let difference = f64::from(model[lane]) - f64::from(base[lane]);
            sums[lane] += difference * difference;
        }
    }
    for (lane, (base, model)) in base_rest.iter().zip(model_rest).enumerate() {
        let difference = f64::from(*model) - f64::from(*base);
        sums[lane] += difference * difference;
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_add_up_whatever_the_length() {
        for length in [0, 1, 7, 8, 9, 1000, 1003] {
            let model: Vec<f32> = (0..length).map(|i| (i % 13) as f32 * 0.5).collect();
            // Multiples of 1/4 below 2^53: exact in any order.
            let expected: f64 = model.iter().map(|value| f64::from(*value).powi(2)).sum();
            assert_eq!(squares(&vec![0.0; length], &model), expected);
        }
        assert!(squares(&[0.0], &[f32::NAN]).is_nan() && squares(&[0.0], &[f32::INFINITY]).is_infinite());
        assert!(squares_error(1 << 20) < 1e-10);
    }

    #[test]
    fn sums_are_multiples_of_the_unit_and_can_be_taken_away_again() {
        let (base, model) = ([0.0f32, 1.0, -2.0, 0.5, 7.0], [0.25f32, 1.5, f32::NAN, 3000.0, f32::NEG_INFINITY]);
        let mut sums = [3, -5, 7, -11, 13];
        assert!(accumulate(&mut sums[..2], &base[..2], &model[..2], 0.5, 1));
        assert_eq!(sums[..2], [3 + (1 << 37), -5 + (1 << 38)]);
        assert!(!accumulate(&mut sums, &base, &model, 0.5, 1), "a difference that is too large or not finite");
        accumulate(&mut sums, &base, &model, 0.5, -1);
        assert_eq!(sums, [3 + (1 << 37), -5 + (1 << 38), 7, -11, 13]);
    }
}
