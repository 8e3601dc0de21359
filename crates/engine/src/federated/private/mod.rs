//! Rounds with central differential privacy at the level of clients: every client's change is clipped, has weight one and joins a
//! sum of integers; noise is added once to the sum of all workers and ranks; the sum is divided by the *expected* cohort
//! (McMahan et al. 2018, arXiv 1710.06963).
//!
//! What a round may be for an account of it to hold is in `imfl_privacy`'s documentation. The federation keeps to it as far as a
//! round goes ([`Void`]); who is drawn into a cohort, with which probability, and what all rounds together have told is up to
//! whoever calls it.

mod release;
mod sum;
mod void;

pub use void::Void;

pub(super) use release::Release;
pub(super) use sum::PrivateSum;

use super::state::ServerState;
use imfl_kernel::mean::UNIT;
use imfl_privacy::clip::AdaptiveClip;
use imfl_privacy::ftrl::Tree;
use imfl_privacy::noise::{DiscreteGaussian, Variance};
use imfl_privacy::secret::Secret;
use imfl_privacy::{Error, Result};

/// Clients times clipping bound: the sum and its noise have to fit 64 bits in units of 2^-40.
const MOST_SUM: f64 = (1u64 << 22) as f64;
/// Deviation of the noise, for the same reason.
const MOST_DEVIATION: f64 = (1u64 << 14) as f64;
/// The largest bound: changes of 2,048 and above are refused as they are.
const MOST_CLIP: f64 = 1024.0;
/// The smallest bound, well above the rounding of a change to units for up to 2^40 parameters.
const LEAST_CLIP: f64 = 1e-5;

/// How the noise of rounds hangs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// Not at all: for cohorts that are drawn by coins (Poisson sampling).
    Independent,
    /// By a binary tree over all rounds, whose nodes have noise of their own (DP-FTRL, Kairouz et al. 2021, arXiv 2103.00039): for
    /// cohorts that cannot be drawn at random.
    Tree(Tree),
}

/// What makes rounds private.
#[derive(Clone, Debug)]
pub struct Private {
    clip: f64,
    noise: f64,
    expected: f64,
    population: usize,
    follows: Option<AdaptiveClip>,
    correlation: Correlation,
    secret: Secret,
}

impl Private {
    /// Clips to a Euclidean length of `clip`, adds noise of deviation `noise * clip` to the sum, or to each node of a tree, and
    /// divides by the `expected` number of clients of a round, out of a `population`. Coins and noise are keyed by the `secret`.
    ///
    /// # Errors
    /// A bound, noise or number of clients that is out of range, or whose sum would not fit 64 bits.
    pub fn new(clip: f64, noise: f64, expected: f64, population: usize, secret: Secret) -> Result<Self> {
        let within = |value: f64, least: f64, most: f64| value >= least && value <= most;
        let refuse = |name, value: f64, must| Err(Error::Parameter { name, value: value.to_string(), must });
        if !within(clip, LEAST_CLIP, MOST_CLIP) {
            return refuse("clip", clip, "a bound from 0.00001 to 1024: without one no noise is enough");
        }
        if !(within(noise, imfl_privacy::account::LEAST_NOISE, f64::MAX) && noise * clip <= MOST_DEVIATION) {
            return refuse("noise", noise, "at least 0.001, in clipping bounds, and its deviation at most 16384");
        }
        if !(within(expected, f64::MIN_POSITIVE, population as f64)) {
            return refuse("expected cohort", expected, "above 0 and at most the number of clients");
        }
        if population as f64 * clip > MOST_SUM {
            return refuse("clip", clip, "at most 4194304 over the number of clients, for their sum to fit 64 bits");
        }
        Ok(Self { clip, noise, expected, population, follows: None, correlation: Correlation::Independent, secret })
    }

    /// The bound follows a quantile of the clients' lengths from round to round at a rate (0.2 in Andrew et al. 2021), by votes that
    /// get noise of `deviation` on their count; updates and votes together are a release with the noise of [`Private::new`].
    ///
    /// # Errors
    /// A number out of range, and noise on votes that is too little for the noise of both together.
    pub fn following(self, quantile: f64, rate: f64, deviation: f64) -> Result<Self> {
        let follows = AdaptiveClip::new(self.clip, quantile, rate, self.expected, deviation)?;
        follows.update_noise(self.noise)?;
        Ok(Self { follows: Some(follows), ..self })
    }

    /// Noise is correlated over rounds. The bound then has to stay.
    pub fn correlated(self, correlation: Correlation) -> Self {
        Self { correlation, ..self }
    }

    /// Whether a client takes part in a round, by a coin of its own that comes up with probability `rate`.
    pub fn coin(&self, round: u64, client: u32, rate: f64) -> bool {
        self.secret.coin(round, client, rate)
    }

    /// The clipping bound of the round after `state`.
    pub fn clip(&self, state: &ServerState) -> f64 {
        self.follows.as_ref().and(state.clip).unwrap_or(self.clip)
    }

    /// Whether noise that is correlated has one bound.
    pub(super) fn bound_stays_if_correlated(&self) -> bool {
        self.follows.is_none() || self.correlation == Correlation::Independent
    }

    /// The largest bound that may be followed to, and the smallest.
    fn bounds(&self) -> (f64, f64) {
        let most = MOST_CLIP.min(MOST_SUM / self.population as f64).min(MOST_DEVIATION / (2.0 * self.noise));
        (LEAST_CLIP, most.max(LEAST_CLIP))
    }

    /// What the round after `state` adds to its sum.
    pub(super) fn release(&self, state: &ServerState) -> Result<Release> {
        let (round, clip) = (state.round + 1, self.clip(state));
        let follows = self.follows.map(|_| self.follow(clip)).transpose()?;
        let noise = follows.as_ref().map_or(Ok(self.noise), |follows| follows.update_noise(self.noise))?;
        // Below 2^50 by the limits above.
        let bound = (clip / UNIT) as u64;
        let gaussian = DiscreteGaussian::new(Variance::scaled(noise, bound)?);
        let votes = follows.as_ref().map(AdaptiveClip::count_noise).transpose()?;
        let (correlation, secret, expected) = (self.correlation, self.secret.clone(), self.expected);
        Ok(Release { round, clip, bound, gaussian, votes, correlation, secret, expected })
    }

    /// The bound after a round with these votes, noise included.
    pub(super) fn next_clip(&self, clip: f64, votes: i64) -> Result<Option<f64>> {
        if self.follows.is_none() {
            return Ok(None);
        }
        let mut follows = self.follow(clip)?;
        follows.step(votes);
        let (least, most) = self.bounds();
        Ok(Some(follows.bound().clamp(least, most)))
    }

    /// The quantile that is followed, from this bound on.
    fn follow(&self, clip: f64) -> Result<AdaptiveClip> {
        self.follows.as_ref().map_or_else(
            || {
                Err(Error::Parameter {
                    name: "quantile",
                    value: "missing".into(),
                    must: "given for a bound that moves",
                })
            },
            |follows| follows.at(clip),
        )
    }
}

#[cfg(test)]
mod tests;
