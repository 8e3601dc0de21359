//! Whether clients learn more when generated images fill what they miss.

use serde::{Deserialize, Serialize};

/// Accuracy of short trainings with and without generated images, on authentic images that no client of them held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filling {
    /// Mean accuracy where every client trains on what it has, in [0, 1].
    pub without: f64,
    /// Mean accuracy where every client's data is filled up.
    pub with: f64,
    /// Standard error of the mean difference, over trials.
    pub error: f64,
}

impl Filling {
    /// The means over pairs of accuracies, without and with, one pair a trial.
    pub fn of(trials: &[(f64, f64)]) -> Self {
        let count = trials.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| trials.iter().map(of).sum::<f64>() / count;
        let (without, with) = (mean(|pair| pair.0), mean(|pair| pair.1));
        let spread = trials.iter().map(|(a, b)| (b - a - (with - without)).powi(2)).sum::<f64>();
        Self { without, with, error: (spread / (count - 1.0).max(1.0) / count).sqrt() }
    }

    /// Accuracy gained.
    pub fn gain(&self) -> f64 {
        self.with - self.without
    }

    /// Whether something is gained, by more than its standard error.
    pub fn helps(&self) -> bool {
        self.gain() > self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_has_to_be_more_than_its_error() {
        let filling = Filling::of(&[(0.5, 0.7), (0.6, 0.7), (0.4, 0.7)]);
        assert!((filling.without - 0.5).abs() < 1e-12 && (filling.with - 0.7).abs() < 1e-12);
        // Differences 0.2, 0.1, 0.3: deviation 0.1, over the root of three.
        assert!((filling.error - 0.1 / 3f64.sqrt()).abs() < 1e-12 && filling.helps());
        assert!(!Filling::of(&[(0.5, 0.5), (0.5, 0.5)]).helps(), "nothing gained");
        assert!(!Filling::of(&[(0.5, 0.4), (0.5, 0.5)]).helps(), "something lost");
        assert!(!Filling::of(&[(0.5, 0.7), (0.5, 0.4), (0.5, 0.5)]).helps(), "luck");
    }
}
