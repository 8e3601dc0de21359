//! What a server does about clients that are slow: whom it asks, when it goes on, and what becomes of those that are not there
//! by then.

mod buffered;
mod deadline;
mod oort;
mod over_selection;
mod wait;

use crate::choice::{Entry, Named, Registered, at_least_0, count, optional, positive, registry};
use std::sync::Arc;

/// What a server does about clients that are slow.
pub trait PolicyRule: Send + Sync {
    /// Clients that are asked for a round that `wanted` are meant for; those at work at a time where it [refills](Self::refills).
    fn asks(&self, wanted: usize) -> usize {
        wanted
    }

    /// Whether it chooses out of everybody itself, instead of asking the cohort that is drawn.
    fn chooses(&self) -> bool {
        false
    }

    /// Places of the crowd in the order in which they are asked, where it chooses.
    fn order(&self, crowd: &Crowd) -> Vec<usize> {
        (0..crowd.candidates.len()).collect()
    }

    /// When the server goes on, if anything is still to come.
    fn closing(&self, wanted: usize) -> Closing;

    /// Whether clients that are at work then stay at work, and count when they arrive. If not, they are cut off.
    fn keeps(&self) -> bool {
        false
    }

    /// Whether another client is asked whenever one ends.
    fn refills(&self) -> bool {
        false
    }

    /// What the change of an update is multiplied by that was made so many rounds before it arrives.
    fn staleness(&self, _rounds: u64) -> f64 {
        1.0
    }

    /// Whether it goes by what was seen of clients.
    fn learns(&self) -> bool {
        false
    }
}

/// When a server goes on, if anything is still to come: at whichever is first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Closing {
    /// When so many updates have arrived.
    pub arrivals: Option<usize>,
    /// So many seconds after the round began.
    pub after: Option<f64>,
}

/// Everybody who may be asked.
pub struct Crowd {
    /// One for each.
    pub candidates: Vec<Candidate>,
    /// Clients that will be asked.
    pub wanted: usize,
    /// The round, from 1.
    pub round: u64,
    /// Keys what is drawn.
    pub seed: u64,
}

/// A client that may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub client: u32,
    /// What was seen of it when its last update arrived.
    pub observed: Option<Observed>,
}

/// What was seen of a client when an update of it arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// Its samples times their mean loss.
    pub utility: f64,
    /// Seconds from when it was asked until its update was there.
    pub seconds: f64,
    /// The round in which it arrived.
    pub round: u64,
}

/// What a server does about clients that are slow, by name.
pub type Policy = Named<dyn PolicyRule>;

impl Registered for dyn PolicyRule {
    const THING: &'static str = "policy";
    const LIMITS: &'static str =
        ", with SECONDS above 0, a FACTOR of at least 1, whole numbers above 0 and an EXPONENT of at least 0";
    const ENTRIES: &'static [Entry<Self>] = registry![
        "wait": [] => wait::Wait,
        "deadline:SECONDS": [seconds] => deadline::Deadline { seconds: positive(seconds)?, keeps: false },
        "late-counts:SECONDS": [seconds] => deadline::Deadline { seconds: positive(seconds)?, keeps: true },
        "over-selection[:FACTOR]": factor @ ([] | [_]) =>
            over_selection::OverSelection { factor: optional(factor, at_least_1)?.unwrap_or(1.3) },
        "buffered:UPDATES[:EXPONENT]": [updates, exponent @ ..] => buffered::Buffered {
            updates: count(updates)?,
            exponent: optional(exponent, at_least_0)?.unwrap_or(0.5),
        },
        "oort[:EXPONENT]": exponent @ ([] | [_]) => oort::Oort { exponent: optional(exponent, at_least_0)?.unwrap_or(2.0) },
    ];
}

impl Default for Policy {
    fn default() -> Self {
        Self::own("wait", Arc::new(wait::Wait))
    }
}

fn at_least_1(text: &str) -> Option<f64> {
    positive(text).filter(|number| *number >= 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_and_written_alike() {
        for text in [
            "wait",
            "deadline:30",
            "late-counts:1.5",
            "over-selection",
            "over-selection:1.5",
            "buffered:10",
            "buffered:10:0",
            "oort",
            "oort:1",
        ] {
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "deadline", "deadline:0", "over-selection:0.9", "buffered", "buffered:0", "buffered:1:2:3", "oort:-1"]
        {
            let problem = wrong.parse::<Policy>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(problem.contains("deadline:SECONDS"), "{wrong}: {problem}");
        }
    }
}
