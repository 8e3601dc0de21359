//! Stage 1: share the training images out over clients.

use super::Setup;
use crate::failure::Outcome;
use imfl_engine::client::Client;

/// The clients with their authentic samples.
pub fn run(setup: &Setup) -> Outcome<Vec<Client>> {
    let scheme = &setup.config.partition.scheme;
    let shares = scheme.partition(&setup.train, setup.config.partition.clients, setup.seed)?;
    Ok(shares.iter().enumerate().map(|(id, share)| Client::authentic(id as u32, share)).collect())
}
