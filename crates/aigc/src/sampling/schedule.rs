/// Noise levels of `steps` steps, from `max` to `min` and then 0 (Karras et al. 2022, equation 5).
pub fn sigmas(steps: usize, min: f64, max: f64, rho: f64) -> Vec<f64> {
    let (from, to) = (max.powf(1.0 / rho), min.powf(1.0 / rho));
    let last = steps.saturating_sub(1).max(1) as f64;
    let mut sigmas: Vec<f64> = (0..steps).map(|i| (from + i as f64 / last * (to - from)).powf(rho)).collect();
    sigmas.push(0.0);
    sigmas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_fall_from_the_highest_to_zero() {
        let levels = sigmas(18, 0.002, 80.0, 7.0);
        assert_eq!(levels.len(), 19);
        assert!((levels[0] - 80.0).abs() < 1e-9 && (levels[17] - 0.002).abs() < 1e-9 && levels[18] == 0.0);
        assert!(levels.is_sorted_by(|a, b| a > b));
        // The second of 18 levels as the paper's equation gives it: (80^(1/7) + (0.002^(1/7) - 80^(1/7)) / 17)^7.
        assert!((levels[1] - 57.58598).abs() < 1e-3, "{}", levels[1]);
        assert_eq!(sigmas(1, 0.1, 2.0, 7.0).len(), 2);
    }
}
