//! A short trajectory of federated training on authentic images only, along which gradients are measured.

use super::setup::Setup;
use crate::failure::Outcome;
use imfl_engine::client::Client;
use imfl_engine::federated::{CohortSampling, Federation, Participant, ServerState};

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
    let size = setup.config.training.cohort.map_or(clients.len(), |cohort| cohort.min(clients.len()));
    let everybody: Vec<Participant> = clients.iter().cloned().map(Participant::by_samples).collect();
    let start = federation.start();
    look(&start)?;
    let cohort = |round| Ok(CohortSampling::default().cohort(&everybody, size, setup.seed, round)?);
    let last = setup.config.points().saturating_sub(1) as u64;
    federation.train_with(start, last, cohort, |state, _| look(state)).map(drop)
}
