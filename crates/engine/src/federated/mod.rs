//! Federated averaging (McMahan et al. 2017): `init` makes a server state, `apply` takes it through one round.

pub mod aggregate;
mod availability;
mod chunk;
mod cohort;
mod evaluate;
mod exchange;
mod gather;
mod local;
mod plan;
mod report;
mod robust;
mod scaffold;
mod schedule;
mod server;
mod state;
mod trainings;
mod update;

pub use availability::{Attendance, Availability, DropOut};
pub use cohort::{CohortError, CohortSampling, CohortSamplingError, Drawn};
pub use evaluate::{Evaluation, evaluate, evaluate_clients, logits};
pub use local::{LocalAlgorithm, LocalAlgorithmError, LocalSgd};
pub use plan::Plan;
pub use report::{Dropped, RoundReport};
pub use robust::{Aggregation, AggregationError, TooFew};
pub use scaffold::Variates;
pub use schedule::{Schedule, ScheduleError};
pub use server::{Moments, Server, ServerRule, ServerRuleError};
pub use state::{ServerState, init};
pub use update::{ClientUpdate, Refusal, Rejection, screen};

use crate::attack::Hostility;
use crate::client::{Client, Images};
use crate::data::Normalisation;
use crate::device::Compute;
use crate::layer::Trace;
use crate::model::{self, Model};
use aggregate::ExactMean;
use gather::{Gathered, Roll, Trained};
use std::sync::Arc;
use std::time::Instant;
use trainings::Trainings;

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
    /// How the updates of a round become one.
    pub aggregation: Aggregation,
    /// What the server does with that one.
    pub server: Server,
    /// How often clients drop out or are late.
    pub availability: Availability,
    /// The fewest updates that a round counts with, at least 1; with fewer it is skipped.
    pub quorum: usize,
    /// Clients that send something else than their updates.
    pub hostility: Option<Hostility>,
    /// Where it is computed.
    pub compute: Compute,
    /// Keys all random numbers.
    pub seed: u64,
    trace: Arc<Trace>,
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
        what: Refusal,
        /// Clients in the cohort.
        cohort: usize,
    },
    /// There is nobody to train.
    #[error("round {0} has an empty cohort")]
    EmptyCohort(u64),
    /// Too few updates for the rule.
    #[error("round {round}: {source}")]
    TooFew {
        /// The round, from 1.
        round: u64,
        /// The rule and what it needs.
        source: TooFew,
    },
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

impl Federation {
    /// Bundles what a round needs, with FedAvg on the server and clients that
    /// always deliver. Clients present `authentic` images on the scale of
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
        Self {
            model,
            images,
            local,
            aggregation: Aggregation::default(),
            server: Server::default(),
            availability: Availability::default(),
            quorum: 1,
            hostility: None,
            compute,
            seed,
            trace,
        }
    }

    /// What the model's layers do with one sample.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Whether updates are kept until all are there, since the rule or the hostile clients look at all of them.
    fn keeps_updates(&self) -> bool {
        !self.aggregation.is_streaming() || self.hostility.is_some()
    }

    /// One round: every participant that is there trains a copy of the global model, the rule makes one update of theirs, the
    /// server moves by it. On a CPU the result depends neither on the number of workers nor on the chunk; several ranks train a
    /// share of the cohort each, and all of them get the result of one.
    ///
    /// # Errors
    /// [`TrainingError`] if nobody takes part, a weight is no weight, no update that arrived can be used, or too few for the
    /// rule; the state is then lost with it, keep a clone to go on.
    pub fn apply(
        &self,
        mut state: ServerState,
        cohort: &[Participant],
    ) -> Result<(ServerState, RoundReport), TrainingError> {
        let started = Instant::now();
        let round = state.round + 1;
        check_weights(cohort, round)?;
        let arriving = std::mem::take(&mut state.late);
        let roll = Roll::call(self, cohort, &arriving, round);
        let total = roll.arriving_weight(&arriving);
        let Trainings { trained, mut mean, rows, plan, waiting, communication } = self.train(&state, &roll, total);
        let samples: u64 = trained.iter().map(Trained::samples).sum();

        let size = state.weights.values().len();
        let mut gathered = Gathered::new(self, trained, arriving, &mut mean, (size, total, round));
        gathered.rejected.extend(roll.doubled);
        if let (true, Some(first)) = (gathered.accepted.is_empty(), gathered.rejected.first()) {
            let Rejection { client, reason } = *first;
            return Err(TrainingError::Diverged { round, client, what: reason, cohort: cohort.len() });
        }
        let skipped = gathered.accepted.len() < self.quorum;
        let report = RoundReport {
            round,
            cohort: cohort.iter().map(|participant| participant.client.id).collect(),
            dropped: roll.dropped,
            late: gathered.late.iter().map(|update| update.client).collect(),
            counted: gathered.accepted.iter().filter(|_| !skipped).map(|update| (update.client, update.made)).collect(),
            train_loss: gathered.train_loss(),
            rejected: gathered.rejected,
            skipped,
            samples,
            padding: if rows == 0 { 0.0 } else { 1.0 - samples as f64 / rows as f64 },
            plan,
            seconds: 0.0,
            waiting,
            communication,
        };
        if !skipped {
            self.step(&mut state, gathered.accepted, &mean)?;
        }
        state.late = gathered.late;
        state.round = round;
        Ok((state, RoundReport { seconds: started.elapsed().as_secs_f64(), ..report }))
    }

    /// Moves the server by updates that count.
    fn step(&self, state: &mut ServerState, updates: Vec<ClientUpdate>, mean: &ExactMean) -> Result<(), TrainingError> {
        let weights = state.weights.values_mut();
        if self.keeps_updates() {
            let combined = self.aggregation.combine(&updates, self.compute.workers);
            let change = combined.map_err(|source| TrainingError::TooFew { round: state.round + 1, source })?;
            self.server.step(&mut state.moments, weights, change.into_iter());
        } else {
            self.server.step(&mut state.moments, weights, mean.means());
        }
        if let LocalAlgorithm::Scaffold { population } = self.local.algorithm {
            let renewed = updates.into_iter().filter_map(|update| Some((update.client, update.variate?)));
            state.variates.step(renewed.collect(), population);
        }
        Ok(())
    }
}

fn check_weights(cohort: &[Participant], round: u64) -> Result<(), TrainingError> {
    if cohort.is_empty() {
        return Err(TrainingError::EmptyCohort(round));
    }
    match cohort.iter().find(|participant| !(participant.weight > 0.0 && participant.weight.is_finite())) {
        Some(Participant { client, weight }) => {
            Err(TrainingError::Weight { round, client: client.id, weight: *weight })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
