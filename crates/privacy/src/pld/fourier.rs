//! Sums of independent losses: products of Fourier transforms.

use super::Masses;
use super::window::Window;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// The masses, inside the window, of a sum of so many losses of each kind. What lies outside comes around.
pub fn sum(parts: &[(&Masses, u64)], window: &Window) -> Vec<f64> {
    let length = smooth(window.size());
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let mut product = vec![Complex::new(1.0, 0.0); length / 2 + 1];
    let mut values = vec![0.0; length];
    let mut spectrum = forward.make_output_vec();
    for (masses, count) in parts {
        // All sums are taken modulo the length, so that losses may begin anywhere and be longer than it.
        values.fill(0.0);
        for (k, mass) in masses.finite.iter().enumerate() {
            values[k % length] += mass;
        }
        // Lengths are those that the plan made: it cannot fail.
        forward.process(&mut values, &mut spectrum).expect("lengths of the plan");
        for (all, own) in product.iter_mut().zip(&spectrum) {
            *all *= power(*own, *count);
        }
    }
    // A real result has real ends.
    product[0].im = 0.0;
    product[length / 2].im = 0.0;
    inverse.process(&mut product, &mut values).expect("lengths of the plan");
    let origin: i64 = parts.iter().map(|(masses, count)| masses.first * *count as i64).sum();
    let shift = (window.first - origin).rem_euclid(length as i64) as usize;
    values.rotate_left(shift);
    values.truncate(window.size());
    values.iter_mut().for_each(|value| *value /= length as f64);
    values
}

/// The least 2^k or 3 * 2^k that is at least `size`, and at least 2.
fn smooth(size: usize) -> usize {
    let power = size.max(2).next_power_of_two();
    if power >= 8 && power / 4 * 3 >= size { power / 4 * 3 } else { power }
}

/// By repeated squaring.
fn power(mut base: Complex<f64>, mut exponent: u64) -> Complex<f64> {
    let mut result = Complex::new(1.0, 0.0);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_binomial() {
        let masses = Masses { interval: 0.5, first: -3, finite: vec![0.75, 0.25], infinite: 0.0 };
        let sum = sum(&[(&masses, 4)], &Window { first: -12, last: -8 });
        for (found, expected) in sum.iter().zip([81.0, 108.0, 54.0, 12.0, 1.0]) {
            assert!((found - expected / 256.0).abs() < 1e-15);
        }
    }

    #[test]
    fn two_kinds_and_a_window_shorter_than_a_part() {
        let long = Masses { interval: 1.0, first: 0, finite: vec![0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5], infinite: 0.1 };
        let one = Masses { interval: 1.0, first: -6, finite: vec![1.0], infinite: 0.0 };
        // Losses 0 or 6, minus 6: those outside of the window come around.
        let sum = sum(&[(&long, 1), (&one, 1)], &Window { first: -1, last: 2 });
        assert!((sum[1] - 0.5).abs() < 1e-15 && sum.len() == 4);
    }

    #[test]
    fn lengths_are_even() {
        for (size, expected) in [(1, 2), (2, 2), (3, 4), (5, 6), (7, 8), (9, 12), (13, 16), (1 << 20, 1 << 20)] {
            assert_eq!(smooth(size), expected);
        }
    }
}
