//! Learning rates that change from round to round.

use crate::choice::{Choice, as_text};
use std::fmt;

/// The factor on a client's learning rate in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// The same rate in every round.
    #[default]
    Constant,
    /// Multiplied by `factor` after every `every` rounds.
    Step {
        /// Rounds between two drops.
        every: u64,
        /// What remains at a drop, in (0, 1].
        factor: f64,
    },
    /// Multiplied by `factor` after every round.
    Exponential {
        /// What remains after a round, in (0, 1].
        factor: f64,
    },
    /// Half a cosine from 1 in the first round to `floor` in round `rounds`, and `floor` from then on
    /// (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// Rounds until the floor.
        rounds: u64,
        /// What remains in the end, in [0, 1].
        floor: f64,
    },
}

impl Schedule {
    /// The factor in `round`, counted from 1.
    pub fn factor(self, round: u64) -> f64 {
        let done = round.saturating_sub(1);
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => power(factor, done / every.max(1)),
            Self::Exponential { factor } => power(factor, done),
            Self::Cosine { rounds, floor } => {
                let share = (done as f64 / rounds.saturating_sub(1).max(1) as f64).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
        }
    }
}

fn power(factor: f64, exponent: u64) -> f64 {
    factor.powi(exponent.min(i32::MAX as u64) as i32)
}

impl Choice for Schedule {
    const THING: &'static str = "schedule";
    const LIMITS: &'static str = ", with factors above 0 and at most 1";

    fn forms() -> Vec<&'static str> {
        vec!["constant", "step:EVERY:FACTOR", "exponential:FACTOR", "cosine:ROUNDS[:FLOOR]"]
    }

    fn named(text: &str) -> Option<Self> {
        let factor = |text: &str| text.parse().ok().filter(|factor| *factor > 0.0 && *factor <= 1.0);
        let rounds = |text: &str| text.parse().ok().filter(|rounds| *rounds > 0);
        match text.split(':').collect::<Vec<_>>()[..] {
            ["constant"] => Some(Self::Constant),
            ["step", every, by] => Some(Self::Step { every: rounds(every)?, factor: factor(by)? }),
            ["exponential", by] => Some(Self::Exponential { factor: factor(by)? }),
            ["cosine", until] | ["cosine", until, "0"] => Some(Self::Cosine { rounds: rounds(until)?, floor: 0.0 }),
            ["cosine", until, floor] => Some(Self::Cosine { rounds: rounds(until)?, floor: factor(floor)? }),
            _ => None,
        }
    }
}

as_text!([] Schedule);

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Constant => write!(f, "constant"),
            Self::Step { every, factor } => write!(f, "step:{every}:{factor}"),
            Self::Exponential { factor } => write!(f, "exponential:{factor}"),
            Self::Cosine { rounds, floor } => write!(f, "cosine:{rounds}:{floor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_follow_the_schedule() {
        let of = |text: &str, rounds: &[u64]| -> Vec<f64> {
            rounds.iter().map(|&round| text.parse::<Schedule>().unwrap().factor(round)).collect()
        };
        assert_eq!(of("constant", &[1, 100]), [1.0, 1.0]);
        assert_eq!(of("step:10:0.5", &[1, 10, 11, 21]), [1.0, 1.0, 0.5, 0.25]);
        assert_eq!(of("exponential:0.5", &[1, 2, 4]), [1.0, 0.5, 0.125]);
        let cosine = of("cosine:11:0.2", &[1, 6, 11, 99]);
        for (found, expected) in cosine.iter().zip([1.0, 0.6, 0.2, 0.2]) {
            assert!((found - expected).abs() < 1e-12, "{cosine:?}");
        }
    }

    #[test]
    fn text_is_read_and_written_alike_and_nonsense_refused() {
        for text in ["constant", "step:10:0.5", "exponential:0.99", "cosine:60:0", "cosine:60:0.1"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        for wrong in ["", "linear", "step:0:0.5", "step:5", "exponential:2", "exponential:nan", "cosine:-1"] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }
}
