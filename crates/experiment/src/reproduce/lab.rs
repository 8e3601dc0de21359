//! Federated training of any choice of participants and modes, by the pipeline's own rules.

use super::world::Place;
use imfl_engine::client::{Client, Images};
use imfl_engine::data::Dataset;
use imfl_engine::federated::{Evaluation, Federation, Participant, RoundReport, ServerState};
use imfl_mechanism::{Mode, Target};
use imfl_run::config::RunConfig;
use imfl_run::failure::{Failure, Outcome};
use imfl_run::pipeline::{Setup, augment};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model on the test images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of images that were classified correctly.
    pub accuracy: f64,
}

impl Score {
    /// What an evaluation found.
    pub fn of(evaluation: &Evaluation) -> Self {
        Self { loss: evaluation.loss, accuracy: evaluation.accuracy() }
    }
}

/// Trains these clients, each counted by its samples, for as many rounds as the settings say, and scores the model.
///
/// # Errors
/// Training that diverged.
pub fn by_samples(setup: &Setup, clients: &[Client], generated: Option<&Arc<Dataset>>) -> Outcome<Score> {
    let federation = setup.undisturbed(generated)?;
    let cohort: Vec<Participant> = clients.iter().cloned().map(Participant::by_samples).collect();
    let state = federation.train(federation.start(), setup.config.training.rounds, &cohort)?;
    Ok(Score::of(&federation.evaluate(&state, &setup.test_images())))
}

/// Clients with both kinds of data, drawn once for all choices of modes.
pub struct Lab {
    /// The cell's first stages.
    pub place: Place,
    /// Model, images and settings of training.
    pub federation: Federation,
    augmented: Vec<Client>,
    generated: Option<Arc<Dataset>>,
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
        let federation = setup.undisturbed(data.generated.as_ref())?;
        let test = setup.test_images();
        Ok(Self { federation, augmented: data.clients, generated: data.generated, test, place })
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
        Score::of(&self.federation.evaluate(state, &self.test))
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

    /// The same clients and images in the federation of a run with other settings, its aggregation and attacks included.
    ///
    /// # Errors
    /// A setting that makes no sense.
    pub fn federation(&self, change: impl FnOnce(&mut RunConfig)) -> Outcome<Federation> {
        let setup = self.place.setup.with(self.place.setup.seed, change);
        setup.config.check()?;
        setup.federation(self.generated.as_ref())
    }

    /// As [`Lab::train`], in a federation with other rules.
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
