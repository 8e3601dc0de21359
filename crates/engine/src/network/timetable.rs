//! What a round on a network comes to.

use super::flight::{Flight, Span};
use serde::{Deserialize, Serialize};

/// A client that may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Who.
    pub client: u32,
    /// Samples that it trains on in a round, every epoch counted.
    pub samples: u64,
}

/// Why a client did not begin although it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absence {
    /// It could not be reached.
    Away,
    /// It was at work for an earlier round.
    Busy,
}

/// A round on the simulated clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Timetable {
    /// The round, from 1.
    pub round: u64,
    /// When the server asked, in seconds. Later than the end of the round before where nobody could be reached.
    pub begins: f64,
    /// When it went on to the next round.
    pub ends: f64,
    /// Who began, by place among those who could be asked, in their order.
    pub begun: Vec<usize>,
    /// Who was asked and did not begin.
    pub absent: Vec<(u32, Absence)>,
    /// Whose round ended, in the order of (time, client); those that were cut off last.
    pub ended: Vec<Span>,
    /// Who is still at work, by client.
    pub flights: Vec<Flight>,
    /// Bytes from the server since the end of the round before.
    pub bytes_down: u64,
    /// Bytes to the server since then.
    pub bytes_up: u64,
}
