//! How well what was predicted agrees with what was measured, both as logarithms.

use imfl_statistics::mean;

/// R^2 of what was found by what was said, and the slope of the line through both.
pub fn fit_of_logs(pairs: &[(f64, f64)]) -> (f64, f64) {
    let (x, y) =
        (mean(&pairs.iter().map(|p| p.0).collect::<Vec<_>>()), mean(&pairs.iter().map(|p| p.1).collect::<Vec<_>>()));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(said, found)| of(*said, *found)).sum::<f64>();
    let (left, all) = (sum(&|said, found| (said - found).powi(2)), sum(&|_, found| (found - y).powi(2)));
    let slope =
        sum(&|said, found| (said - x) * (found - y)) / sum(&|said, _| (said - x).powi(2)).max(f64::MIN_POSITIVE);
    (1.0 - left / all.max(f64::MIN_POSITIVE), slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_exactly_has_slope_one_and_what_is_half_as_steep_two() {
        let exact: Vec<(f64, f64)> = (0..9).map(|at| (at as f64, at as f64)).collect();
        let (r2, slope) = fit_of_logs(&exact);
        assert!((r2 - 1.0).abs() < 1e-12 && (slope - 1.0).abs() < 1e-12);
        let flat: Vec<(f64, f64)> = (0..9).map(|at| (at as f64 / 2.0, at as f64)).collect();
        let (r2, slope) = fit_of_logs(&flat);
        assert!(r2 < 0.5 && (slope - 2.0).abs() < 1e-12);
    }
}
