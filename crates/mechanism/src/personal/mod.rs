//! Personal offers with complete information: choose everyone's mode, pay everyone's cost. What it costs the server is a lower bound for
//! every mechanism in which nobody takes part at a loss.
//!
//! The problem is min over modes of kappa Phi + sum of costs. Phi is a ratio of sums, so `search` cuts the range of the total
//! weight W into intervals; within one, `relaxation` bounds the cost from below by a Lagrangian that separates over clients, and
//! where few clients could deviate from its minimiser without exceeding the best known solution, all of them are tried.

mod ascent;
mod exact;
mod inner;
mod relaxation;
mod search;

pub(crate) use exact::enumerate;
pub(crate) use search::search;

use crate::client::Mode;
use crate::error::{Error, Result};
use crate::market::Market;
use crate::money::Credits;
use crate::outcome::Outcome;
use crate::rule::{Facts, Guarantee, Mechanism, Private};

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
    /// kappa Phi + costs of these modes, in pico-credits.
    pub objective: i128,
    /// No modes have a smaller objective than this, in pico-credits.
    pub lower_bound: i128,
    /// Whether the objective is proven to be the smallest.
    pub exact: bool,
}

/// The cheapest modes at the market's costs.
pub fn solve(market: &Market, options: Options) -> Solution {
    // a search tree costs more than trying all of so few
    if market.len() <= 6 { enumerate(market) } else { search(market, options) }
}

/// Everyone's best mode for the server, paid at cost. The outcome's `exact` says whether the search was carried to the end;
/// its lower bound is certified either way.
///
/// # Errors
/// [`Error::Overflow`].
pub fn offers(market: &Market, options: Options) -> Result<Outcome> {
    let solution = solve(market, options);
    let payments: Vec<Credits> =
        solution.modes.iter().zip(market.costs()).map(|(&mode, costs)| costs.of(mode)).collect();
    let bound = match solution.exact {
        true => None,
        false => Some(Credits::narrow(solution.lower_bound.div_euclid(1_000_000), "the lower bound")?),
    };
    market.outcome(None, &solution.modes, &payments, bound, solution.exact)
}

/// [`offers`] as a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PersonalOffers(
    /// How hard to try.
    pub Options,
);

impl Mechanism for PersonalOffers {
    fn name(&self) -> &'static str {
        "personal offers"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::Nothing,
            information: "costs are known to the server; measured: samples, skew, batch, theta",
            guarantees: vec![Guarantee::IndividualRationality],
            source: "perfect price discrimination: no mechanism that nobody loses by is cheaper",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        offers(market, self.0)
    }
}

/// Pico-credits in micro-credits, rounded up.
pub(crate) fn micros_up(picos: i128) -> Result<Credits> {
    Credits::narrow(-(-picos).div_euclid(1_000_000), "an amount").map_err(|_| Error::Overflow("a payment"))
}
