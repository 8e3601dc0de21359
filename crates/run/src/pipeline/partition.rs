//! Stage 1: share the training images out over clients.

use super::Setup;
use crate::failure::Outcome;
use imfl_engine::client::Client;
use imfl_engine::partition::Scheme;

/// The clients with their authentic samples.
pub fn run(setup: &Setup) -> Outcome<Vec<Client>> {
    let scheme: Scheme = setup.config.partition.scheme.parse()?;
    let shares = scheme.partition(&setup.train, setup.config.partition.clients, setup.seed)?;
    Ok(shares.iter().enumerate().map(|(id, share)| Client::authentic(id as u32, share)).collect())
}
