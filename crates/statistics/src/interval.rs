//! Means and their intervals.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::fmt;

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
        let (mean, count) = (mean(values), values.len() as f64);
        if values.len() < 2 {
            return Self::exactly(mean);
        }
        Self::around(mean, (variance(values) / count).sqrt(), count)
    }

    /// A value that is known without doubt.
    pub fn exactly(mean: f64) -> Self {
        Self { mean, low: mean, high: mean }
    }

    /// What the mean of `ours` is below the mean of `theirs`, as a share of the latter: 1 - sum ours / sum theirs, with the interval of the
    /// jackknife over pairs. Means are compared and not pairs, because a server's cost is an expected cost: one market in
    /// which a price fails may cost more than many in which it succeeds.
    pub fn reduction(ours: &[f64], theirs: &[f64]) -> Self {
        let share = |ours: f64, theirs: f64| 1.0 - ours / theirs.max(f64::MIN_POSITIVE);
        let (own, their): (f64, f64) = (ours.iter().sum(), theirs.iter().sum());
        let (mean, count) = (share(own, their), ours.len() as f64);
        if ours.len() < 2 {
            return Self::exactly(mean);
        }
        let without: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| share(own - a, their - b)).collect();
        let middle = without.iter().sum::<f64>() / count;
        let variance = without.iter().map(|value| (value - middle).powi(2)).sum::<f64>() * (count - 1.0) / count;
        Self::around(mean, variance.sqrt(), count)
    }

    /// In percent: `92.0 ±2.5 %` with one digit.
    pub fn percent(&self, digits: usize) -> String {
        let Self { mean, high, .. } = self;
        format!("{:.digits$} ±{:.digits$} %", mean * 100.0, (high - mean) * 100.0)
    }

    fn around(mean: f64, error: f64, count: f64) -> Self {
        // Degrees of freedom are at least 1, so the distribution exists.
        let quantile = StudentsT::new(0.0, 1.0, count - 1.0).map_or(f64::NAN, |t| t.inverse_cdf(0.975));
        Self { mean, low: mean - quantile * error, high: mean + quantile * error }
    }
}

impl FromIterator<f64> for Interval {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self::of(&values.into_iter().collect::<Vec<f64>>())
    }
}

/// The mean and what the interval reaches above it, with as many digits as asked for, four by default: `0.9200 ±0.0250`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let digits = f.precision().unwrap_or(4);
        write!(f, "{:.digits$} ±{:.digits$}", self.mean, self.high - self.mean)
    }
}

/// The mean; 0 of none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The unbiased deviation; 0 of fewer than two.
pub fn deviation(values: &[f64]) -> f64 {
    variance(values).sqrt()
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len().saturating_sub(1).max(1) as f64
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
    fn an_interval_is_printed_with_what_it_reaches_above_the_mean() {
        let interval = Interval { mean: 0.5, low: 0.375, high: 0.625 };
        assert_eq!(
            format!("{interval} {interval:.2} {}", interval.percent(1)),
            "0.5000 ±0.1250 0.50 ±0.12 50.0 ±12.5 %"
        );
        assert_eq!(Interval::exactly(2.0).to_string(), "2.0000 ±0.0000");
        assert_eq!([1.0, 2.0].into_iter().collect::<Interval>(), Interval::of(&[1.0, 2.0]));
    }

    #[test]
    fn few_values_have_no_deviation() {
        assert_eq!((mean(&[]), deviation(&[]), deviation(&[3.0])), (0.0, 0.0, 0.0));
        assert_eq!(deviation(&[1.0, 3.0]), 2f64.sqrt());
    }
}
