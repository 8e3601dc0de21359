//! exp(-a / b) between two integers, and whether a random number is below it.

use num_bigint::BigUint;
use rand::Rng;

/// Random bits by which a comparison goes on where it is not decided.
const STEP: u64 = 64;

/// Integers at most and at least `2^bits exp(-a / b)`, three apart at most.
///
/// exp(-x) = exp(-x / 2^k)^(2^k), the inner one by its Taylor series with x / 2^k below 1/256. Fixed point with `p
/// = bits + k + 8` bits: the argument is off by one unit, each of at most 40 terms by one, and each of k squarings
/// doubles the error and adds one: 2^k 64 units at most, which is 2^-2 of what is returned.
pub fn bounds(a: &BigUint, b: &BigUint, bits: u64) -> (BigUint, BigUint) {
    let whole = a / b;
    if whole > BigUint::from(bits) {
        // exp(-x) < 2^-x.
        return (BigUint::ZERO, BigUint::from(1u8));
    }
    let k = whole.bits() + 8;
    let p = bits + k + 8;
    let x = (a << p) / (b << k);
    let (mut even, mut odd) = (BigUint::ZERO, BigUint::ZERO);
    let mut term = BigUint::from(1u8) << p;
    let mut n = 0u32;
    while term != BigUint::ZERO {
        if n.is_multiple_of(2) {
            even += &term
        } else {
            odd += &term
        }
        n += 1;
        term = ((&term * &x) >> p) / n;
    }
    let mut value = even - odd;
    for _ in 0..k {
        value = (&value * &value) >> p;
    }
    let floor: BigUint = value >> (k + 8);
    let low = if floor == BigUint::ZERO { BigUint::ZERO } else { &floor - 1u8 };
    (low, floor + 2u8)
}

/// Whether `(start + u) / 2^bits < exp(-a / b)` for a uniform u in \[0, 1) whose bits are drawn until that is
/// certain. `start` is an integer.
pub fn below<R: Rng + ?Sized>(rng: &mut R, start: u64, mut bits: u64, (a, b): &(BigUint, BigUint)) -> bool {
    let mut known = BigUint::from(start);
    if a == &BigUint::ZERO {
        return known < BigUint::from(1u8) << bits;
    }
    // exp of a fraction other than 0 is irrational: the loop ends.
    loop {
        known = (known << STEP) + rng.next_u64();
        bits += STEP;
        let (low, high) = bounds(a, b, bits);
        if known < low {
            return true;
        }
        if known >= high {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds_of(a: u64, b: u64, bits: u64) -> (BigUint, BigUint) {
        bounds(&a.into(), &b.into(), bits)
    }

    #[test]
    fn known_values_are_between() {
        // 2^64 / e = 6786177901268885274.35; 2^64 exp(-20 / 3) = 23475998330741196.0...
        let (low, high) = bounds_of(1, 1, 64);
        assert!(low <= 6_786_177_901_268_885_274u64.into() && high > 6_786_177_901_268_885_274u64.into());
        assert_eq!(bounds_of(1000, 1, 64), (BigUint::ZERO, BigUint::from(1u8)));
        let (low, high) = bounds_of(0, 5, 64);
        assert!(low <= BigUint::from(1u8) << 64u8 && high >= BigUint::from(1u8) << 64u8);
    }

    proptest! {
        #[test]
        fn bounds_are_near_the_function_and_nested(a in 0u64..1 << 40, b in 1u64..1 << 36, bits in 20u64..200) {
            let (low, high) = bounds_of(a, b, bits);
            prop_assert!(&high - &low <= BigUint::from(3u8));
            // Coarser bounds hold whatever finer ones do.
            let (finer_low, finer_high) = bounds_of(a, b, bits + 300);
            prop_assert!(low.clone() << 300u32 <= finer_low && finer_high <= high.clone() << 300u32);
            if bits < 50 {
                let float = (-(a as f64) / b as f64).exp() * (bits as f64).exp2();
                let [low, high] = [low, high].map(|x| u64::try_from(&x).unwrap() as f64);
                let between = low <= float * (1.0 + 1e-12) + 1e-9 && float <= high * (1.0 + 1e-12);
                prop_assert!(between, "{low} {float} {high}");
            }
        }
    }
}
