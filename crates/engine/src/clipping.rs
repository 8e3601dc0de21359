//! Cutting an update to a norm, in an order of additions that a device with many threads can keep.

/// Squares that are added one after the other; then these sums are.
pub(crate) const BLOCK: usize = 256;

/// Euclidean norm of a change of a model.
pub(crate) fn norm(change: &[f32]) -> f64 {
    let square = |value: &f32| f64::from(*value) * f64::from(*value);
    change.chunks(BLOCK).map(|block| block.iter().map(square).sum::<f64>()).sum::<f64>().sqrt()
}

/// What the values of a change of that norm are multiplied by, so that its norm is at most `bound`.
pub(crate) fn factor(norm: f64, bound: f64) -> f64 {
    if norm <= bound { 1.0 } else { bound / norm }
}

/// A change with its norm cut to `bound`.
pub(crate) fn clip(change: &[f32], bound: f64) -> Vec<f32> {
    let factor = factor(norm(change), bound);
    change.iter().map(|value| (f64::from(*value) * factor) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_longer_is_cut() {
        let long: Vec<f32> = (0..1000).map(|i| (i % 7) as f32 - 3.0).collect();
        let exact = long.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        assert_eq!(norm(&long), exact, "integers: exact in any order");
        assert_eq!(clip(&long, exact), long);
        let cut = clip(&long, 2.0);
        assert!((norm(&cut) - 2.0).abs() < 1e-6);
        assert!(
            cut.iter().zip(&long).all(|(cut, long)| (f64::from(*cut) * exact / 2.0 - f64::from(*long)).abs() < 1e-6)
        );
        assert!(clip(&[f32::INFINITY, 1.0], 1.0)[0].is_nan() && norm(&[]) == 0.0);
    }
}
