//! Clients that are elsewhere: what a round wants of whoever asks them.

use super::availability::DropOut;
use super::participant::Participant;
use super::state::ServerState;
use crate::update::Refusal;
use std::collections::BTreeMap;

/// What a client makes of the global model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its parameters, in layout order.
    pub values: Vec<f32>,
    /// Mean loss over its samples, each at the time it was trained on. Nothing but a curve depends on it.
    pub loss: f64,
    /// Samples trained on, every epoch counted.
    pub samples: u64,
}

/// What became of a client that was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It sent a model, which is still to be screened.
    Model(Model),
    /// Nothing came of it.
    Silent(DropOut),
    /// Something came that is no model.
    Refused(Refusal),
}

/// Whoever asks clients elsewhere.
pub trait Remote: Send + Sync {
    /// Asks each of these to train the model of `state` for the round behind it. A client without an entry counts as silent.
    ///
    /// # Errors
    /// Why nobody can be asked.
    fn train(&self, state: &ServerState, asked: &[&Participant]) -> Result<BTreeMap<u32, Reply>, String>;
}
