//! The price for what a server believes, and how sure that is.

use crate::error::Result;
use crate::market::Market;
use crate::outcome::Outcome;
use crate::posted::{Estimate, Sampling, Sensitivity, complete, estimate_at, incomplete, respond, sensitivity};
use crate::prior::Prior;

/// Factors by which the prior may be off, for the sensitivity.
const FACTORS: [f64; 4] = [0.8, 0.9, 1.1, 1.25];
/// Turns a seed into that of the scenarios that a price was not chosen on.
const FRESH: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a server that knows costs in distribution only expects of its price.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The price with the smallest expected server cost over the scenarios.
    pub chosen: Estimate,
    /// The same price on as many scenarios that it was not chosen on.
    pub fresh: Estimate,
    /// What it loses if all costs are a factor off.
    pub sensitivity: Vec<Sensitivity>,
}

/// Posts the price that is best for `prior`, and says how the clients of `market` answer and how far it is to be trusted. The
/// outcome's lower bound is the best single price if every cost were known.
///
/// # Errors
/// No scenario; money that overflows.
pub fn expect(market: &Market, prior: &Prior, sampling: Sampling) -> Result<(Outcome, Expectation)> {
    let chosen = incomplete(market, prior, sampling)?;
    let fresh = estimate_at(market, prior, Sampling { seed: sampling.seed ^ FRESH, ..sampling }, chosen.price)?;
    let sensitivity = sensitivity(market, prior, sampling, chosen.price, &FACTORS)?;
    let mut outcome = respond(market, chosen.price)?;
    outcome.lower_bound = outcome.lower_bound.min(complete(market)?.lower_bound);
    Ok((outcome, Expectation { chosen, fresh, sensitivity }))
}
