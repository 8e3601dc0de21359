//! How many samples each client holds.

use crate::random::ChaCha8Rng;
use rand::RngExt;

/// As equal as whole samples allow; the first clients get the remainder.
pub(super) fn equal(samples: usize, clients: usize) -> Vec<usize> {
    (0..clients).map(|client| samples / clients + usize::from(client < samples % clients)).collect()
}

/// One sample each, and the rest in shares drawn from a symmetric Dirichlet distribution.
pub(super) fn dirichlet(samples: usize, clients: usize, alpha: f64, random: &mut ChaCha8Rng) -> Vec<usize> {
    let shares = draw_shares(clients, alpha, random);
    let mut sizes = largest_remainder(samples - clients, &shares);
    sizes.iter_mut().for_each(|size| *size += 1);
    sizes
}

/// A draw from the symmetric Dirichlet distribution, in logarithms so that a tiny `alpha` does not underflow.
pub(super) fn draw_shares(count: usize, alpha: f64, random: &mut ChaCha8Rng) -> Vec<f64> {
    // Gamma(alpha) = Gamma(alpha + 1) * U^(1/alpha): the second factor carries what would underflow.
    let gamma = rand_distr::Gamma::new(alpha + 1.0, 1.0);
    let logs: Vec<f64> = (0..count)
        .map(|_| {
            // `check` has seen that alpha is finite and above zero; a shape too large for the distribution means equal shares.
            let boosted: f64 = gamma.map_or(1.0, |gamma| random.sample(gamma));
            let uniform: f64 = 1.0 - random.random::<f64>();
            boosted.max(f64::MIN_POSITIVE).ln() + uniform.ln() / alpha
        })
        .collect();
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// Whole numbers that sum to `total` and differ from `total * share` by less than one (Hamilton's method).
pub(super) fn largest_remainder(total: usize, shares: &[f64]) -> Vec<usize> {
    let exact: Vec<f64> = shares.iter().map(|share| share * total as f64).collect();
    let mut counts: Vec<usize> = exact.iter().map(|value| value.floor() as usize).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| (exact[b] - exact[b].floor()).total_cmp(&(exact[a] - exact[a].floor())).then(a.cmp(&b)));
    // Rounding errors of the shares can leave the floors one over or short, never further than the number of shares.
    let missing = total.saturating_sub(counts.iter().sum());
    order.iter().cycle().take(missing).for_each(|&index| counts[index] += 1);
    let mut surplus = counts.iter().sum::<usize>() - total;
    for &index in order.iter().rev().cycle() {
        if surplus == 0 {
            break;
        }
        if counts[index] > 0 {
            counts[index] -= 1;
            surplus -= 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, keyed};

    #[test]
    fn shares_sum_to_one_for_any_concentration() {
        for alpha in [1e-6, 0.01, 1.0, 1e3, 1e12] {
            let shares = draw_shares(7, alpha, &mut keyed(1, Purpose::Partition, 0, 0, 0));
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && shares.iter().all(|s| s.is_finite()), "{alpha}");
        }
    }

    #[test]
    fn remainders_go_to_the_largest_fractions() {
        assert_eq!(largest_remainder(10, &[0.24, 0.56, 0.2]), [2, 6, 2]);
        assert_eq!(largest_remainder(0, &[0.5, 0.5]), [0, 0]);
        assert_eq!(largest_remainder(3, &[1.0 / 3.0; 3]), [1, 1, 1]);
    }
}
