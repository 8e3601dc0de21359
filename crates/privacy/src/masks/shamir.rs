//! Shamir's secret sharing over a prime field: a secret is the value at 0 of a random polynomial, a share is a
//! value elsewhere.
//!
//! Fewer shares than the threshold fit every secret equally well, a polynomial for each.

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use std::ops::{Add, Mul, Sub};
use zeroize::Zeroize;

/// A prime field. Scalars of Curve25519 (2^252 and some) are what is used; tests count polynomials over a small one.
pub trait Field: Copy + From<u64> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Zeroize {
    /// A uniform element.
    fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self;
    /// 1 / x for x other than 0.
    fn inverse(self) -> Self;
}

impl Field for Scalar {
    fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self::random(rng)
    }

    fn inverse(self) -> Self {
        self.invert()
    }
}

/// One share for each of the places, none of which is 0, of which any `threshold` give the secret back.
pub fn split<F: Field, R: CryptoRng + ?Sized>(secret: F, threshold: usize, places: &[F], rng: &mut R) -> Vec<F> {
    let mut coefficients: Vec<F> = std::iter::once(secret).chain((1..threshold).map(|_| F::random(rng))).collect();
    let shares =
        places.iter().map(|place| coefficients.iter().rev().fold(F::from(0), |sum, c| sum * *place + *c)).collect();
    coefficients.zeroize();
    shares
}

/// By what each share counts: Lagrange's polynomials at 0, for different places other than 0.
pub fn weights<F: Field>(places: &[F]) -> Vec<F> {
    let weight = |k: usize| {
        let others = || places.iter().enumerate().filter(|(other, _)| *other != k).map(|(_, place)| *place);
        let numerator = others().fold(F::from(1), |product, place| product * place);
        let denominator = others().fold(F::from(1), |product, place| product * (place - places[k]));
        numerator * denominator.inverse()
    };
    (0..places.len()).map(weight).collect()
}

/// The secret, from as many shares as the threshold and their [`weights`].
pub fn join<F: Field>(shares: &[F], weights: &[F]) -> F {
    shares.iter().zip(weights).fold(F::from(0), |sum, (share, weight)| sum + *share * *weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20::ChaCha20Rng;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use std::collections::HashMap;

    /// Integers modulo 7.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    struct Seven(u64);

    impl From<u64> for Seven {
        fn from(x: u64) -> Self {
            Self(x % 7)
        }
    }
    impl Add for Seven {
        type Output = Self;
        fn add(self, other: Self) -> Self {
            Self((self.0 + other.0) % 7)
        }
    }
    impl Sub for Seven {
        type Output = Self;
        fn sub(self, other: Self) -> Self {
            Self((self.0 + 7 - other.0) % 7)
        }
    }
    impl Mul for Seven {
        type Output = Self;
        fn mul(self, other: Self) -> Self {
            Self(self.0 * other.0 % 7)
        }
    }
    impl Zeroize for Seven {
        fn zeroize(&mut self) {
            self.0 = 0;
        }
    }
    impl Field for Seven {
        fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
            // 2^64 mod 7 is 2: too little of a bias to be seen.
            Self(rng.next_u64() % 7)
        }
        fn inverse(self) -> Self {
            (0..5).fold(Self(1), |power, _| power * self)
        }
    }

    /// With threshold 3, what two parties hold comes up equally often for every secret: all polynomials are drawn.
    #[test]
    fn fewer_shares_than_the_threshold_say_nothing() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for places in [[1, 2], [2, 5], [6, 3]] {
            let places = places.map(Seven);
            for secret in 0..7 {
                let mut seen: HashMap<Vec<Seven>, u32> = HashMap::new();
                for _ in 0..49 * 200 {
                    *seen.entry(split(Seven(secret), 3, &places, &mut rng)).or_default() += 1;
                }
                // All 49 pairs, 200 times each: within six deviations.
                assert_eq!(seen.len(), 49, "secret {secret}");
                assert!(seen.values().all(|times| (115..285).contains(times)), "secret {secret}: {seen:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_threshold_of_shares_gives_the_secret_and_one_less_gives_any(
            seed: u64,
            threshold in 2usize..8,
            more in 0usize..5,
            other: u64,
        ) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let places: Vec<Scalar> = (0..threshold + more).map(|k| Scalar::from(3 * k as u64 + 1)).collect();
            let secret = <Scalar as Field>::random(&mut rng);
            let shares = split(secret, threshold, &places, &mut rng);
            let (from, known) = (&places[more..], &shares[more..]);
            prop_assert_eq!(join(known, &weights(from)), secret);
            // With all but one share known, some last share makes it any other secret.
            let lambda = weights(from);
            let last = (Scalar::from(other) - join(&known[1..], &lambda[1..])) * lambda[0].invert();
            let forged: Vec<Scalar> = std::iter::once(last).chain(known[1..].iter().copied()).collect();
            prop_assert_eq!(join(&forged, &lambda), Scalar::from(other));
        }
    }
}
