use super::QualityError;

/// The least number of pairs of which a rank correlation says anything.
const LEAST: usize = 3;

/// Spearman's rank correlation: the correlation of the ranks of two lists, in [-1, 1]; equal values share their mean rank.
///
/// # Errors
/// [`QualityError`] for fewer than three pairs, lists of different length, values that are not finite, or a list of equal
/// values, which has no order.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Result<f64, QualityError> {
    if a.len() != b.len() {
        return Err(QualityError::Mismatch(format!("{} values cannot be paired with {}", a.len(), b.len())));
    }
    if a.len() < LEAST {
        return Err(QualityError::TooFew {
            measure: "a rank correlation",
            which: "pairs",
            needed: LEAST,
            found: a.len(),
        });
    }
    if let Some(pair) = a.iter().zip(b).position(|(a, b)| !a.is_finite() || !b.is_finite()) {
        return Err(QualityError::Mismatch(format!("pair {pair} of a rank correlation is not finite")));
    }
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let covariance =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>() };
    let scale = (covariance(&a, &a) * covariance(&b, &b)).sqrt();
    if scale == 0.0 {
        return Err(QualityError::Mismatch("a list of equal values has no rank correlation".into()));
    }
    Ok(covariance(&a, &b) / scale)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
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
