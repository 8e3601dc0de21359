//! What a training has told about a client: before it ([`Question`]), and round by round ([`Accountant`]).

mod accountant;
mod calibration;
mod report;

pub use crate::event::{Event, LEAST_NOISE, MOST_NOISE, MOST_ROUNDS, Rounds};
pub use accountant::{Accountant, Budget, Spending};
pub use calibration::noise_for;
pub use report::{Question, Report, SCHEMA};

use crate::{Error, Result};

/// Checks a delta.
pub(crate) fn checked_delta(delta: f64) -> Result<f64> {
    if delta > 0.0 && delta < 1.0 {
        Ok(delta)
    } else {
        Err(Error::parameter("delta", delta, "a probability above 0 and below 1"))
    }
}

/// Checks an epsilon that is asked for.
pub(crate) fn checked_epsilon(epsilon: f64) -> Result<f64> {
    if epsilon > 0.0 && epsilon.is_finite() {
        Ok(epsilon)
    } else {
        Err(Error::parameter("epsilon", epsilon, "a number above 0"))
    }
}

/// Checks a number of rounds.
pub(crate) fn checked_rounds(rounds: u64) -> Result<u64> {
    if (1..=MOST_ROUNDS).contains(&rounds) {
        Ok(rounds)
    } else {
        Err(Error::parameter("rounds", rounds, "from 1 to 1000000000; a training without an end has no guarantee"))
    }
}
