//! The log-linear schedule: at time t a symbol is still there with probability `alpha_t = 1 - t`.

use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;

/// The earliest time that is learnt from: the weight 1/t has no bound at 0.
const EARLIEST: f64 = 1e-3;

/// The weight of a masked place's cross-entropy at time t, `-alpha'_t / (1 - alpha_t) = 1 / t`, with which the loss is the continuous-time
/// bound on the negative log-likelihood (Sahoo et al. 2024, section 3.4).
pub fn weight(time: f64) -> f64 {
    1.0 / time
}

/// A time for each place of a step's batch: equally spaced from a random start, so that every batch sees all times ("low-discrepancy
/// sampler" of section 3.5 there, after Kingma et al. 2021); each alone is uniform.
pub fn times(seed: u64, step: u64, batch: usize) -> Vec<f64> {
    let start: f64 = keyed(seed, Purpose::Diffusion, 1, 0, step).random();
    let spaced = |place: usize| (start + place as f64 / batch as f64).fract();
    (0..batch).map(|place| EARLIEST + (1.0 - EARLIEST) * spaced(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_batch_sees_all_times() {
        for (batch, step) in [(1, 0), (8, 3), (8, 4), (33, 5)] {
            let mut times = times(7, step, batch);
            times.sort_by(f64::total_cmp);
            assert!(times.iter().all(|time| (EARLIEST..=1.0).contains(time)));
            for (slot, time) in times.iter().enumerate() {
                let place = (time - EARLIEST) / (1.0 - EARLIEST) * batch as f64;
                assert_eq!(place as usize, slot, "{batch} {step}: one time in each slot");
            }
        }
        assert_ne!(times(7, 3, 8), times(7, 4, 8));
        assert_ne!(times(7, 3, 8), times(8, 3, 8));
    }

    /// The integral over times of the weight times the expected masked places is their number.
    #[test]
    fn weighted_places_count_each_place_once() {
        let (length, mut sum) = (25.0, 0.0);
        for step in 0..400 {
            sum += times(1, step, 16).iter().map(|time| weight(*time) * time * length).sum::<f64>() / 16.0;
        }
        assert!((sum / 400.0 - length).abs() < 1e-9);
    }
}
