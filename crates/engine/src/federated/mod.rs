//! Federated averaging (McMahan et al. 2017): `init` makes a server state, `apply` takes it through one round.

pub mod aggregate;
mod evaluate;
mod local;

pub use evaluate::{Evaluation, evaluate};
pub use local::LocalSgd;

use crate::client::{Client, Images};
use crate::data::Normalisation;
use crate::device::Compute;
use crate::model::Model;
use crate::parameters::Weights;
use crate::random::{Purpose, keyed};
use aggregate::ExactMean;
use rand::seq::index;
use std::sync::Arc;
use std::time::Instant;

/// A client in a round, and how much its update counts.
#[derive(Clone, Debug)]
pub struct Participant {
    /// Whose samples are trained on.
    pub client: Client,
    /// Weight of its update relative to the other participants': its samples, or its effective samples. Above zero.
    pub weight: f64,
}

/// What stays the same over all rounds.
#[derive(Clone)]
pub struct Federation {
    /// The model that everybody trains.
    pub model: Arc<dyn Model>,
    /// Where samples come from.
    pub images: Images,
    /// What a client does in a round.
    pub local: LocalSgd,
    /// Where it is computed.
    pub compute: Compute,
    /// Keys all random numbers.
    pub seed: u64,
}

/// The server between two rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerState {
    /// Rounds that are done.
    pub round: u64,
    /// The global model.
    pub weights: Weights,
}

/// What a round did.
#[derive(Clone, Debug)]
pub struct RoundReport {
    /// The round's number, from 1.
    pub round: u64,
    /// Who took part, by client id.
    pub cohort: Vec<u32>,
    /// Whose update was not finite and was left out.
    pub rejected: Vec<u32>,
    /// Mean training loss over the accepted clients' samples.
    pub train_loss: f64,
    /// Samples trained on, every epoch counted.
    pub samples: u64,
    /// Wall time.
    pub seconds: f64,
}

/// Training cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainingError {
    /// No update of the round could be used.
    #[error(
        "training diverged in round {round}: client {client} returned {what}, and so did all {cohort} of the cohort; \
         lower the learning rate"
    )]
    Diverged {
        /// The round, from 1.
        round: u64,
        /// The first client of the cohort.
        client: u32,
        /// What was wrong with its update.
        what: &'static str,
        /// Clients in the cohort.
        cohort: usize,
    },
    /// There is nobody to train.
    #[error("round {0} has an empty cohort")]
    EmptyCohort(u64),
}

/// The first state of a server: the model's initial weights for `seed`.
pub fn init(model: &dyn Model, seed: u64) -> ServerState {
    ServerState { round: 0, weights: Weights::initialise(model.layout().clone(), seed) }
}

/// Draws `size` different positions out of `population`, keyed by the round.
pub fn sample_cohort(population: usize, size: usize, seed: u64, round: u64) -> Vec<usize> {
    let mut random = keyed(seed, Purpose::Cohort, round, 0, 0);
    let mut chosen = index::sample(&mut random, population, size.min(population)).into_vec();
    chosen.sort_unstable();
    chosen
}

impl Federation {
    /// Bundles what a round needs. Clients present `authentic` images on the scale of `normalisation`.
    pub fn new(
        model: Arc<dyn Model>,
        authentic: Arc<crate::data::Dataset>,
        normalisation: &Normalisation,
        local: LocalSgd,
        compute: Compute,
        seed: u64,
    ) -> Self {
        Self { model, images: Images::new(authentic, normalisation), local, compute, seed }
    }

    /// One round: every participant trains a copy of the global model, the server takes the weighted mean of the
    /// updates. The result does not depend on the number of workers.
    ///
    /// # Errors
    /// [`TrainingError`] if nobody takes part or no update is finite; the state is then lost with it, keep a clone to go on.
    pub fn apply(
        &self,
        mut state: ServerState,
        cohort: &[Participant],
    ) -> Result<(ServerState, RoundReport), TrainingError> {
        let started = Instant::now();
        let round = state.round + 1;
        let total: f64 = cohort.iter().map(|participant| participant.weight).sum();
        let base = &state.weights;
        let (means, outcomes) = crate::worker::run(
            self.compute.workers,
            cohort.len(),
            || ExactMean::new(base.values().len()),
            |mean, index| {
                let Participant { client, weight } = &cohort[index];
                let update = self.local.train(self, base, client, round);
                let accepted = mean.add(base.values(), update.weights.values(), weight / total);
                (accepted, update.loss, update.samples)
            },
        );
        let rejected: Vec<u32> = cohort
            .iter()
            .zip(&outcomes)
            .filter_map(|(participant, (accepted, ..))| accepted.is_err().then_some(participant.client.id))
            .collect();
        let Some(mean) = means.into_iter().reduce(ExactMean::merge).filter(|_| rejected.len() < cohort.len()) else {
            return Err(match (cohort.first(), outcomes.first()) {
                (Some(first), Some((Err(what), ..))) => {
                    TrainingError::Diverged { round, client: first.client.id, what, cohort: cohort.len() }
                }
                _ => TrainingError::EmptyCohort(round),
            });
        };
        mean.apply(state.weights.values_mut());
        state.round = round;
        // Summed in the order of the cohort, whoever finished first.
        let accepted = outcomes.iter().filter(|(accepted, ..)| accepted.is_ok());
        let (loss, counted) =
            accepted.fold((0.0, 0u64), |(l, n), (_, loss, samples)| (l + loss * *samples as f64, n + samples));
        let report = RoundReport {
            round,
            cohort: cohort.iter().map(|participant| participant.client.id).collect(),
            rejected,
            train_loss: loss / counted.max(1) as f64,
            samples: outcomes.iter().map(|(_, _, samples)| samples).sum(),
            seconds: started.elapsed().as_secs_f64(),
        };
        Ok((state, report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, ImageShape};
    use crate::model::Architecture;

    /// Two classes that differ in which half is bright.
    fn halves(samples: usize) -> Dataset {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let pixels = (0..samples * 64).map(|i| {
            let (sample, pixel) = (i / 64, i % 64);
            let bright = (pixel < 32) == (sample % 2 == 0);
            ((i * 7919) % 100 + if bright { 120 } else { 0 }) as u8
        });
        let names = vec!["top".to_string(), "bottom".to_string()];
        Dataset::new("halves", shape, names, pixels.collect(), (0..samples).map(|i| (i % 2) as u16).collect()).unwrap()
    }

    fn federation(workers: usize, rate: f64) -> (Federation, Vec<Participant>) {
        let data = halves(70);
        let shares = "dirichlet:1".parse::<crate::partition::Scheme>().unwrap().partition(&data, 5, 1).unwrap();
        let cohort = shares
            .iter()
            .enumerate()
            .map(|(id, share)| Participant { client: Client::authentic(id as u32, share), weight: share.len() as f64 });
        let cohort = cohort.collect();
        let normalisation = data.normalisation();
        let model = Architecture::SimpleCnn.build(data.shape, 2).unwrap();
        let local = LocalSgd { rate, epochs: 2, batch: 4 };
        let compute = Compute { workers, ..Compute::cpu() };
        (Federation::new(model, Arc::new(data), &normalisation, local, compute, 3), cohort)
    }

    #[test]
    fn rounds_learn_and_do_not_depend_on_the_number_of_workers() {
        let after = |workers| {
            let (federation, cohort) = federation(workers, 0.05);
            let mut state = init(federation.model.as_ref(), 9);
            let mut losses = Vec::new();
            for _ in 0..3 {
                let (next, report) = federation.apply(state, &cohort).unwrap();
                losses.push(report.train_loss);
                state = next;
            }
            (state, losses)
        };
        let (one, losses) = after(1);
        assert!(losses[2] < losses[0] / 2.0, "{losses:?}");
        for workers in [2, 5] {
            let (other, other_losses) = after(workers);
            assert!(one == other && losses == other_losses, "{workers} workers give another model");
        }
    }

    #[test]
    fn a_diverged_round_names_the_client() {
        let (federation, cohort) = federation(1, 1e30);
        let error = federation.apply(init(federation.model.as_ref(), 9), &cohort).unwrap_err();
        assert!(matches!(error, TrainingError::Diverged { round: 1, client: 0, .. }), "{error}");
        assert!(matches!(
            federation.apply(init(federation.model.as_ref(), 9), &[]),
            Err(TrainingError::EmptyCohort(1))
        ));
    }

    #[test]
    fn evaluation_counts_each_image_once_for_any_number_of_workers() {
        let (federation, _) = federation(1, 0.1);
        let weights = init(federation.model.as_ref(), 9).weights;
        let data = Arc::new(halves(301));
        let images = Images::new(data, &halves(301).normalisation());
        let of = |workers| {
            let compute = Compute { workers, ..Compute::cpu() };
            evaluate(federation.model.as_ref(), &weights, &images, &compute)
        };
        let one = of(1);
        assert_eq!(one.samples, 301);
        assert!(one.loss > 0.0 && (0.0..=1.0).contains(&one.accuracy()));
        assert_eq!(one, of(3));
    }

    #[test]
    fn cohorts_are_distinct_and_keyed_by_the_round() {
        let first = sample_cohort(100, 10, 1, 1);
        assert_eq!(first.len(), 10);
        assert!(first.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(first, sample_cohort(100, 10, 1, 1));
        assert_ne!(first, sample_cohort(100, 10, 1, 2));
        assert_eq!(sample_cohort(3, 10, 1, 1), [0, 1, 2]);
    }
}
