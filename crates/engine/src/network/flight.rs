//! A client from when it is asked until its update arrives, or does not.

use super::compression::Compression;
use super::link::Link;
use serde::{Deserialize, Serialize};

/// Bytes of one client's round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// From the server.
    pub down: u64,
    /// To the server.
    pub up: u64,
}

impl Load {
    /// The model, four bytes a value, and its compressed update; under an algorithm with a memory a vector of as many values both
    /// ways beside them.
    pub fn of(values: usize, compression: &Compression, memory: bool) -> Self {
        let whole = 4 * values as u64;
        let memory = if memory { whole } else { 0 };
        Self { down: whole + memory, up: compression.bytes(values) + memory }
    }
}

/// A client that was asked, in seconds of the simulated clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flight {
    /// Who.
    pub client: u32,
    /// The round in which it was asked, whose model it trains.
    pub made: u64,
    /// When it was asked.
    pub asked: f64,
    /// When it has the model.
    pub received: f64,
    /// When it has trained.
    pub computed: f64,
    /// When its update is there, unless it is gone before.
    pub arrives: f64,
    /// When it is gone; infinite for one that stays.
    pub gone: f64,
    /// What it receives and sends.
    pub load: Load,
}

/// How a client's round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Its update arrived.
    Arrived,
    /// It was gone before that.
    Gone,
    /// The server went on without it.
    CutOff,
}

/// A client's round that has ended, in seconds of the simulated clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Who.
    pub client: u32,
    /// The round in which it was asked.
    pub made: u64,
    /// When it was asked.
    pub asked: f64,
    /// When it had the model, or was to have it.
    pub received: f64,
    /// When it had trained, or was to have.
    pub computed: f64,
    /// When its update arrived, or it was gone or cut off.
    pub ended: f64,
    /// Which of these.
    pub fate: Fate,
}

impl Flight {
    /// A client that is asked at second `asked`, computes for `seconds` and can be reached until `gone`.
    pub(super) fn begin(client: u32, made: u64, link: Link, seconds: f64, load: Load, asked: f64, gone: f64) -> Self {
        let received = asked + link.receiving(load.down);
        let computed = received + seconds;
        let arrives = computed + link.sending(load.up);
        Self { client, made, asked, received, computed, arrives, gone, load }
    }

    /// Whether its update never arrives.
    pub fn is_lost(&self) -> bool {
        self.gone < self.arrives
    }

    /// When it ends, if the server waits.
    pub fn ends(&self) -> f64 {
        self.gone.min(self.arrives)
    }

    /// Its round, ended.
    pub(super) fn span(&self, ended: f64, fate: Fate) -> Span {
        let Self { client, made, asked, received, computed, .. } = *self;
        Span { client, made, asked, received, computed, ended, fate }
    }

    /// What has gone over its line until second `time`.
    pub(super) fn carried(&self, time: f64) -> Load {
        let time = time.min(self.gone);
        Load {
            down: part(self.load.down, self.asked, self.received, time),
            up: part(self.load.up, self.computed, self.arrives, time),
        }
    }
}

/// Bytes of a message that is on its way from `start` to `end`, evenly, until `time`.
fn part(bytes: u64, start: f64, end: f64, time: f64) -> u64 {
    match time {
        time if time >= end => bytes,
        time if time <= start => 0,
        time => (bytes as f64 * ((time - start) / (end - start))) as u64,
    }
}
