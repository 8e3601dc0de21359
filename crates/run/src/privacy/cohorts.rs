//! Who takes part in which round, as far as the account goes by it.

use crate::config::{PrivateMechanism, RunConfig};
use imfl_privacy::account::{self, Event, Rounds};
use imfl_privacy::ftrl::{Participation, Tree};
use imfl_privacy::{Error, Result};
use serde::{Deserialize, Serialize};

/// How cohorts are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cohorts {
    /// Every client by a coin of its own (Poisson sampling).
    Coins {
        /// The probability that it takes part.
        rate: f64,
        /// Clients that it may be.
        population: u64,
        /// Planned rounds.
        rounds: u64,
    },
    /// Groups of clients, one after the other.
    Turns {
        /// Groups: a client takes part in every so manieth round.
        groups: u64,
        /// Clients of all groups.
        population: u64,
        /// Planned rounds.
        rounds: u64,
    },
}

impl Cohorts {
    /// The cohorts of a run with so many participants.
    pub fn of(run: &RunConfig, participants: usize) -> Self {
        let (cohort, rounds) = (run.training.cohort.unwrap_or(participants).min(participants), run.training.rounds);
        let population = participants as u64;
        match run.privacy.mechanism {
            PrivateMechanism::Gaussian => {
                Self::Coins { rate: (cohort as f64 / population as f64).min(1.0), population, rounds }
            }
            PrivateMechanism::Tree => {
                Self::Turns { groups: (population / cohort.max(1) as u64).max(1), population, rounds }
            }
        }
    }

    /// The expected number of clients of a round.
    pub fn expected(&self) -> f64 {
        match *self {
            Self::Coins { rate, population, .. } => rate * population as f64,
            Self::Turns { groups, population, .. } => population as f64 / groups as f64,
        }
    }

    /// Planned rounds.
    pub fn rounds(&self) -> u64 {
        match *self {
            Self::Coins { rounds, .. } | Self::Turns { rounds, .. } => rounds,
        }
    }

    /// How often a client takes part in the first `rounds` rounds.
    fn participation(groups: u64, rounds: u64) -> Participation {
        Participation { separation: groups, most: rounds.div_ceil(groups).max(1) }
    }

    /// What the first `rounds` rounds have told with this noise.
    ///
    /// # Errors
    /// A noise that is out of range.
    pub fn told(&self, noise: f64, rounds: u64) -> Result<Rounds> {
        Ok(match *self {
            Self::Coins { rate, .. } => Rounds { event: Event::poisson(noise, rate)?, count: rounds },
            Self::Turns { groups, .. } => {
                let participation = Self::participation(groups, rounds);
                Rounds { event: Tree::new(rounds)?.event(noise, participation)?, count: 1 }
            }
        })
    }

    /// The least noise with which the planned rounds stay within a budget.
    ///
    /// # Errors
    /// A parameter out of range, or a budget that no noise reaches.
    pub fn noise_for(&self, epsilon: f64, delta: f64) -> Result<f64> {
        match *self {
            Self::Coins { rate, rounds, .. } => account::noise_for(epsilon, delta, rate, rounds),
            Self::Turns { groups, rounds, .. } => {
                let alone = account::noise_for(epsilon, delta, 1.0, 1)?;
                let sensitivity = Tree::new(rounds)?.sensitivity(Self::participation(groups, rounds))?;
                // Divided by the sensitivity again, rounding must not lead below.
                let noise = alone * sensitivity * (1.0 + 4.0 * f64::EPSILON);
                if noise.is_finite() { Ok(noise) } else { Err(Error::Unreachable { epsilon, delta, most: f64::MAX }) }
            }
        }
    }
}
