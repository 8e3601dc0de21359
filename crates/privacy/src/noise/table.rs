//! A fast sampler: strips under the bell, a table, and exact arithmetic where the table does not decide.
//!
//! Non-negative integers are cut into strips `k w .. (k + 1) w`. Write rho(x) = exp(-x^2 / 2 sigma^2). A strip has
//! two integers: a height of at least `2^32 rho` at its first integer, and an inner height of at most `2^32 rho` at
//! its last. A draw
//!
//! 1. takes a strip with probability in proportion to its height (all are equally wide), and with it an integer u,
//!    uniform below the height: together a uniform integer below the sum of all heights;
//! 2. takes x uniform in the strip;
//! 3. keeps x if u plus a uniform fraction is below `2^32 rho(x)`, and begins again if not.
//!
//! Step 3 keeps x with probability `2^32 rho(x)` over the height, and x came up in proportion to the height, so
//! that what is kept has probabilities in proportion to rho(x) exactly, however well or badly the heights fit. Only
//! speed depends on them: u below the inner height is decided by the table, which happens for all but 1 in 600
//! draws; otherwise bits of the fraction are drawn and compared with ever finer bounds on rho until the answer is
//! certain ([`exponential::below`]). Beyond the last strip, at 6.5 sigma, strips are at least sigma wide and their
//! heights halve, as rho does there at least.
//!
//! A fair coin gives the sign; a negative zero begins again, so that zero is not counted twice.
//!
//! Draws beyond 100 sigma, which have a probability below 1e-2000, begin again too: results are i64.

use super::Variance;
use super::exponential::{self, bounds};
use crate::{Error, Result};
use num_bigint::BigUint;
use rand::Rng;

/// Strips a sigma.
const FINENESS: u64 = 512;
/// Heights are in units of 2^-32.
const BITS: u32 = 32;
/// Fixed point in which the table is made.
const POINT: u32 = 62;
/// Entries of the index into the table.
const INDEX: u64 = 4096;
/// Strips beyond the table that are drawn from.
const FARTHEST: u32 = 90;

/// Draws from a discrete Gaussian. Making one takes about a millisecond, a draw two random 64-bit numbers and some
/// ten nanoseconds.
///
/// ```
/// use imfl_privacy::noise::{DiscreteGaussian, Variance};
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha20Rng;
///
/// # fn main() -> imfl_privacy::Result<()> {
/// // Clients' contributions are integers of length at most 2^38, and the noise multiplier is 0.8.
/// let gaussian = DiscreteGaussian::new(Variance::scaled(0.8, 1 << 38)?);
/// let mut sums = vec![0i64; 1000];
/// gaussian.add(&mut sums, &mut ChaCha20Rng::seed_from_u64(1))?;
/// assert!(sums.iter().all(|x| x.abs() < 6 << 38));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DiscreteGaussian {
    variance: Variance,
    /// Integers a strip.
    width: u64,
    /// Sums of the heights of the strips before each, and of all.
    before: Vec<u64>,
    /// Inner heights.
    inner: Vec<u32>,
    /// The strip in which the smallest number with these leading digits lies.
    index: Vec<u32>,
    /// Digits that are not leading.
    shift: u32,
    /// Strips beyond the table: their width, and the height of the first.
    outer: (u64, u64),
    /// The heights of all strips, in strips of the table.
    total: u64,
}

impl DiscreteGaussian {
    /// A sampler for a variance.
    pub fn new(variance: Variance) -> Self {
        let above = variance.sigma() + 1;
        let width = (above / FINENESS).max(1);
        let strips = (13 * above).div_ceil(2 * width) as usize;
        let rho = Rho::new(&variance, width, strips);
        let mut before = vec![0];
        for k in 0..strips {
            before.push(before[k] + rho.at_most(k));
        }
        // The last integer of a strip one wide is its first; of others, the next strip's first is a bound.
        let inner = (0..strips).map(|k| rho.at_least(if width == 1 { k } else { k + 1 })).collect();
        let outer = (width * above.div_ceil(width), rho.at_most(strips));
        // Heights halve: their sum is twice the first.
        let total = before[strips] + 2 * (outer.0 / width) * outer.1;
        let shift = (64 - total.leading_zeros()).saturating_sub(INDEX.ilog2());
        let mut strip = 0;
        let index = (0..=before[strips] >> shift).map(|digits| {
            while strip + 1 < strips && before[strip + 1] <= digits << shift {
                strip += 1;
            }
            strip as u32
        });
        let index = index.collect();
        Self { variance, width, before, inner, index, shift, outer, total }
    }

    /// sigma^2.
    pub fn variance(&self) -> &Variance {
        &self.variance
    }

    /// Draws one integer.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> i64 {
        loop {
            let Some(x) = self.magnitude(rng) else { continue };
            match x {
                (0, true) => {}
                // Below 100 sigma, which is below 2^62.
                (x, negative) => return if negative { -(x as i64) } else { x as i64 },
            }
        }
    }

    /// Adds a draw to each of the sums.
    ///
    /// # Errors
    /// A sum that leaves 64 bits. Sums before it have their noise, those from it on do not: release none.
    pub fn add<R: Rng + ?Sized>(&self, sums: &mut [i64], rng: &mut R) -> Result<()> {
        for (index, sum) in sums.iter_mut().enumerate() {
            let noise = self.sample(rng);
            *sum = sum.checked_add(noise).ok_or(Error::Overflow { index, value: *sum, noise })?;
        }
        Ok(())
    }

    /// One try: a magnitude and whether it is negative, or nothing.
    fn magnitude<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<(u64, bool)> {
        let drawn = uniform(rng, self.total);
        if drawn >= self.before[self.inner.len()] {
            return self.outer(rng, drawn);
        }
        let mut strip = self.index[(drawn >> self.shift) as usize] as usize;
        while self.before[strip + 1] <= drawn {
            strip += 1;
        }
        let u = drawn - self.before[strip];
        let (offset, negative) = uniform_and_coin(rng, self.width);
        let x = strip as u64 * self.width + offset;
        let kept = u < u64::from(self.inner[strip]) || self.decide(rng, u, BITS, x);
        kept.then_some((x, negative))
    }

    /// One try beyond the table, where a number above all heights of the table led.
    #[cold]
    fn outer<R: Rng + ?Sized>(&self, rng: &mut R, drawn: u64) -> Option<(u64, bool)> {
        let (width, height) = self.outer;
        let strip = rng.next_u64().trailing_ones();
        let strip = if strip == u64::BITS { strip + rng.next_u64().trailing_ones() } else { strip };
        if strip > FARTHEST {
            return None;
        }
        let (offset, negative) = uniform_and_coin(rng, width);
        let x = self.inner.len() as u64 * self.width + u64::from(strip) * width + offset;
        // What is left of the number is uniform below a multiple of the height.
        let u = (drawn - self.before[self.inner.len()]) % height;
        self.decide(rng, u, BITS + strip, x).then_some((x, negative))
    }

    /// Whether u plus a uniform fraction, in units of 2^-bits, is below rho(x).
    #[cold]
    fn decide<R: Rng + ?Sized>(&self, rng: &mut R, u: u64, bits: u32, x: u64) -> bool {
        exponential::below(rng, u, u64::from(bits), &self.variance.exponent(x))
    }
}

/// A uniform integer below `bound` (Lemire 2019): no multiple of 2^64 / bound is favoured.
fn uniform<R: Rng + ?Sized>(rng: &mut R, bound: u64) -> u64 {
    loop {
        let wide = u128::from(rng.next_u64()) * u128::from(bound);
        let low = wide as u64;
        if low >= bound || low >= bound.wrapping_neg() % bound {
            return (wide >> 64) as u64;
        }
    }
}

/// A uniform integer below `bound`, which is below 2^63, and a fair coin, from one number where possible.
fn uniform_and_coin<R: Rng + ?Sized>(rng: &mut R, bound: u64) -> (u64, bool) {
    loop {
        let drawn = rng.next_u64();
        let wide = u128::from(drawn >> 1) * u128::from(bound);
        let low = wide as u64 & (u64::MAX >> 1);
        if low >= bound || low >= (1 << 63) % bound {
            return ((wide >> 63) as u64, drawn & 1 == 1);
        }
    }
}

/// Bounds on rho at the first integer of each strip, in fixed point, rounded down and up.
struct Rho(Vec<(u64, u64)>);

impl Rho {
    /// With g = exp(-w^2 / 2 sigma^2): rho of strip k + 1 is rho of strip k times g^(2 k + 1). Bounds spread by k^2
    /// / 2 units of 2^-62 at most.
    fn new(variance: &Variance, width: u64, strips: usize) -> Self {
        let (a, b) = variance.exponent(width);
        let one = 1u64 << POINT;
        // At most 2^62 + 2, as far as `bounds` goes.
        let number = |x: BigUint| u64::try_from(&x).unwrap_or(one).min(one);
        let pair = |(low, high): (BigUint, BigUint)| (number(low), number(high));
        let mut step = pair(bounds(&a, &b, u64::from(POINT)));
        let twice = pair(bounds(&(a << 1u8), &b, u64::from(POINT)));
        let times = |x: (u64, u64), y: (u64, u64)| {
            let product = |x: u64, y: u64| ((u128::from(x) * u128::from(y)) >> POINT) as u64;
            (product(x.0, y.0), product(x.1, y.1) + 1)
        };
        let mut rho = vec![(one, one)];
        for k in 0..strips {
            let next = times(rho[k], step);
            // It never grows.
            rho.push((next.0, next.1.min(rho[k].1)));
            step = times(step, twice);
        }
        Self(rho)
    }

    /// At least 1, in units of 2^-32.
    fn at_most(&self, strip: usize) -> u64 {
        self.0[strip].1.div_ceil(1 << (POINT - BITS)).max(1)
    }

    /// In units of 2^-32, and below 2^32.
    fn at_least(&self, strip: usize) -> u32 {
        u32::try_from(self.0[strip].0 >> (POINT - BITS)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// 2^32 rho(x) is at most `height`, in this unit, or at least.
    fn compared(variance: &Variance, x: u64, height: u64, at_most: bool) -> bool {
        let (a, b) = variance.exponent(x);
        let (low, high) = bounds(&a, &b, u64::from(BITS) + 100);
        let height = BigUint::from(height) << 100u8;
        // Equal where rho is 1; otherwise a hundred more digits decide.
        if x == 0 {
            if at_most { height >= BigUint::from(1u8) << 132u8 } else { height <= BigUint::from(1u8) << 132u8 }
        } else if at_most {
            high <= height
        } else {
            height <= low
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn heights_are_bounds(
            numerator in 1u128..,
            denominator in 1u128..1 << 40,
            shrink in 0u32..127,
            place in 0.0f64..1.0,
        ) {
            let Ok(variance) = Variance::new((numerator >> shrink).max(1), denominator) else { return Ok(()) };
            let gaussian = DiscreteGaussian::new(variance.clone());
            let strip = (place * gaussian.inner.len() as f64) as usize;
            let (first, last) = (strip as u64 * gaussian.width, (strip as u64 + 1) * gaussian.width - 1);
            let height = gaussian.before[strip + 1] - gaussian.before[strip];
            prop_assert!(compared(&variance, first, height, true));
            prop_assert!(compared(&variance, last, gaussian.inner[strip].into(), false));
            // Beyond the table: the first strip's height, and its halves.
            let (width, height) = gaussian.outer;
            let end = gaussian.inner.len() as u64 * gaussian.width;
            prop_assert!(compared(&variance, end, height, true));
            for j in 1..8 {
                let (a, b) = variance.exponent(end + j * width);
                let (_, high) = bounds(&a, &b, 32 + 100);
                prop_assert!(high <= (BigUint::from(height) << 100u8 >> j) + 2u8);
            }
            // The index points at the strip or before it, never behind.
            for (digits, strip) in gaussian.index.iter().enumerate() {
                prop_assert!(gaussian.before[*strip as usize] <= (digits as u64) << gaussian.shift);
            }
            prop_assert_eq!(gaussian.before.len(), gaussian.inner.len() + 1);
            prop_assert!(gaussian.inner.len() as u64 * gaussian.width >= 6 * variance.sigma());
        }

        #[test]
        fn uniform_integers_are_below(bound in 1u64..1 << 62, seed: u64) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            prop_assert!(uniform(&mut rng, bound) < bound && uniform_and_coin(&mut rng, bound).0 < bound);
        }
    }

    /// Draws are part of the format of stored runs.
    #[test]
    fn the_same_bits_give_the_same_draws() {
        let gaussian = DiscreteGaussian::new(Variance::scaled(0.8, 1 << 38).unwrap());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<i64> = (0..4).map(|_| gaussian.sample(&mut rng)).collect();
        assert_eq!(draws, FIRST_DRAWS);
    }

    const FIRST_DRAWS: [i64; 4] = [-115_998_641_370, 183_489_302_472, 80_191_596_360, 134_927_536_739];

    #[test]
    fn beyond_the_table_draws_go_on() {
        let gaussian = DiscreteGaussian::new(Variance::new(100, 1).unwrap());
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let start = gaussian.before[gaussian.inner.len()];
        let kept: Vec<u64> =
            (0..200_000).filter_map(|k| gaussian.outer(&mut rng, start + k % 100)).map(|(x, _)| x).collect();
        let end = gaussian.inner.len() as u64;
        assert!(kept.iter().all(|x| *x >= end) && kept.iter().any(|x| *x > end + 3));
        // rho(end + 1) / rho(end) = exp(-(2 end + 1) / 200).
        let count = |x| kept.iter().filter(|k| **k == x).count() as f64;
        let expected = (-(2.0 * end as f64 + 1.0) / 200.0).exp();
        let found = count(end + 1) / count(end);
        assert!((found / expected - 1.0).abs() < 6.0 / count(end + 1).sqrt(), "{found} {expected} {}", kept.len());
    }

    #[test]
    fn a_full_sum_says_so() {
        let gaussian = DiscreteGaussian::new(Variance::new(1 << 60, 1).unwrap());
        let mut sums = [0, i64::MAX, i64::MIN, i64::MAX, i64::MIN];
        let error = gaussian.add(&mut sums, &mut ChaCha8Rng::seed_from_u64(1)).unwrap_err();
        assert!(matches!(error, Error::Overflow { index: 1..5, .. }), "{error}");
    }
}
