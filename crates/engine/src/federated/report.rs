//! What a round did.

use super::availability::DropOut;
use super::plan::Plan;
use crate::device::failed::Failed;
use crate::network::Span;
use crate::update::Rejection;
use std::fmt;

/// A client of which no update arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Dropped {
    /// The client.
    pub client: u32,
    /// When it dropped out.
    pub when: DropOut,
}

/// What a round was on a network, in seconds of the simulated clock.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Traffic {
    /// When the server asked.
    pub begins: f64,
    /// When it went on.
    pub ends: f64,
    /// Bytes from the server since the end of the round before.
    pub bytes_down: u64,
    /// Bytes to the server since then.
    pub bytes_up: u64,
    /// Updates that were made in this round and arrive in a later one.
    pub late: u64,
    /// Clients that began and whose update never arrives, by the round in which that is settled.
    pub lost: u64,
    /// Whose round ended, in the order of (time, client); those that were cut off last.
    pub clients: Vec<Span>,
}

/// A device that failed, and was asked again for less at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halved {
    /// Clients that trained side by side when it failed last.
    pub chunk: usize,
    /// What it said.
    pub said: Failed,
}

impl fmt::Display for Halved {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { chunk, said } = self;
        write!(f, "{said}; {chunk} clients trained side by side, from here on at most {}", chunk / 2)
    }
}

/// What a round did.
#[derive(Clone, Debug)]
pub struct RoundReport {
    /// The round's number, from 1.
    pub round: u64,
    /// Who was asked, by client id.
    pub cohort: Vec<u32>,
    /// Of whom no update arrived, or will.
    pub dropped: Vec<Dropped>,
    /// Whose update will arrive in the next round; on a network, in a later one.
    pub late: Vec<u32>,
    /// Whose update arrived and was left out, and why.
    pub rejected: Vec<Rejection>,
    /// The updates that counted: the client, and the round that its update was made in.
    pub counted: Vec<(u32, u64)>,
    /// Whether fewer updates than the quorum could be used: the model is then what it was, and nothing counted.
    pub skipped: bool,
    /// The clipping bound, where the round was private.
    pub clip: Option<f64>,
    /// Mean training loss over the samples of the updates that could be used.
    pub train_loss: f64,
    /// Samples trained on, every epoch counted.
    pub samples: u64,
    /// Share of the computed rows that were padding: batches that were not full, and clients that waited for others of
    /// their chunk. In [0, 1).
    pub padding: f64,
    /// What it was on a network, if there is one.
    pub network: Option<Traffic>,
    /// How clients were spread over launches and threads, on this rank.
    pub plan: Plan,
    /// The device's last failure before it went well, if it failed.
    pub halved: Option<Halved>,
    /// Wall time.
    pub seconds: f64,
    /// Of these, seconds that this rank waited for the others to have trained; 0 without others.
    pub waiting: f64,
    /// Of these, seconds in which ranks exchanged what they had trained; 0 without others.
    pub communication: f64,
}
