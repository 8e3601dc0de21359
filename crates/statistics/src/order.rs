//! What the order of values alone tells.

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

/// The value that a share of the others lies below: the one nearest to that place of the sorted values; NaN of none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// The place of the largest value, the first of equal ones; NaN is never the largest. 0 of none.
///
/// ```
/// assert_eq!(imfl_statistics::argmax(&[0.1, 0.7, f32::NAN, 0.7]), 1);
/// ```
pub fn argmax(values: &[f32]) -> usize {
    values.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &x)| if x > best.1 { (i, x) } else { best }).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_statistics() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!([0.0, 0.1, 0.5, 0.9, 1.0].map(|share| quantile(&values, share)), [1.0, 1.0, 3.0, 5.0, 5.0]);
        assert!(median(&[]).is_nan() && quantile(&[], 0.5).is_nan());
        assert_eq!((argmax(&[]), argmax(&[f32::NAN]), argmax(&[f32::NAN, -2.0, -1.0])), (0, 0, 2));
    }
}
