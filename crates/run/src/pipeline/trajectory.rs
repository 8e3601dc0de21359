//! A short trajectory of federated training on authentic images only, along which gradients are measured.

use super::setup::Setup;
use crate::config::ObjectiveChoice;
use crate::failure::Outcome;
use imfl_engine::client::Client;
use imfl_engine::federated::{CohortSampling, Federation, Participant, ServerState};

/// Samples that a round along the way trains on, about, where nothing is asked of it but a model that has begun to learn.
const ENOUGH: usize = 3000;

/// The clients whose rounds lead along the trajectory. The bound's smoothness constant belongs to rounds of the run's size; theta is asked for at
/// models that have begun to learn, and smaller rounds lead there: every client trains on an even part of its samples.
pub fn travellers(setup: &Setup, clients: &[Client]) -> Vec<Client> {
    let samples: usize = clients.iter().map(|client| client.samples.len()).sum();
    let of_round = samples * size(setup, clients) / clients.len().max(1);
    let stride = match setup.config.mechanism.objective {
        ObjectiveChoice::Bound => 1,
        ObjectiveChoice::Forecast => of_round / ENOUGH,
    };
    let part = |client: &Client| {
        // one batch at least
        let stride = stride.min(client.samples.len() / setup.config.training.batch).max(1);
        Client { id: client.id, samples: client.samples.iter().copied().step_by(stride).collect() }
    };
    clients.iter().map(part).collect()
}

/// Clients of a round.
fn size(setup: &Setup, clients: &[Client]) -> usize {
    setup.config.training.cohort.map_or(clients.len(), |cohort| cohort.min(clients.len()))
}

/// Shows the server at as many points as are asked for, one round apart. A round is as large as one of the run: that of a whole
/// large population would take longer than the training.
///
/// # Errors
/// What `look` returns, and training that diverges.
pub fn walk(
    setup: &Setup,
    federation: &Federation,
    clients: &[Client],
    mut look: impl FnMut(&ServerState) -> Outcome,
) -> Outcome {
    let size = size(setup, clients);
    let everybody: Vec<Participant> = clients.iter().cloned().map(Participant::by_samples).collect();
    let start = federation.start();
    look(&start)?;
    let cohort = |round| Ok(CohortSampling::default().cohort(&everybody, size, setup.seed, round)?);
    let last = setup.config.points().saturating_sub(1) as u64;
    federation.train_with(start, last, cohort, |state, _| look(state)).map(drop)
}
