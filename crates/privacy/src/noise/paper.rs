//! The algorithms of Canonne, Kamath and Steinke 2020 as they stand there: integers and fractions only, some
//! microseconds a draw.
//!
//! [`super::DiscreteGaussian`] has the same distribution and is a hundred times faster; tests hold one against the
//! other.

use super::Variance;
use num_bigint::BigUint;
use rand::Rng;

/// Algorithm 3: a discrete Gaussian, from a discrete Laplace of a scale near sigma.
pub fn discrete_gaussian<R: Rng + ?Sized>(rng: &mut R, variance: &Variance) -> i64 {
    let Variance { numerator: a, denominator: b } = variance;
    let t = variance.sigma() + 1;
    loop {
        let y = discrete_laplace(rng, t);
        // (|y| - sigma^2 / t)^2 / 2 sigma^2 with sigma^2 = a / b: (|y| b t - a)^2 / 2 a b t^2.
        let (left, right) = (b * t * y.unsigned_abs(), a);
        let distance = if &left > right { left - right } else { right - left };
        if bernoulli_exp(rng, &(&distance * &distance), &((a * b * t * t) << 1u8)) {
            return y;
        }
    }
}

/// Algorithm 2, for a whole scale t: a discrete Laplace, integers in proportion to exp(-|x| / t).
pub fn discrete_laplace<R: Rng + ?Sized>(rng: &mut R, t: u64) -> i64 {
    let scale = BigUint::from(t);
    let one = BigUint::from(1u8);
    loop {
        let u = uniform(rng, &scale);
        if !bernoulli_exp(rng, &u, &scale) {
            continue;
        }
        let mut v = 0u64;
        while bernoulli_exp(rng, &one, &one) {
            v += 1;
        }
        let negative = uniform(rng, &BigUint::from(2u8)) == one;
        // A magnitude of 2^63 takes more than 2^8 scales: it never comes up, and would be drawn again.
        let Some(x) = u64::try_from(&(u + &scale * v)).ok().and_then(|x| i64::try_from(x).ok()) else { continue };
        if !(negative && x == 0) {
            return if negative { -x } else { x };
        }
    }
}

/// Algorithm 1: true with probability exp(-a / b).
pub fn bernoulli_exp<R: Rng + ?Sized>(rng: &mut R, a: &BigUint, b: &BigUint) -> bool {
    let (mut whole, one) = (a / b, BigUint::from(1u8));
    while whole > BigUint::ZERO {
        if !bernoulli_exp_up_to_one(rng, &one, &one) {
            return false;
        }
        whole -= 1u8;
    }
    bernoulli_exp_up_to_one(rng, &(a % b), b)
}

fn bernoulli_exp_up_to_one<R: Rng + ?Sized>(rng: &mut R, a: &BigUint, b: &BigUint) -> bool {
    let mut k = 1u64;
    while &uniform(rng, &(b * k)) < a {
        k += 1;
    }
    k % 2 == 1
}

/// A uniform integer below `bound`: as many bits as it has, until they are below.
fn uniform<R: Rng + ?Sized>(rng: &mut R, bound: &BigUint) -> BigUint {
    let bits = bound.bits();
    loop {
        let digits: Vec<u32> = (0..bits.div_ceil(32)).map(|_| rng.next_u32()).collect();
        let drawn = BigUint::new(digits) >> (bits.div_ceil(32) * 32 - bits);
        if &drawn < bound {
            return drawn;
        }
    }
}
