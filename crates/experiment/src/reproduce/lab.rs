//! Federated training of any choice of participants and modes, by the pipeline's own rules.

use super::world::Place;
use imfl_engine::client::{Client, Images};
use imfl_engine::federated::{Federation, Participant, RoundReport, ServerState};
use imfl_mechanism::{Mode, Target};
use imfl_run::failure::{Failure, Outcome};
use imfl_run::pipeline::augment;
use serde::{Deserialize, Serialize};

/// A model on the test images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of images that were classified correctly.
    pub accuracy: f64,
}

/// Clients with both kinds of data, drawn once for all choices of modes.
pub struct Lab {
    /// The cell's first stages.
    pub place: Place,
    /// Model, images and settings of training.
    pub federation: Federation,
    augmented: Vec<Client>,
    test: Images,
}

impl Lab {
    /// Draws every client's generated images, so that a client trains on the same ones under every rule.
    ///
    /// # Errors
    /// As a run's.
    pub fn open(place: Place) -> Outcome<Self> {
        let setup = &place.setup;
        let everybody = match setup.generator {
            Some(_) => vec![Mode::Augmented; place.clients.len()],
            None => vec![Mode::Local; place.clients.len()],
        };
        let target = place.market.population().target().map(Target::shares).unwrap_or_default();
        let data = augment::of_modes(setup, &place.clients, &everybody, &target, None)?;
        let mut federation = setup.federation()?;
        if let Some(generated) = data.generated {
            federation.images = federation.images.with_generated(generated);
        }
        let test = federation.images.like(setup.test.clone());
        Ok(Self { federation, augmented: data.clients, test, place })
    }

    /// Everybody who takes part in these modes, with the data of its mode, weighted by effective samples.
    pub fn participants(&self, modes: &[Mode]) -> Vec<Participant> {
        let weights = self.place.market.aggregation_weights(modes);
        let of = |((index, &mode), weight): ((usize, &Mode), f64)| {
            let client = match mode {
                Mode::Out => return None,
                Mode::Local => &self.place.clients[index],
                Mode::Augmented => &self.augmented[index],
            };
            (weight > 0.0).then(|| Participant { client: client.clone(), weight })
        };
        modes.iter().enumerate().zip(weights).filter_map(of).collect()
    }

    /// A model on the test images.
    pub fn score(&self, state: &ServerState) -> Score {
        let evaluation = self.federation.evaluate(state, &self.test);
        Score { loss: evaluation.loss, accuracy: evaluation.accuracy() }
    }

    /// The images that accuracy is reported on.
    pub fn test(&self) -> &Images {
        &self.test
    }

    /// Trains these participants for as many rounds as the settings say, shows the model before the first round and after every
    /// round with the number of rounds behind it, and scores the last.
    ///
    /// # Errors
    /// Training that diverged.
    pub fn watch(&self, participants: &[Participant], mut see: impl FnMut(u64, &ServerState)) -> Outcome<Score> {
        let (start, rounds) = (self.federation.start(), self.place.setup.config.training.rounds);
        see(0, &start);
        let seen = |state: &ServerState, report: RoundReport| {
            see(report.round, state);
            Ok::<_, Failure>(())
        };
        Ok(self.score(&self.federation.train_with(start, rounds, |_| Ok(participants), seen)?))
    }

    /// Trains for as many rounds as the settings say; `cohort` picks who is there in a round, counted from 1. The score before
    /// the first round and after every round; a round with nobody changes nothing.
    ///
    /// # Errors
    /// Training that diverged.
    pub fn train(&self, cohort: impl Fn(u64) -> Vec<Participant>) -> Outcome<Vec<Score>> {
        self.train_in(&self.federation, cohort)
    }

    /// The same in a federation with other rules.
    ///
    /// # Errors
    /// Training that diverged.
    pub fn train_in(&self, federation: &Federation, cohort: impl Fn(u64) -> Vec<Participant>) -> Outcome<Vec<Score>> {
        let mut state = self.federation.start();
        let mut scores = vec![self.score(&state)];
        for round in 1..=self.place.setup.config.training.rounds {
            let present = cohort(round);
            if present.is_empty() {
                scores.push(scores[scores.len() - 1]);
                continue;
            }
            state = federation.apply(state, &present)?.0;
            scores.push(self.score(&state));
        }
        Ok(scores)
    }
}
