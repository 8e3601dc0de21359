//! A server cost that is known in expectation only.

use crate::error::Result;
use crate::money::{Credits, Price};

/// An expected server cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The price.
    pub price: Price,
    /// Mean of J over the scenarios, in credits.
    pub server_cost: f64,
    /// Standard error of that mean, in credits; NaN with one scenario.
    pub standard_error: f64,
    /// Number of scenarios.
    pub scenarios: u32,
}

impl Estimate {
    /// Mean of J to the nearest micro-credit.
    ///
    /// # Errors
    /// [`crate::Error::Overflow`].
    pub fn credits(&self) -> Result<Credits> {
        Credits::narrow((self.server_cost * 1e6).round() as i128, "the expected server cost")
    }
}
