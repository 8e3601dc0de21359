//! Means with their intervals, medians, rank correlation.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A number that results have: its name, and how it is read off one.
pub type Quantity<T> = (&'static str, fn(&T) -> f64);

/// A mean over seeds and its 95 % confidence interval (Student's t); with one value all three are that value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Of these values; all zero if there are none.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        if values.len() < 2 {
            return Self { mean, low: mean, high: mean };
        }
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self::around(mean, (variance / count).sqrt(), count)
    }

    /// What the mean of `ours` is below the mean of `theirs`, as a share of the latter: 1 - sum ours / sum theirs, with the interval of the
    /// jackknife over pairs. Means are compared and not pairs, because a server's cost is an expected cost: one market in
    /// which a price fails may cost more than many in which it succeeds.
    pub fn reduction(ours: &[f64], theirs: &[f64]) -> Self {
        let share = |ours: f64, theirs: f64| 1.0 - ours / theirs.max(f64::MIN_POSITIVE);
        let (own, their): (f64, f64) = (ours.iter().sum(), theirs.iter().sum());
        let (mean, count) = (share(own, their), ours.len() as f64);
        if ours.len() < 2 {
            return Self { mean, low: mean, high: mean };
        }
        let without: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| share(own - a, their - b)).collect();
        let middle = without.iter().sum::<f64>() / count;
        let variance = without.iter().map(|value| (value - middle).powi(2)).sum::<f64>() * (count - 1.0) / count;
        Self::around(mean, variance.sqrt(), count)
    }

    fn around(mean: f64, error: f64, count: f64) -> Self {
        // Degrees of freedom are at least 1, so the distribution exists.
        let quantile = StudentsT::new(0.0, 1.0, count - 1.0).map_or(f64::NAN, |t| t.inverse_cdf(0.975));
        Self { mean, low: mean - quantile * error, high: mean + quantile * error }
    }
}

/// The middle value; of an even number the mean of the two in the middle; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank. NaN where one side is constant.
pub fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let first = ranks(pairs.iter().map(|pair| pair.0));
    let second = ranks(pairs.iter().map(|pair| pair.1));
    let middle = (pairs.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    product(&first, &second) / (product(&first, &first) * product(&second, &second)).sqrt()
}

fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
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

    #[test]
    fn intervals_follow_students_t() {
        let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        // t(4, 0.975) = 2.776445, deviation sqrt(2.5), over sqrt(5)
        assert!((interval.mean - 3.0).abs() < 1e-12);
        assert!((interval.high - 3.0 - 2.776_445 * (2.5f64 / 5.0).sqrt()).abs() < 1e-5, "{interval:?}");
        assert_eq!(Interval::of(&[7.0]), Interval { mean: 7.0, low: 7.0, high: 7.0 });
    }

    #[test]
    fn a_reduction_compares_means_and_its_interval_is_that_of_the_mean_where_theirs_is_constant() {
        let (ours, theirs) = ([1.0, 2.0, 3.0, 4.0, 5.0], [10.0; 5]);
        let (reduction, mean) = (Interval::reduction(&ours, &theirs), Interval::of(&ours));
        assert!((reduction.mean - 0.7).abs() < 1e-12);
        assert!((reduction.high - (1.0 - mean.low / 10.0)).abs() < 1e-12, "{reduction:?} {mean:?}");
        assert!((Interval::reduction(&[1.0, 9.0], &[2.0, 2.0]).mean + 1.5).abs() < 1e-12);
    }

    #[test]
    fn ranks_correlate_by_order_alone() {
        let of = |values: &[(f64, f64)]| spearman(values);
        assert!((of(&[(1.0, 10.0), (2.0, 100.0), (3.0, 1000.0)]) - 1.0).abs() < 1e-12);
        assert!((of(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]) + 1.0).abs() < 1e-12);
        // The textbook formula 1 - 6 sum d^2 / (n (n^2 - 1)) with ranks 1 2 3 4 and 2 1 4 3: 1 - 24/60.
        assert!((of(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0)]) - 0.6).abs() < 1e-12);
        // Ties share a rank: 0.5 0.5 2 against 0 1 2.
        assert!((of(&[(1.0, 1.0), (1.0, 2.0), (5.0, 3.0)]) - 0.866_025_4).abs() < 1e-6);
        assert!(of(&[(1.0, 1.0), (1.0, 2.0)]).is_nan());
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    }
}
