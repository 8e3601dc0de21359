//! What connects clients with the server.

use super::setup::Setup;
use crate::agreement;
use crate::failure::Outcome;
use imfl_engine::network::Link;

/// What connects each client with the server, if the run has a network; what rank 0 reads and draws holds for all.
///
/// # Errors
/// A failure that names the file and line of a table of links.
pub fn of(setup: &Setup) -> Outcome<Option<Vec<Link>>> {
    let Some(source) = &setup.config.network.links else { return Ok(None) };
    let clients = setup.config.partition.clients;
    agreement::from_first(&setup.compute.ranks, || Ok(source.links(clients, setup.seed)?)).map(Some)
}
