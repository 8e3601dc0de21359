//! Powers that are the same on every machine.
//!
//! A library's `powf` differs in the last bit from one system to the next, and prices are compared to the pico-credit. These are made of
//! additions, multiplications and divisions alone, which IEEE 754 fixes; they are within a few units of the last place, and inlined, so that a
//! sweep over a million clients can afford ten of them at each step.

/// ln 2 in two parts: the first has zeros at its end, so that its multiples are exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding and taking it away again rounds to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// 1/13!, 1/12!, ... 1/0!.
const SERIES: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// ln of a normal number above 0.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) as i64 - 1023) as f64;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln m = 2 artanh s with |s| < 0.172: eleven terms leave less than 1e-17
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let z = s * s;
    let tail = 1.0 / 3.0
        + z * (1.0 / 5.0
            + z * (1.0 / 7.0
                + z * (1.0 / 9.0
                    + z * (1.0 / 11.0
                        + z * (1.0 / 13.0 + z * (1.0 / 15.0 + z * (1.0 / 17.0 + z * (1.0 / 19.0 + z / 21.0))))))));
    exponent * LN2_HIGH + (2.0 * s + (2.0 * s * z * tail + exponent * LN2_LOW))
}

/// e^y; beyond e^±700 it stays there.
#[inline]
pub(crate) fn exp(y: f64) -> f64 {
    let y = y.clamp(-700.0, 700.0);
    let whole = (y * std::f64::consts::LOG2_E + ROUND) - ROUND;
    let r = (y - whole * LN2_HIGH) - whole * LN2_LOW;
    // |r| < 0.347: fourteen terms of the series leave less than 1e-17
    let sum = SERIES.iter().fold(0.0, |sum, term| sum * r + term);
    sum * f64::from_bits(((whole as i64 + 1023) as u64) << 52)
}

/// x^-a for x above 0.
#[inline]
pub(crate) fn inverse_power(x: f64, a: f64) -> f64 {
    exp(-a * ln(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn powers_agree_with_the_library(x in 1e-6f64..1e12, a in 0.01f64..4.0) {
            let (own, library) = (inverse_power(x, a), x.powf(-a));
            prop_assert!((own / library - 1.0).abs() < 2e-14, "{} {}", own, library);
            prop_assert!((ln(x) - x.ln()).abs() <= 1e-15 * x.ln().abs() + 1e-16);
        }
    }

    #[test]
    fn known_values() {
        assert_eq!((ln(1.0), exp(0.0), inverse_power(1.0, 0.7)), (0.0, 1.0, 1.0));
        assert!((exp(1.0) - std::f64::consts::E).abs() < 1e-15);
    }
}
