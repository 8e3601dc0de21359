//! Stage 5: federated training on the mix of authentic and generated data, aggregated by effective samples.

use super::{Allocation, Setup, augment};
use crate::failure::Outcome;
use crate::progress::{self, Bar};
use crate::run_dir::RunDir;
use imfl_engine::client::{Client, Images};
use imfl_engine::data::Dataset;
use imfl_engine::federated::{self, Drawn, Evaluation, Participant, RoundReport};
use serde::Serialize;
use std::sync::Arc;

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct RoundMetrics {
    /// The round, from 1.
    pub round: u64,
    /// Who took part.
    pub cohort: Vec<u32>,
    /// Whose update was not finite.
    pub rejected: Vec<u32>,
    /// Mean loss over the samples that were trained on.
    pub train_loss: f64,
    /// Mean loss on the test images.
    pub loss: f64,
    /// Accuracy on the test images.
    pub accuracy: f64,
    /// Samples trained on.
    pub samples: u64,
    /// Wall time of training, without evaluation.
    pub seconds: f64,
}

/// What training led to.
pub struct Training {
    /// Every round.
    pub rounds: Vec<RoundMetrics>,
    /// The final model on the test images.
    pub evaluation: Evaluation,
    /// Label counts of each client's data as it was trained on; an empty entry for a client that stayed out.
    pub histograms: Vec<Vec<usize>>,
    /// The images that were generated for clients.
    pub generated: Option<Arc<Dataset>>,
}

/// Prepares the data, trains round by round and writes `metrics.jsonl` as it goes.
pub fn run(setup: &Setup, clients: &[Client], allocation: &Allocation, folder: &RunDir) -> Outcome<Training> {
    let (prepared, generated) = augment::run(setup, clients, allocation)?;
    let mut federation = setup.federation()?;
    if let Some(generated) = &generated {
        federation.images = federation.images.with_generated(generated.clone());
    }
    let weights = allocation.market.aggregation_weights(&allocation.outcome.modes());
    let participants: Vec<Participant> = prepared
        .iter()
        .zip(weights)
        .filter(|(_, weight)| *weight > 0.0)
        .map(|(client, weight)| Participant { client: client.clone(), weight })
        .collect();
    let histograms = prepared.iter().zip(&allocation.outcome.awards).map(|(client, award)| match award.mode.plays() {
        true => client.histogram(&federation.images),
        false => Vec::new(),
    });
    let histograms = histograms.collect();

    let test = Images::new(setup.test.clone(), &setup.train.normalisation());
    let evaluate = |state: &federated::ServerState| {
        federated::evaluate(federation.model.as_ref(), &state.weights, &test, &federation.compute)
    };
    let mut state = federated::init(federation.model.as_ref(), setup.seed);
    let mut evaluation = evaluate(&state);
    let mut rounds = Vec::new();
    let planned = if participants.is_empty() { 0 } else { setup.config.training.rounds };
    let bar = Bar::new("training", planned);
    folder.write("metrics.jsonl", "")?;
    let draw = cohorts(setup, &participants)?;
    for round in 1..=planned {
        let cohort = draw(round)?;
        let report;
        (state, report) = federation.apply(state, &cohort)?;
        evaluation = evaluate(&state);
        let metrics = RoundMetrics::of(report, &evaluation);
        folder.append("metrics.jsonl", &metrics)?;
        rounds.push(metrics);
        bar.advance();
    }
    Ok(Training { rounds, evaluation, histograms, generated })
}

/// How the participants of a round are drawn out of those who take part.
fn cohorts<'a>(
    setup: &'a Setup,
    participants: &'a [Participant],
) -> Outcome<impl Fn(u64) -> Outcome<Vec<Participant>> + 'a> {
    let sampling = setup.config.training.sampling()?;
    let wanted = setup.config.training.cohort.unwrap_or(participants.len());
    let size = if sampling.replacement { wanted } else { wanted.min(participants.len()) };
    if size < wanted {
        progress::warn(format!("only {size} clients take part, so cohorts have {size} clients and not {wanted}"));
    }
    let weights: Vec<f64> = participants.iter().map(|participant| participant.weight).collect();
    let participant = |drawn: Drawn| Participant { weight: drawn.weight, ..participants[drawn.index].clone() };
    Ok(move |round| Ok(sampling.draw(&weights, size, setup.seed, round)?.into_iter().map(participant).collect()))
}

impl RoundMetrics {
    fn of(report: RoundReport, evaluation: &Evaluation) -> Self {
        let RoundReport { round, cohort, rejected, train_loss, samples, seconds, .. } = report;
        let (loss, accuracy) = (evaluation.loss, evaluation.accuracy());
        Self { round, cohort, rejected, train_loss, loss, accuracy, samples, seconds }
    }
}
