//! Federated averaging (McMahan et al. 2017): `init` makes a server state, `apply` takes it through one round.

pub mod aggregate;
mod chunk;
mod cohort;
mod evaluate;
mod local;
mod plan;
mod scaffold;
mod schedule;
mod server;
mod state;

pub use cohort::{CohortError, CohortSampling, CohortSamplingError, Drawn};
pub use evaluate::{Evaluation, evaluate, evaluate_clients};
pub use local::{LocalAlgorithm, LocalAlgorithmError, LocalSgd};
pub use plan::Plan;
pub use scaffold::Variates;
pub use schedule::{Schedule, ScheduleError};
pub use server::{Moments, Server, ServerRule, ServerRuleError};
pub use state::{ServerState, init};

use crate::client::{Client, Images};
use crate::data::Normalisation;
use crate::device::Compute;
use crate::layer::Trace;
use crate::model::{self, Model};
use crate::parameters::Weights;
use aggregate::ExactMean;
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
    /// What the server does with the mean of the updates.
    pub server: Server,
    /// Where it is computed.
    pub compute: Compute,
    /// Keys all random numbers.
    pub seed: u64,
    trace: Arc<Trace>,
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
    /// Share of the computed rows that were padding: batches that were not full, and clients that waited for others of
    /// their chunk. In [0, 1).
    pub padding: f64,
    /// How clients were spread over launches and threads.
    pub plan: Plan,
    /// Wall time.
    pub seconds: f64,
}

/// Training cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainingError {
    /// No update of the round could be used.
    #[error(
        "training diverged in round {round}: client {client} returned {what}, and no update of the cohort of {cohort} \
         can be used; lower the learning rate"
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
    /// A weight that is no weight.
    #[error("client {client} of round {round} has weight {weight}; weights are finite and above 0")]
    Weight {
        /// The round, from 1.
        round: u64,
        /// The client.
        client: u32,
        /// Its weight.
        weight: f64,
    },
}

/// What became of one client's update.
struct Outcome {
    accepted: Result<Option<Vec<f32>>, &'static str>,
    loss: f64,
    samples: u64,
}

impl Federation {
    /// Bundles what a round needs, with FedAvg on the server. Clients present `authentic` images on the scale of
    /// `normalisation`.
    pub fn new(
        model: Arc<dyn Model>,
        authentic: Arc<crate::data::Dataset>,
        normalisation: &Normalisation,
        local: LocalSgd,
        compute: Compute,
        seed: u64,
    ) -> Self {
        let trace = Arc::new(model::trace(model.as_ref(), authentic.shape, &compute.device));
        let images = Images::new(authentic, normalisation);
        Self { model, images, local, server: Server::default(), compute, seed, trace }
    }

    /// What the model's layers do with one sample.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// One round: every participant trains a copy of the global model, the server moves by the weighted mean of the
    /// updates. On a CPU the result depends neither on the number of workers nor on the chunk.
    ///
    /// # Errors
    /// [`TrainingError`] if nobody takes part, a weight is no weight or no update is finite; the state is then lost with
    /// it, keep a clone to go on.
    pub fn apply(
        &self,
        mut state: ServerState,
        cohort: &[Participant],
    ) -> Result<(ServerState, RoundReport), TrainingError> {
        let started = Instant::now();
        let round = state.round + 1;
        let total = total_weight(cohort, round)?;
        let plan = Plan::new(&self.compute, &self.local, state.weights.layout(), &self.trace, cohort.len());
        let chunks = plan.chunks(cohort, &self.local);

        let (means, trained) = crate::worker::run(
            plan.workers,
            chunks.len(),
            || ExactMean::new(state.weights.values().len()),
            |mean, index| {
                let clients: Vec<&Client> = chunks[index].iter().map(|&place| &cohort[place].client).collect();
                let (updates, rows) = self.train_chunk(&state, &clients, round);
                let add = |(update, &place): (chunk::Update, &usize)| {
                    let share = cohort[place].weight / total;
                    let accepted = mean.add(state.weights.values(), &update.model, share);
                    Outcome { accepted: accepted.map(|()| update.variate), loss: update.loss, samples: update.samples }
                };
                (updates.into_iter().zip(&chunks[index]).map(add).collect::<Vec<_>>(), rows)
            },
        );
        let rows: u64 = trained.iter().map(|(_, rows)| rows).sum();
        let outcomes = in_cohort_order(&chunks, trained.into_iter().map(|(outcomes, _)| outcomes));

        let mut report = RoundReport::of(round, cohort, &outcomes);
        if report.rejected.len() == cohort.len() {
            return Err(diverged(round, cohort, &outcomes));
        }
        let mean = means.into_iter().fold(ExactMean::new(state.weights.values().len()), ExactMean::merge);
        self.server.step(&mut state.moments, state.weights.values_mut(), mean.means());
        if let LocalAlgorithm::Scaffold { population } = self.local.algorithm {
            state.variates.step(variates(cohort, outcomes), population);
        }
        state.round = round;
        report.padding = 1.0 - report.samples as f64 / rows.max(1) as f64;
        report.plan = plan;
        report.seconds = started.elapsed().as_secs_f64();
        Ok((state, report))
    }
}

fn total_weight(cohort: &[Participant], round: u64) -> Result<f64, TrainingError> {
    if cohort.is_empty() {
        return Err(TrainingError::EmptyCohort(round));
    }
    match cohort.iter().find(|participant| !(participant.weight > 0.0 && participant.weight.is_finite())) {
        Some(Participant { client, weight }) => {
            Err(TrainingError::Weight { round, client: client.id, weight: *weight })
        }
        None => Ok(cohort.iter().map(|participant| participant.weight).sum()),
    }
}

/// Puts what chunks returned back into the order of the cohort.
fn in_cohort_order(chunks: &[Vec<usize>], trained: impl Iterator<Item = Vec<Outcome>>) -> Vec<Outcome> {
    let mut placed: Vec<(usize, Outcome)> = chunks.iter().flatten().copied().zip(trained.flatten()).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The new control variates of those whose update counts.
fn variates(cohort: &[Participant], outcomes: Vec<Outcome>) -> Vec<(u32, Vec<f32>)> {
    let of = |(participant, outcome): (&Participant, Outcome)| Some((participant.client.id, outcome.accepted.ok()??));
    cohort.iter().zip(outcomes).filter_map(of).collect()
}

fn diverged(round: u64, cohort: &[Participant], outcomes: &[Outcome]) -> TrainingError {
    let first = cohort
        .iter()
        .zip(outcomes)
        .find_map(|(participant, outcome)| outcome.accepted.as_ref().err().map(|&what| (participant.client.id, what)));
    match first {
        Some((client, what)) => TrainingError::Diverged { round, client, what, cohort: cohort.len() },
        None => TrainingError::EmptyCohort(round),
    }
}

impl RoundReport {
    /// Sums in the order of the cohort, whoever finished first.
    fn of(round: u64, cohort: &[Participant], outcomes: &[Outcome]) -> Self {
        let ids = cohort.iter().map(|participant| participant.client.id);
        let refused = ids.clone().zip(outcomes).filter(|(_, outcome)| outcome.accepted.is_err());
        let accepted = outcomes.iter().filter(|outcome| outcome.accepted.is_ok());
        let (loss, counted) = accepted.fold((0.0, 0u64), |(loss, count), outcome| {
            (loss + outcome.loss * outcome.samples as f64, count + outcome.samples)
        });
        Self {
            round,
            rejected: refused.map(|(id, _)| id).collect(),
            cohort: ids.collect(),
            train_loss: loss / counted.max(1) as f64,
            samples: outcomes.iter().map(|outcome| outcome.samples).sum(),
            padding: 0.0,
            plan: Plan { chunk: 1, workers: 1 },
            seconds: 0.0,
        }
    }
}

#[cfg(test)]
mod tests;
