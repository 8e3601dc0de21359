//! The discrete Gaussian's distribution: moments and chi-square.

use imfl_privacy::noise::{DiscreteGaussian, Variance, paper};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// Probabilities of integers up to 12 sigma away, normalised.
fn probabilities(sigma2: f64) -> (i64, Vec<f64>) {
    let end = (12.0 * sigma2.sqrt()).ceil() as i64 + 1;
    let weights: Vec<f64> = (-end..=end).map(|x| (-(x as f64).powi(2) / (2.0 * sigma2)).exp()).collect();
    let total: f64 = weights.iter().sum();
    (-end, weights.into_iter().map(|w| w / total).collect())
}

/// The probability that a true sampler fits worse.
fn fit(observed: &[f64], expected: &[f64]) -> f64 {
    // Neighbouring cells go together until each expects 10.
    let (mut statistic, mut cells) = (0.0, 0);
    let (mut o, mut e) = (0.0, 0.0);
    let mut left: f64 = expected.iter().sum();
    for (observed, expected) in observed.iter().zip(expected) {
        o += observed;
        e += expected;
        left -= expected;
        if e >= 10.0 && left >= 10.0 {
            statistic += (o - e) * (o - e) / e;
            cells += 1;
            (o, e) = (0.0, 0.0);
        }
    }
    statistic += (o - e) * (o - e) / e;
    1.0 - ChiSquared::new(f64::from(cells)).unwrap().cdf(statistic)
}

/// Small sigma: every integer is a cell. `draws` of them; the fit and the moments must be what chance allows.
fn check_small(numerator: u128, denominator: u128, draws: usize, mut draw: impl FnMut(&mut ChaCha8Rng) -> i64) {
    let (start, p) = probabilities(numerator as f64 / denominator as f64);
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let mut counts = vec![0.0; p.len()];
    for _ in 0..draws {
        counts[(draw(&mut rng) - start) as usize] += 1.0;
    }
    let n = draws as f64;
    let chance = fit(&counts, &p.iter().map(|p| p * n).collect::<Vec<_>>());
    assert!(chance > 1e-4, "{numerator}/{denominator}: chi-square {chance:e}");
    for power in [1, 2, 3, 4] {
        let moment = |weights: &[f64], power| {
            weights.iter().enumerate().map(|(k, w)| w * ((k as i64 + start) as f64).powi(power)).sum::<f64>()
        };
        let (found, expected) = (moment(&counts, power) / n, moment(&p, power));
        let deviation = ((moment(&p, 2 * power) - expected * expected) / n).sqrt();
        assert!(
            (found - expected).abs() <= 5.0 * deviation,
            "{numerator}/{denominator}, moment {power}: {found} {expected} +- {deviation}"
        );
    }
}

/// Large sigma: a thousand cells of equal probability under the normal distribution, which is that of the integers
/// to 1e-9 of itself; and the low digits, which must be uniform.
fn check_large(sigma: u64, draws: usize) {
    let gaussian = DiscreteGaussian::new(Variance::new(u128::from(sigma).pow(2), 1).unwrap());
    let normal = Normal::new(0.0, 1.0).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(29);
    let (mut cells, mut digits) = (vec![0.0; 1000], vec![0.0; 256]);
    let mut moments = [0.0; 4];
    for _ in 0..draws {
        let x = gaussian.sample(&mut rng);
        let z = x as f64 / sigma as f64;
        cells[((normal.cdf(z) * 1000.0) as usize).min(999)] += 1.0;
        digits[(x & 255) as usize] += 1.0;
        (1..=4).for_each(|power| moments[power as usize - 1] += z.powi(power));
    }
    let n = draws as f64;
    for (name, observed) in [("cells", &cells), ("digits", &digits)] {
        let chance = fit(observed, &vec![n / observed.len() as f64; observed.len()]);
        assert!(chance > 1e-4, "sigma {sigma}, {name}: chi-square {chance:e}");
    }
    // Variances of z, z^2, z^3 and z^4 are 1, 2, 15 and 96.
    for ((sum, expected), variance) in moments.iter().zip([0.0, 1.0, 0.0, 3.0]).zip([1.0, 2.0, 15.0, 96.0]) {
        assert!((sum / n - expected).abs() < 5.0 * f64::sqrt(variance / n), "sigma {sigma}: {} {expected}", sum / n);
    }
}

const SMALL: [(u128, u128); 6] = [(1, 10), (1, 2), (1, 1), (15, 2), (100, 1), (1_000_003, 3)];
const LARGE: [u64; 3] = [100_003, 1 << 38, (1 << 45) - 55];

fn check_all(draws: usize) {
    for (numerator, denominator) in SMALL {
        let gaussian = DiscreteGaussian::new(Variance::new(numerator, denominator).unwrap());
        check_small(numerator, denominator, draws, |rng| gaussian.sample(rng));
    }
    for sigma in LARGE {
        check_large(sigma, draws);
    }
}

#[test]
fn draws_are_discrete_gaussian() {
    check_all(100_000);
}

/// `cargo test --release -p imfl-privacy --test noise -- --ignored`
#[test]
#[ignore = "ten million draws for each of nine sigmas: a few seconds"]
fn ten_million_draws_are_discrete_gaussian() {
    check_all(10_000_000);
}

#[test]
fn the_paper_s_algorithms_draw_the_same() {
    for (numerator, denominator) in SMALL {
        let variance = Variance::new(numerator, denominator).unwrap();
        check_small(numerator, denominator, 20_000, |rng| paper::discrete_gaussian(rng, &variance));
    }
}

#[test]
fn the_paper_s_laplace_has_its_distribution() {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    for t in [1u64, 3, 20] {
        let ratio = (-1.0 / t as f64).exp();
        let end = 40 * t as i64;
        let expected: Vec<f64> = (-end..=end)
            .map(|x| 20_000.0 * (1.0 - ratio) / (1.0 + ratio) * ratio.powi(x.unsigned_abs() as i32))
            .collect();
        let mut counts = vec![0.0; expected.len()];
        for _ in 0..20_000 {
            counts[(paper::discrete_laplace(&mut rng, t) + end) as usize] += 1.0;
        }
        assert!(fit(&counts, &expected) > 1e-4);
    }
}

/// A sampler that is a little off must fail: sigma^2 1.5 % larger than said.
#[test]
#[should_panic(expected = "chi-square")]
fn a_wrong_sigma_is_found_out() {
    let gaussian = DiscreteGaussian::new(Variance::new(1015, 10).unwrap());
    check_small(100, 1, 1_000_000, |rng| gaussian.sample(rng));
}
