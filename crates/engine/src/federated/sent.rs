//! What reaches the server of what a client trained.

use super::federation::Federation;
use super::state::ServerState;
use crate::network::{Load, Network};
use crate::random::{Purpose, keyed};
use crate::update::difference;

/// An update that was compressed.
pub(super) struct Sent {
    /// What the server gets, in layout order.
    pub change: Vec<f32>,
    /// What the client adds to its next update, where compression remembers.
    pub residue: Option<Vec<f32>>,
}

impl Federation {
    /// What the server gets of a client's model; `None` if that is the model as it is.
    pub(super) fn sent(&self, state: &ServerState, client: u32, model: &[f32]) -> Option<Sent> {
        let codec = self.network.as_ref().map(|network| &network.compression).filter(|codec| !codec.is_exact())?;
        let before = state.network.residues.get(&client).filter(|_| codec.remembers());
        let mut change = difference(model, state.weights.values());
        if let Some(before) = before {
            change.iter_mut().zip(before.iter()).for_each(|(value, left)| *value += left);
        }
        let mut random = keyed(self.seed, Purpose::Rounding, state.round + 1, u64::from(client), 0);
        let arrived = codec.decode(&codec.encode(&change, &mut random), change.len());
        let residue = codec.remembers().then(|| {
            let left: Vec<f32> = change.iter().zip(&arrived).map(|(value, arrived)| value - arrived).collect();
            match left.iter().all(|value| value.is_finite()) {
                true => left,
                // An update that will be refused leaves the client with what it had.
                false => before.map_or_else(|| vec![0.0; change.len()], |before| before.to_vec()),
            }
        });
        Some(Sent { change: arrived, residue })
    }

    /// Whether clients remember what compression left out.
    pub(super) fn compression_remembers(&self) -> bool {
        self.network.as_ref().is_some_and(|network| network.compression.remembers())
    }

    /// What a client of this federation receives and sends in a round over this network.
    pub(super) fn load(&self, network: &Network) -> Load {
        Load::of(self.model.layout().size(), &network.compression, self.local.algorithm.memory().is_some())
    }
}
