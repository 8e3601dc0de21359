//! What one client brings in one mode, quantised.

use crate::client::NANOS;
use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::objective::words::Weights;

/// Effective samples are counted in millionths.
pub(crate) const MICRO_SAMPLES: u64 = 1_000_000;

/// The largest theta: beyond 1, generated data hurt more than they help; far beyond it the number is a mistake.
pub const MAX_THETA: u64 = 1_000;

/// How good generated data are, and what updates are weighted by: all that a [`Part`] depends on beside its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// theta in parts of 1e9: 0 where generated data are as good as authentic ones, 1e9 where they are as bad as none.
    pub theta: u64,
    /// What aggregation weights are proportional to.
    pub weights: Weights,
}

impl Quality {
    /// `theta` to the nearest 1e-9.
    ///
    /// # Errors
    /// [`Error::Constant`] for a theta out of range.
    pub fn new(theta: f64, weights: Weights) -> Result<Self> {
        if !(0.0..=MAX_THETA as f64).contains(&theta) {
            return Err(Error::Constant { key: "theta", value: theta, problem: "must lie in [0, 1000]" });
        }
        Ok(Quality { theta: (theta * NANOS as f64).round() as u64, weights })
    }

    /// theta.
    pub fn theta(&self) -> f64 {
        self.theta as f64 / NANOS as f64
    }
}

/// What one client brings in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// v, effective samples, in millionths.
    pub(crate) effective: u64,
    /// w, the weight a_k is proportional to, in millionths of a sample.
    pub(crate) weight: u64,
    /// e, skew that is left, in parts of 1e9.
    pub(crate) skew: u64,
    /// w / b, in millionths of a sample.
    pub(crate) weight_per_batch: u64,
}

impl Part {
    /// The part of a client with `samples`, `skew` (parts of 1e9) and `batch` in a mode.
    pub(crate) fn new(quality: Quality, samples: u64, skew: u64, batch: u32, mode: Mode) -> Part {
        let skew = match mode {
            Mode::Out => return Part::default(),
            Mode::Local => skew,
            // theta <= 1000 and skew <= 2, so this fits
            Mode::Augmented => {
                ((u128::from(skew) * u128::from(quality.theta) + 500_000_000) / u128::from(NANOS)) as u64
            }
        };
        // v = d (1 - e/2) is d (2e9 - e) / 2e9 samples; rounded down, so that nobody is paid for more than there is
        let left = (2 * NANOS).saturating_sub(skew);
        let effective = if samples < 1 << 32 {
            samples * left / 2000
        } else {
            (u128::from(samples) * u128::from(left) / 2000) as u64
        };
        // nothing effective, nothing to weigh: such a client is never asked
        let weight = match quality.weights {
            Weights::Samples if effective > 0 => samples * MICRO_SAMPLES,
            _ => effective,
        };
        let batch = u64::from(batch);
        Part { effective, weight, skew, weight_per_batch: (weight + batch / 2) / batch }
    }

    /// v = d (1 - e/2) in millionths of a sample, what a price pays for.
    pub fn effective(&self) -> u64 {
        self.effective
    }

    /// v in samples.
    pub fn effective_samples(&self) -> f64 {
        self.effective as f64 / MICRO_SAMPLES as f64
    }

    /// w in samples, what the aggregation weight is proportional to.
    pub fn weight(&self) -> f64 {
        self.weight as f64 / MICRO_SAMPLES as f64
    }

    /// e, the skew that is left: lambda, or theta lambda.
    pub fn skew(&self) -> f64 {
        self.skew as f64 / NANOS as f64
    }

    /// Whether the client has something to offer in this mode.
    pub fn is_useful(&self) -> bool {
        self.effective > 0
    }
}
