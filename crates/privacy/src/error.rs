//! What can be wrong, and what to do about it.

use std::result;

/// The result of everything in this crate that can fail.
pub type Result<T> = result::Result<T, Error>;

/// What was wrong, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter outside what it may be.
    #[error("{name} is {value}; it must be {must}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        must: &'static str,
    },
    /// The delta asked for is so small that no epsilon can be told.
    #[error(
        "no finite epsilon can be told for delta {delta:e}: tails of {infinite:e} are cut off and counted as lost \
         privacy; ask for a larger delta, or for more noise"
    )]
    Delta {
        /// The delta asked for.
        delta: f64,
        /// The mass that is taken to lose everything.
        infinite: f64,
    },
    /// No noise reaches the target.
    #[error(
        "no noise up to {most} times the sensitivity reaches epsilon {epsilon} at delta {delta:e}; ask for fewer \
         rounds, a lower rate or a larger epsilon"
    )]
    Unreachable {
        /// The epsilon asked for.
        epsilon: f64,
        /// The delta asked for.
        delta: f64,
        /// The most noise tried, in sensitivities.
        most: f64,
    },
    /// One more round would pass the budget; nothing was spent.
    #[error(
        "the privacy budget does not reach for another round: after {rounds} rounds epsilon is {spent:.6}, one \
         more would make it {next:.6}, and {budget:.6} may be spent at delta {delta:e}; stop here, or begin again with \
         more noise, a lower rate or fewer rounds"
    )]
    Exhausted {
        /// Rounds spent so far.
        rounds: u64,
        /// Epsilon spent so far.
        spent: f64,
        /// Epsilon after the refused round.
        next: f64,
        /// The epsilon that may be spent.
        budget: f64,
        /// At this delta.
        delta: f64,
    },
    /// Noise did not fit a sum.
    #[error(
        "value {index} of a sum, {value}, leaves no room in 64 bits for noise of {noise}; use a coarser unit, \
         or clip lower"
    )]
    Overflow {
        /// Which value.
        index: usize,
        /// The sum.
        value: i64,
        /// The noise that was drawn for it.
        noise: i64,
    },
    /// The operating system has no random numbers.
    #[error("no secret can be drawn: {problem}; without one nothing is private")]
    Entropy {
        /// What the system says.
        problem: String,
    },
    /// A message of the masking protocol that does not fit the round.
    #[error("masking, round {round}: {what}")]
    Message {
        /// The round.
        round: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Too few clients are left to take masks off.
    #[error(
        "masking, round {round}: {found} clients answered and {threshold} are needed to take the masks \
         off; the round's sum stays hidden and counts for nothing"
    )]
    TooFew {
        /// The round.
        round: u64,
        /// Clients that answered.
        found: usize,
        /// Clients that are needed.
        threshold: usize,
    },
}

impl Error {
    /// A parameter that is not what it must be.
    pub(crate) fn parameter(name: &'static str, value: impl ToString, must: &'static str) -> Self {
        Self::Parameter { name, value: value.to_string(), must }
    }
}
