//! sigma^2, a fraction.

use crate::{Error, Result};
use num_bigint::BigUint;

/// sigma is below 2 to this power, so that a draw of 100 sigma fits an i64.
const LARGEST: u64 = 55;
/// sigma is at least 2 to this power.
const SMALLEST: i64 = -20;

/// The parameter sigma^2 of a discrete Gaussian, a positive fraction. The variance itself is a little smaller: by
/// less than 1e-6 of itself from sigma = 1 on.
#[derive(Clone, Debug)]
pub struct Variance {
    pub(super) numerator: BigUint,
    pub(super) denominator: BigUint,
}

/// Fractions of the same value are equal.
impl PartialEq for Variance {
    fn eq(&self, other: &Self) -> bool {
        &self.numerator * &other.denominator == &other.numerator * &self.denominator
    }
}

impl Eq for Variance {}

impl Variance {
    /// `numerator / denominator`.
    ///
    /// # Errors
    /// A sigma below 2^-20 or of 2^55 and above.
    pub fn new(numerator: u128, denominator: u128) -> Result<Self> {
        if denominator == 0 {
            return Err(Error::parameter("sigma^2", format!("{numerator}/0"), "a fraction"));
        }
        Self { numerator: numerator.into(), denominator: denominator.into() }.checked()
    }

    /// `(noise * sensitivity)^2`, without rounding: every f64 is a fraction.
    ///
    /// ```
    /// # use imfl_privacy::noise::Variance;
    /// assert_eq!(Variance::scaled(1.5, 4)?, Variance::new(36, 1)?);
    /// # Ok::<(), imfl_privacy::Error>(())
    /// ```
    ///
    /// # Errors
    /// A noise that is not positive, or a product below 2^-20 or of 2^55 and above.
    pub fn scaled(noise: f64, sensitivity: u64) -> Result<Self> {
        if !(noise > 0.0 && noise.is_finite()) {
            return Err(Error::parameter("noise", noise, "a number above 0, in sensitivities"));
        }
        // noise = mantissa 2^exponent; subnormal numbers are far below what is accepted.
        let bits = noise.to_bits();
        let mut mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
        let mut exponent = (bits >> 52) as i64 - 1075;
        let even = mantissa.trailing_zeros();
        mantissa >>= even;
        exponent += i64::from(even);
        let sigma = BigUint::from(mantissa) * sensitivity;
        let shift = 2 * exponent.unsigned_abs();
        let (numerator, one) = (&sigma * &sigma, BigUint::from(1u8));
        if exponent >= 0 {
            Self { numerator: numerator << shift, denominator: one }
        } else {
            Self { numerator, denominator: one << shift }
        }
        .checked()
    }

    fn checked(self) -> Result<Self> {
        let (numerator, denominator) = (&self.numerator, &self.denominator);
        let below = numerator >= &(denominator << (2 * LARGEST));
        let above = &(numerator << (2 * SMALLEST.unsigned_abs())) < denominator;
        if below || above {
            return Err(Error::parameter(
                "sigma^2",
                format!("{numerator}/{denominator}"),
                "at least 2^-40 and below 2^110",
            ));
        }
        Ok(self)
    }

    /// sigma, rounded down.
    pub(super) fn sigma(&self) -> u64 {
        let floor = (&self.numerator / &self.denominator).sqrt();
        // Below 2^55, as was checked.
        u64::try_from(&floor).unwrap_or(u64::MAX)
    }

    /// x^2 / 2 sigma^2 as a fraction.
    pub(super) fn exponent(&self, x: u64) -> (BigUint, BigUint) {
        let x = BigUint::from(x);
        (&x * &x * &self.denominator, &self.numerator << 1u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_fractions() {
        assert_eq!(Variance::scaled(0.75, 2).unwrap(), Variance::new(9 * 4, 16).unwrap());
        assert_eq!(Variance::scaled(6.0, 1).unwrap(), Variance::new(36, 1).unwrap());
        let tenth = Variance::scaled(0.1, 1 << 40).unwrap();
        assert_eq!(tenth.sigma(), 109_951_162_777);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        for refused in [
            Variance::new(1, 0),
            Variance::new(0, 1),
            Variance::new(1 << 110, 1),
            Variance::new(1, 1 << 41),
            Variance::scaled(0.0, 1),
            Variance::scaled(f64::NAN, 1),
            Variance::scaled(1.0, 0),
            Variance::scaled(2.0, u64::MAX),
            Variance::scaled(f64::MIN_POSITIVE / 4.0, 1),
        ] {
            assert!(refused.is_err());
        }
        assert!(Variance::new((1 << 110) - 1, 1).is_ok() && Variance::new(1, 1 << 40).is_ok());
    }
}
