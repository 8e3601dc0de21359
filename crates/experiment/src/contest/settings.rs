//! What a comparison needs beside the settings of an assessment.

use crate::assess;
use imfl_aigc::Corruption;
use imfl_engine::partition::Scheme;
use imfl_run::failure::{Failure, Kind, Outcome};

/// Who competes, and what for.
#[derive(Clone)]
pub struct Settings {
    /// How images are measured.
    pub assess: assess::Settings,
    /// What a run takes as a generator, or the oracle: authentic samples that nobody else holds.
    pub generators: Vec<String>,
    /// Steps after which a generator that is trained on the spot enters the comparison, 0 for none; if absent, some where such a generator exists for the
    /// kind of samples.
    pub lengths: Option<Vec<u64>>,
    /// Faults that turn the first generator's images into those of another contestant.
    pub corrupt: Vec<Corruption>,
    /// Trials, each with clients, models and images of its own.
    pub trials: u64,
    /// Clients of federated training.
    pub clients: usize,
    /// Samples of a client.
    pub client_samples: usize,
    /// Who holds what; the classes that a client misses are filled.
    pub partition: Scheme,
    /// Rounds of federated training.
    pub rounds: u64,
}

impl Settings {
    pub(super) fn check(&self) -> Outcome {
        let rules =
            [("--trials", self.trials), ("--rounds", self.rounds), ("--client-samples", self.client_samples as u64)];
        match rules.iter().find(|(_, value)| *value == 0) {
            Some((flag, _)) => Err(Failure::new(Kind::Config, format!("{flag} must be at least 1"))),
            None if self.rounds > 1_000_000 || self.trials > 1_000_000 => {
                Err(Failure::new(Kind::Config, "--rounds and --trials must be at most 1000000"))
            }
            None if self.clients.saturating_mul(self.client_samples) > 1 << 31 => {
                Err(Failure::new(Kind::Config, "--clients times --client-samples must be at most 2^31"))
            }
            None => Ok(()),
        }
    }
}
