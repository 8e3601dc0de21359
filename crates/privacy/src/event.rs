//! What a round releases.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The least noise for which an account is given, in sensitivities: below it epsilon is above 10^5 and nothing is
/// private.
pub const LEAST_NOISE: f64 = 1e-3;
/// The most noise for which an account is given, in sensitivities.
pub const MOST_NOISE: f64 = 1e7;
/// The most rounds for which an account is given.
pub const MOST_ROUNDS: u64 = 1_000_000_000;

/// A release: a sum of vectors, at most one from each client and none longer than the sensitivity, with Gaussian noise.
///
/// Noise is in sensitivities (the *noise multiplier*). Neighbours are data sets that differ by one client, added or
/// removed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Every client contributes.
    Gaussian {
        /// Standard deviation over sensitivity.
        noise: f64,
    },
    /// Every client contributes with probability `rate`, independently of all others and of other rounds, and nobody is
    /// told who did.
    PoissonGaussian {
        /// Standard deviation over sensitivity.
        noise: f64,
        /// The probability, in (0, 1].
        rate: f64,
    },
}

impl Event {
    /// The event of a round with Poisson sampling, checked.
    ///
    /// # Errors
    /// A noise outside [`LEAST_NOISE`] to [`MOST_NOISE`], or a rate that is not in (0, 1].
    pub fn poisson(noise: f64, rate: f64) -> Result<Self> {
        Self::PoissonGaussian { noise, rate }.checked()
    }

    /// The event of a release to which every client contributes, checked.
    ///
    /// # Errors
    /// A noise outside [`LEAST_NOISE`] to [`MOST_NOISE`].
    pub fn gaussian(noise: f64) -> Result<Self> {
        Self::Gaussian { noise }.checked()
    }

    /// Standard deviation over sensitivity.
    pub fn noise(&self) -> f64 {
        match *self {
            Self::Gaussian { noise } | Self::PoissonGaussian { noise, .. } => noise,
        }
    }

    /// The probability that a client contributes, in (0, 1].
    pub fn rate(&self) -> f64 {
        match *self {
            Self::Gaussian { .. } => 1.0,
            Self::PoissonGaussian { rate, .. } => rate,
        }
    }

    /// Itself, if its numbers are in range.
    pub(crate) fn checked(self) -> Result<Self> {
        if !(LEAST_NOISE..=MOST_NOISE).contains(&self.noise()) {
            return Err(Error::parameter("noise", self.noise(), "a number from 0.001 to 10000000, in sensitivities"));
        }
        if !(self.rate() > 0.0 && self.rate() <= 1.0) {
            return Err(Error::parameter("rate", self.rate(), "a probability above 0 and at most 1"));
        }
        Ok(self)
    }
}

/// So many equal events.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    /// Each of them.
    pub event: Event,
    /// How many.
    pub count: u64,
}
