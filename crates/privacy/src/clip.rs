//! Bounds on what a client contributes: exact for integers, and one that finds its place (Andrew et al. 2021).

use crate::account::Event;
use crate::noise::{DiscreteGaussian, Variance};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Scales a vector of integers to a Euclidean length of at most `bound`. Says whether it was no longer than that
/// already, and has been left as it is.
///
/// Exact: the length is compared in integers, every value is scaled by one factor rounded down and cut towards
/// zero. What is returned is never longer than the bound, by not one unit, so that the noise's sensitivity is the
/// bound itself and the rounding of updates to integers, done before, costs nothing. (With values of 2^48 and
/// above, a vector that is shorter than the bound by less than a part in 2^40 may be scaled as well.)
///
/// ```
/// # use imfl_privacy::clip::clip;
/// let mut values = [300, -400];
/// assert!(!clip(&mut values, 50));
/// assert_eq!(values, [29, -39]);
/// assert!(clip(&mut values, 50));
/// ```
pub fn clip(values: &mut [i64], bound: u64) -> bool {
    // Squares of values below 2^48 add up in 128 bits, for up to 2^32 of them; larger ones lose their last digits
    // first.
    let largest = values.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
    let coarse = (64 - largest.leading_zeros()).saturating_sub(48);
    let squares: u128 = values.iter().map(|x| u128::from(x.unsigned_abs() >> coarse).pow(2)).sum();
    if coarse == 0 && squares <= u128::from(bound).pow(2) {
        return true;
    }
    // At least the length, in units of 2^coarse. What the shift cut off is below one such unit a value, by the
    // triangle inequality below the root of their number in all.
    let cut = if coarse == 0 { 0 } else { (values.len() as u128).isqrt() + 1 };
    let length = (squares.isqrt() + 1 + cut) << coarse;
    if length <= u128::from(bound) {
        return true;
    }
    // Below 2^62, since the bound is below the length; a product with 63 bits fits 128.
    let factor = (u128::from(bound) << 62) / length;
    for value in values {
        let scaled = ((u128::from(value.unsigned_abs()) * factor) >> 62) as i64;
        *value = if *value < 0 { -scaled } else { scaled };
    }
    false
}

/// A clipping bound that follows a quantile of the clients' lengths.
///
/// Every client says one bit, whether its update was within the bound; the server learns their sum with noise
/// ([`Self::count_noise`]) and moves the bound by `exp(-rate (share - quantile))`. The bits are part of what is
/// released: [`Self::update_noise`] says how much more noise the updates need to make up for them.
///
/// ```
/// use imfl_privacy::clip::AdaptiveClip;
///
/// # fn main() -> imfl_privacy::Result<()> {
/// let mut clip = AdaptiveClip::new(0.1, 0.5, 0.2, 100.0, 10.0)?;
/// let update_noise = clip.update_noise(1.0)?;
/// assert!(update_noise > 1.0 && update_noise < 1.002);
/// // A round in which 20 of 100 clients were within: votes of +1 and -1 add up to -60.
/// clip.step(20 - 80);
/// assert!(clip.bound() > 0.1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct AdaptiveClip {
    bound: f64,
    quantile: f64,
    rate: f64,
    cohort: f64,
    deviation: f64,
}

/// As it is stored, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    bound: f64,
    quantile: f64,
    rate: f64,
    cohort: f64,
    deviation: f64,
}

impl TryFrom<Stored> for AdaptiveClip {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        Self::new(stored.bound, stored.quantile, stored.rate, stored.cohort, stored.deviation)
    }
}

impl AdaptiveClip {
    /// A bound that begins at `bound` and follows `quantile` (0.5: the median; the paper's choice) at `rate` (0.2
    /// there). `cohort` is the expected number of clients in a round: fixed, since the true one is a secret of
    /// Poisson sampling. `deviation` is the noise's on the count of clients within the bound (a twentieth of the
    /// cohort there).
    ///
    /// # Errors
    /// A number that is not positive or not finite; a quantile outside \[0, 1\].
    pub fn new(bound: f64, quantile: f64, rate: f64, cohort: f64, deviation: f64) -> Result<Self> {
        for (name, value) in [("bound", bound), ("clip rate", rate), ("cohort", cohort), ("deviation", deviation)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a number above 0"));
            }
        }
        if !(0.0..=1.0).contains(&quantile) {
            return Err(Error::parameter("quantile", quantile, "from 0 to 1"));
        }
        let clip = Self { bound, quantile, rate, cohort, deviation };
        clip.count_noise()?;
        Ok(clip)
    }

    /// The same from another bound on.
    ///
    /// # Errors
    /// A bound that is not above 0.
    pub fn at(&self, bound: f64) -> Result<Self> {
        Self::new(bound, self.quantile, self.rate, self.cohort, self.deviation)
    }

    /// The bound of the coming round.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// What a client within the bound, or not, adds to the sum of votes: a client moves it by exactly 1 in length.
    pub fn vote(within: bool) -> i64 {
        if within { 1 } else { -1 }
    }

    /// The noise for the sum of votes: they count twice over, so that twice the deviation is that of the count.
    ///
    /// # Errors
    /// A deviation that cannot be drawn.
    pub fn count_noise(&self) -> Result<DiscreteGaussian> {
        Ok(DiscreteGaussian::new(Variance::scaled(2.0 * self.deviation, 1)?))
    }

    /// The noise multiplier of the updates with which they and the votes together are a release with multiplier
    /// `noise`: (noise^-2 - (2 deviation)^-2)^(-1/2), theorem 1.
    ///
    /// # Errors
    /// A noise that the votes alone fall short of.
    pub fn update_noise(&self, noise: f64) -> Result<f64> {
        Event::gaussian(noise)?;
        let left = noise.powi(-2) - (2.0 * self.deviation).powi(-2);
        if left > 0.0 {
            Ok(left.sqrt().recip())
        } else {
            Err(Error::parameter("deviation", self.deviation, "more than half the noise multiplier"))
        }
    }

    /// Moves the bound by the sum of votes with its noise; the share of clients within is taken of the expected cohort.
    pub fn step(&mut self, votes: i64) {
        let share = 0.5 * (votes as f64 / self.cohort + 1.0);
        // The same exponential on every machine. One step moves by a factor of e^10 at most, however the noise fell.
        let power = (-self.rate * (share - self.quantile)).clamp(-10.0, 10.0);
        self.bound = (self.bound * libm::exp(power)).clamp(f64::MIN_POSITIVE, f64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn squared(values: &[i64]) -> BigUint {
        values.iter().map(|x| BigUint::from(x.unsigned_abs()).pow(2)).sum()
    }

    proptest! {
        #[test]
        fn never_longer_than_the_bound_and_hardly_shorter(
            values in prop::collection::vec(any::<i64>(), 0..40),
            shrink in 0u32..63,
            bound: u64,
            narrow in 0u32..64,
        ) {
            let values: Vec<i64> = values.iter().map(|x| x >> shrink).collect();
            let bound = bound >> narrow;
            let mut clipped = values.clone();
            let within = clip(&mut clipped, bound);
            prop_assert!(squared(&clipped) <= BigUint::from(bound).pow(2));
            let short = squared(&values) <= BigUint::from(bound).pow(2);
            let large = values.iter().any(|x| x.unsigned_abs() >= 1 << 48);
            let said = if within { short && clipped == values } else { large || !short };
            prop_assert!(said, "{within} {short} {large}");
            if !within && bound > 1 << 20 {
                let length = squared(&clipped).sqrt();
                prop_assert!(length >= BigUint::from(bound) * 999u32 / 1000u32 - 100u32, "{} {}", length, bound);
            }
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        for mut values in [vec![i64::MIN; 3], vec![i64::MAX, i64::MIN], vec![0, 0]] {
            let zero = values == [0, 0];
            assert_eq!(clip(&mut values, 7), zero);
            assert!(squared(&values) <= BigUint::from(49u8));
        }
        let mut one = [5, 0];
        assert!(clip(&mut one, 5) && one == [5, 0]);
        assert!(!clip(&mut one, 0) && one == [0, 0]);
    }

    #[test]
    fn finds_the_quantile() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for quantile in [0.2, 0.5, 0.9] {
            let mut clip = AdaptiveClip::new(1e-3, quantile, 0.2, 200.0, 10.0).unwrap();
            let noise = clip.count_noise().unwrap();
            let mut late = Vec::new();
            for round in 0..400 {
                // Lengths are uniform in [0, 10).
                let votes: i64 =
                    (0..200).map(|_| AdaptiveClip::vote(rng.random_range(0.0..10.0) <= clip.bound())).sum();
                clip.step(votes + noise.sample(&mut rng));
                if round >= 200 {
                    late.push(clip.bound());
                }
            }
            let mean = late.iter().sum::<f64>() / late.len() as f64;
            assert!((mean - 10.0 * quantile).abs() < 0.4, "{quantile}: {mean}");
        }
    }

    #[test]
    fn votes_are_in_the_account() {
        let clip = AdaptiveClip::new(1.0, 0.5, 0.2, 100.0, 5.0).unwrap();
        let updates = clip.update_noise(1.0).unwrap();
        assert!((updates.powi(-2) + 10f64.powi(-2) - 1.0).abs() < 1e-12);
        assert!(clip.update_noise(10.0).is_err() && clip.update_noise(f64::NAN).is_err());
    }

    #[test]
    fn what_is_stored_is_checked_and_noise_cannot_break_it() {
        let mut clip = AdaptiveClip::new(0.3, 0.5, 0.2, 1e-3, 1.0).unwrap();
        assert_eq!(serde_json::from_str::<AdaptiveClip>(&serde_json::to_string(&clip).unwrap()).unwrap(), clip);
        for votes in [i64::MAX, i64::MIN, i64::MIN, i64::MAX] {
            for _ in 0..200 {
                clip.step(votes);
            }
            assert!(clip.bound() > 0.0 && clip.bound().is_finite());
        }
        for stored in [
            r#"{"bound":0,"quantile":0.5,"rate":1,"cohort":1,"deviation":1}"#,
            r#"{"bound":1,"quantile":2,"rate":1,"cohort":1,"deviation":1}"#,
        ] {
            assert!(serde_json::from_str::<AdaptiveClip>(stored).is_err());
        }
    }
}
