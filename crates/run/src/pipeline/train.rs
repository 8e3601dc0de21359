//! Stage 5: federated training on the mix of authentic and generated data, aggregated by effective samples.

use super::Setup;
use super::augment::Augmented;
use super::journal::Journal;
use super::settle::Payroll;
use crate::allocation::{Allocation, Roles};
use crate::failure::{Failure, Kind, Outcome};
use crate::metrics::RoundMetrics;
use crate::progress::Event;
use crate::run_dir::RunDir;
use imfl_engine::client::Client;
use imfl_engine::data::Dataset;
use imfl_engine::federated::{self, Evaluation, Participant, ServerState};
use imfl_mechanism::Credits;
use std::sync::Arc;

/// What training led to.
pub struct Training {
    /// Every round, on the rank that keeps the books.
    pub rounds: Vec<RoundMetrics>,
    /// The final model on the test images.
    pub evaluation: Evaluation,
    /// The final model on each client's authentic images, those of clients that stayed out included.
    pub on_clients: Vec<Evaluation>,
    /// What was paid for all rounds, by the rank that keeps the books.
    pub paid: Credits,
    /// Label counts of each client's data as it was trained on; an empty entry for a client that stayed out.
    pub histograms: Vec<Vec<usize>>,
    /// The images that were generated for clients.
    pub generated: Option<Arc<Dataset>>,
}

/// What rank 0 keeps while all train.
pub struct Books<'a> {
    /// What was decided on money.
    pub allocation: &'a Allocation,
    /// Where each round is written down.
    pub journal: &'a mut Journal,
}

/// Trains round by round from `start`, or from the beginning. The rank with the books writes down each round before the next
/// begins; the others train with it and keep nothing.
pub fn run(
    setup: &Setup,
    shares: &[Client],
    data: Augmented,
    roles: &Roles,
    mut books: Option<Books>,
    start: Option<ServerState>,
) -> Outcome<Training> {
    let Augmented { clients, generated } = data;
    let mut federation = setup.federation()?;
    let settings = &setup.config.training;
    federation.aggregation = settings.aggregation()?;
    federation.availability = settings.availability.into();
    federation.quorum = settings.quorum;
    federation.hostility = settings.hostility(setup.config.partition.clients, setup.seed)?;
    if let Some(generated) = &generated {
        federation.images = federation.images.with_generated(generated.clone());
    }
    let participants: Vec<Participant> = clients
        .iter()
        .zip(&roles.weights)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(client, weight)| Participant { client: client.clone(), weight: *weight })
        .collect();
    let histograms = clients.iter().zip(&roles.modes).map(|(client, mode)| match mode.plays() {
        true => client.histogram(&federation.images),
        false => Vec::new(),
    });
    let histograms = histograms.collect();

    let test = federation.images.like(setup.test.clone());
    let mut state = start.unwrap_or_else(|| federation.start());
    let mut evaluation = federation.evaluate(&state, &test);
    let planned = if participants.is_empty() { 0 } else { setup.config.training.rounds };
    let draw = cohorts(setup, &participants)?;
    let ids = |cohort: Vec<Participant>| cohort.iter().map(|participant| participant.client.id).collect();
    let plan = |books: &Books| Payroll::plan(books.allocation, planned, |round| draw(round).map(ids));
    let payroll = books.as_ref().map(plan).transpose()?;

    let bar = setup.progress.task("training", planned);
    bar.set(state.round);
    setup.progress.tell(&Event::RoundsBegan { done: state.round, planned });
    if state.round > 0 {
        setup.progress.note(format!("going on after round {} of {planned}", state.round));
    }
    if let Some(Books { journal, .. }) = &mut books {
        journal.save_if_due(&state, false)?;
    }
    for round in state.round + 1..=planned {
        let report;
        (state, report) = federation.apply(state, &draw(round)?)?;
        evaluation = federation.evaluate(&state, &test);
        bar.advance();
        let (Some(Books { journal, .. }), Some(payroll)) = (&mut books, &payroll) else { continue };
        let payments = payroll.round(&report)?;
        let metrics = RoundMetrics::of(report, &evaluation);
        journal.record(metrics.clone(), payments)?;
        let saved = journal.save_if_due(&state, round == planned)?;
        setup.progress.tell(&Event::Round { metrics: &metrics, planned, saved });
        // The rank with the books decides for all: where it stops, the others are ended.
        if setup.progress.stop() && round < planned {
            journal.save(&state)?;
            return Err(interrupted(round, journal.folder()));
        }
    }
    let (model, compute) = (federation.model.as_ref(), &federation.compute);
    let all: Vec<&Client> = shares.iter().collect();
    let on_clients = federated::evaluate_clients(model, &state.weights, &federation.images, &all, compute);
    let (mut rounds, mut paid) = (Vec::new(), Credits::ZERO);
    if let Some(Books { journal, .. }) = books {
        journal.finish(&state)?;
        paid = Credits::from_micros(-journal.book().balance("server").micros());
        rounds = journal.rounds().to_vec();
    }
    Ok(Training { rounds, evaluation, on_clients, paid, histograms, generated })
}

fn interrupted(round: u64, folder: &RunDir) -> Failure {
    let problem = format!(
        "interrupted after round {round}, which is saved; go on with `imfl run --resume {}`",
        folder.path().display()
    );
    Failure::new(Kind::Interrupted, problem)
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
        setup.progress.warn(format!("only {size} clients take part, so cohorts have {size} clients and not {wanted}"));
    }
    if size < setup.config.training.quorum {
        let quorum = setup.config.training.quorum;
        setup
            .progress
            .warn(format!("cohorts have {size} clients and the quorum is {quorum}: every round will be skipped"));
    }
    Ok(move |round| Ok(sampling.cohort(participants, size, setup.seed, round)?))
}
