//! Posted prices as mechanisms.

use crate::error::Result;
use crate::market::Market;
use crate::money::Price;
use crate::outcome::Outcome;
use crate::posted::complete::{complete, respond};
use crate::posted::incomplete::{Sampling, incomplete};
use crate::prior::Prior;
use crate::rule::{Facts, Guarantee, Mechanism, Private};

/// The best single price for known costs ([`complete`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UniformPrice;

impl Mechanism for UniformPrice {
    fn name(&self) -> &'static str {
        "uniform price"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::Nothing,
            information: "costs are known to the server; measured: samples, skew, batch, theta",
            guarantees: vec![Guarantee::IndividualRationality],
            source: "Huang, Wu, Li, Chen (arXiv 2406.08526), complete information",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        complete(market)
    }
}

/// The best single price for costs that are known in distribution ([`incomplete`]). The prior must not come from the clients' reports.
#[derive(Debug, Clone, PartialEq)]
pub struct PriorPrice {
    /// What the server believes.
    pub prior: Prior,
    /// How it samples that.
    pub sampling: Sampling,
}

impl Mechanism for PriorPrice {
    fn name(&self) -> &'static str {
        "uniform price from a prior"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::ModeCosts,
            information: "private: the cost of each mode; known: their distribution; measured: samples, skew, batch, theta",
            guarantees: vec![Guarantee::IndividualRationality, Guarantee::Truthfulness, Guarantee::Monotonicity],
            source: "Huang, Wu, Li, Chen (arXiv 2406.08526), incomplete information",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        let estimate = incomplete(market, &self.prior, self.sampling)?;
        Ok(Outcome { estimate: Some(estimate), ..respond(market, estimate.price)? })
    }
}

/// A price that somebody set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPrice(
    /// Per effective sample.
    pub Price,
);

impl Mechanism for FixedPrice {
    fn name(&self) -> &'static str {
        "fixed price"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::ModeCosts,
            information: "private: the cost of each mode; measured: samples, skew, theta",
            guarantees: vec![Guarantee::IndividualRationality, Guarantee::Truthfulness, Guarantee::Monotonicity],
            source: "a take-it-or-leave-it price",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        respond(market, self.0)
    }
}
