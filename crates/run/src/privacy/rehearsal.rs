//! The privacy of a run before anybody takes part in it: what pilots are trained with, so that a forecast knows of clipping and noise.
//!
//! How much noise is in the mean of a round depends on how many take part. A pilot stands for a run with so many samples: its updates are cut to
//! the same length, and their mean gets the noise that the mean gets where as many clients take part as hold these samples. Since the laws of a
//! forecast are about samples, they take in with them what the noise does.

use super::{Cohorts, Terms, private};
use crate::config::RunConfig;
use crate::failure::Outcome;
use imfl_engine::federated::Private;
use imfl_privacy::account::LEAST_NOISE;
use imfl_privacy::secret::Secret;

/// What a private run will be, for any number of participants.
#[derive(Clone)]
pub struct Rehearsal(RunConfig);

impl Rehearsal {
    /// Of a run, if it is private.
    pub fn of(config: &RunConfig) -> Option<Self> {
        config.privacy.is_asked().then(|| Self(config.clone()))
    }

    /// What makes the rounds of a pilot of so many `clients` private, all of which take part in each, in place of a run with so many
    /// `participants`. Its images are nobody's: the secret is none.
    ///
    /// # Errors
    /// Settings that no noise makes private.
    pub fn private(&self, clients: usize, participants: f64, seed: u64) -> Outcome<Private> {
        let config = &self.0.privacy;
        let participants = (participants.round() as usize).clamp(1, self.0.partition.clients.max(1));
        let cohorts = Cohorts::of(&self.0, participants);
        let terms = Terms::new(config, &cohorts)?;
        // The mean of the pilot's few updates gets the noise that the mean of the run's cohort gets. The bound's votes are a share of the cohort, too.
        let share = clients as f64 / terms.expected;
        let terms = Terms { noise: (terms.noise * share).max(LEAST_NOISE), expected: clients as f64, ..terms };
        let mut own = config.clone();
        own.votes = own.votes.map(|votes| votes * share);
        private(&own, &terms, clients, &cohorts, Secret::known(seed))
    }

    /// What a forecast depends on, in words.
    pub fn words(&self) -> String {
        let (config, training) = (&self.0.privacy, &self.0.training);
        let noise = match (config.noise, config.epsilon) {
            (Some(noise), _) => format!("noise {noise}"),
            (None, epsilon) => {
                format!("epsilon {} at {:e}", epsilon.unwrap_or_default(), config.delta.unwrap_or_default())
            }
        };
        let bound = config.quantile.map(|quantile| format!(", following {quantile} by {}", config.clip_rate));
        let votes = config.votes.map(|votes| format!(", votes {votes}"));
        let cohort = training.cohort.unwrap_or(self.0.partition.clients);
        format!(
            "{} {noise}, clip {}{}{}, cohort {cohort} of {}",
            config.mechanism,
            config.clip.unwrap_or_default(),
            bound.unwrap_or_default(),
            votes.unwrap_or_default(),
            self.0.partition.clients
        )
    }
}
