//! Whether one list orders things as another does.

/// The least number of pairs of which a rank correlation says anything.
const LEAST: usize = 3;

/// Why two lists have no rank correlation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrelationError {
    /// Lists of different length.
    #[error("{0} values cannot be paired with {1}")]
    Lengths(usize, usize),
    /// Too few pairs.
    #[error("a rank correlation needs at least {LEAST} pairs, there are {0}")]
    TooFew(usize),
    /// A value that is NaN or infinite.
    #[error("pair {0} of a rank correlation is not finite")]
    NotFinite(usize),
    /// A list without an order.
    #[error("a list of equal values has no rank correlation")]
    Constant,
}

/// Spearman's rank correlation: the correlation of the ranks of two lists, in [-1, 1]; equal values share their mean rank.
///
/// ```
/// use imfl_statistics::rank_correlation;
///
/// assert_eq!(rank_correlation(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]), Ok(0.6));
/// ```
///
/// # Errors
/// [`CorrelationError`] for fewer than three pairs, lists of different length, values that are not finite, or a list of equal
/// values, which has no order.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Result<f64, CorrelationError> {
    if a.len() != b.len() {
        return Err(CorrelationError::Lengths(a.len(), b.len()));
    }
    if a.len() < LEAST {
        return Err(CorrelationError::TooFew(a.len()));
    }
    if let Some(pair) = a.iter().zip(b).position(|(a, b)| !a.is_finite() || !b.is_finite()) {
        return Err(CorrelationError::NotFinite(pair));
    }
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    match (product(&a, &a) * product(&b, &b)).sqrt() {
        0.0 => Err(CorrelationError::Constant),
        scale => Ok(product(&a, &b) / scale),
    }
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for same in order.chunk_by(|&a, &b| values[a] == values[b]) {
        same.iter().for_each(|&index| ranks[index] = first as f64 + (same.len() as f64 - 1.0) / 2.0);
        first += same.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        // The example in the documentation of scipy.stats.spearmanr, with a tie.
        let rho = rank_correlation(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((rho - 0.820_782_681_668_123_3).abs() < 1e-12, "{rho}");
        // Without ties 1 - 6 sum d^2 / (n (n^2 - 1)): d = (1, -1, 0, 0).
        let rho = rank_correlation(&[1.0, 2.0, 3.0, 4.0], &[20.0, 10.0, 30.0, 40.0]).unwrap();
        assert!((rho - 0.8).abs() < 1e-12, "{rho}");
    }

    #[test]
    fn ranks_correlate_by_order_alone() {
        let of = |values: &[(f64, f64)]| {
            let (a, b): (Vec<f64>, Vec<f64>) = values.iter().copied().unzip();
            rank_correlation(&a, &b)
        };
        assert!((of(&[(1.0, 10.0), (2.0, 100.0), (3.0, 1000.0)]).unwrap() - 1.0).abs() < 1e-12);
        assert!((of(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]).unwrap() + 1.0).abs() < 1e-12);
        // The textbook formula 1 - 6 sum d^2 / (n (n^2 - 1)) with ranks 1 2 3 4 and 2 1 4 3: 1 - 24/60.
        assert!((of(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0)]).unwrap() - 0.6).abs() < 1e-12);
        // Ties share a rank: 0.5 0.5 2 against 0 1 2.
        assert!((of(&[(1.0, 1.0), (1.0, 2.0), (5.0, 3.0)]).unwrap() - 0.866_025_4).abs() < 1e-6);
        assert!(of(&[(1.0, 1.0), (1.0, 2.0)]).is_err());
    }

    #[test]
    fn what_has_no_correlation_says_why() {
        let problem = |a: &[f64], b: &[f64]| rank_correlation(a, b).unwrap_err().to_string();
        assert_eq!(problem(&[1.0, 2.0], &[1.0, 2.0]), "a rank correlation needs at least 3 pairs, there are 2");
        assert!(problem(&[1.0; 3], &[1.0; 4]).contains("3 values"));
        assert!(problem(&[1.0, 2.0, f64::NAN], &[1.0; 3]).contains("pair 2"));
        assert!(problem(&[1.0, 2.0, 3.0], &[1.0; 3]).contains("equal values"));
    }

    proptest! {
        #[test]
        fn only_the_order_counts(values in prop::collection::vec(-50i32..50, 3..20), other in prop::collection::vec(-50i32..50, 20)) {
            let a: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
            let b: Vec<f64> = other[..a.len()].iter().map(|&value| f64::from(value)).collect();
            let monotone: Vec<f64> = a.iter().map(|value| value.powi(3) + 7.0).collect();
            let falling: Vec<f64> = a.iter().map(|value| -value).collect();
            if let Ok(rho) = rank_correlation(&a, &b) {
                prop_assert!(rho.abs() <= 1.0 + 1e-12);
                prop_assert!((rank_correlation(&monotone, &b).unwrap() - rho).abs() < 1e-12);
                prop_assert!((rank_correlation(&falling, &b).unwrap() + rho).abs() < 1e-12);
                prop_assert!((rank_correlation(&b, &a).unwrap() - rho).abs() < 1e-12);
            }
        }
    }
}
