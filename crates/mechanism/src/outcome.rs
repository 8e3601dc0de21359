//! What a mechanism decides.

use crate::client::Mode;
use crate::loss::Terms;
use crate::money::{Credits, Price};

/// What one client does and gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Award {
    /// How the client takes part.
    pub mode: Mode,
    /// What the server pays it.
    pub payment: Credits,
    /// What taking part costs it, by the costs of the market that was run (true, or reported).
    pub cost: Credits,
}

impl Award {
    /// Payment minus cost. Both fit 63 bits and neither is negative, so the difference fits.
    pub fn utility(&self) -> Credits {
        Credits::from_micros(self.payment.micros() - self.cost.micros())
    }
}

/// An allocation with its payments and what it costs the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The posted price per effective sample, where the rule posts one.
    pub price: Option<Price>,
    /// Per client, in the market's order.
    pub awards: Vec<Award>,
    /// The terms of Phi.
    pub terms: Terms,
    /// kappa Phi, to the nearest micro-credit.
    pub accuracy_loss: Credits,
    /// Sum of payments.
    pub payments: Credits,
    /// J = kappa Phi + payments.
    pub server_cost: Credits,
    /// No outcome that the rule could choose costs the server less than this.
    pub lower_bound: Credits,
    /// Whether the rule's optimisation was carried to the end.
    pub exact: bool,
}

impl Outcome {
    /// The modes, `[clients]`.
    pub fn modes(&self) -> Vec<Mode> {
        self.awards.iter().map(|award| award.mode).collect()
    }

    /// Phi.
    pub fn phi(&self) -> f64 {
        self.terms.total()
    }

    /// How far the server cost may be from the optimum, as a share of the lower bound; 0 where it is the optimum.
    pub fn gap(&self) -> f64 {
        let difference = (self.server_cost.micros() - self.lower_bound.micros()) as f64;
        if difference == 0.0 { 0.0 } else { difference / self.lower_bound.micros().max(1) as f64 }
    }

    /// Clients that take part.
    pub fn participants(&self) -> usize {
        self.awards.iter().filter(|award| award.mode.plays()).count()
    }
}
