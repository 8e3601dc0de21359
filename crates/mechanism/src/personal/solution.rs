//! An allocation problem's effort and its solution.

use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::money::Credits;

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Stop once the solution is certified to be within this share of the optimum; 0 goes on to the exact optimum.
    pub gap: f64,
    /// Stop after about this many evaluations of a client, wherever the search is; the same on every machine. About 10^8 a second on one core.
    pub effort: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { gap: 0.0, effort: 300_000_000 }
    }
}

/// Modes for everyone, and what is known about the optimum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// Per client.
    pub modes: Vec<Mode>,
    /// Loss + costs of these modes, in pico-credits.
    pub objective: i128,
    /// No modes have a smaller objective than this, in pico-credits.
    pub lower_bound: i128,
    /// Whether the objective is proven to be the smallest.
    pub exact: bool,
}

/// Pico-credits in micro-credits, rounded up.
pub(crate) fn micros_up(picos: i128) -> Result<Credits> {
    Credits::narrow(-(-picos).div_euclid(1_000_000), "an amount").map_err(|_| Error::Overflow("a payment"))
}
