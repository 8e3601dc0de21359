//! What a mechanism decides.

use crate::error::Result;
use crate::estimate::Estimate;
use crate::mode::Mode;
use crate::money::{Credits, Price};
use crate::objective::{Appraisal, Terms};

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
    /// Payment minus cost. Costs are not negative, so only a rule that takes trillions from a client could leave the range; there it ends.
    pub fn utility(&self) -> Credits {
        Credits::from_micros(self.payment.micros().saturating_sub(self.cost.micros()))
    }
}

/// What a rule decides, for [`crate::Market::outcome`] to write up.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Per client, in the market's order.
    pub modes: Vec<Mode>,
    /// Per client; 0 for those that stay out.
    pub payments: Vec<Credits>,
    /// The posted price per effective sample, where the rule posts one.
    pub price: Option<Price>,
    /// No outcome that the rule could choose costs the server less than this; the server cost itself if absent.
    pub lower_bound: Option<Credits>,
    /// Whether the rule's optimisation was carried to the end.
    pub exact: bool,
    /// What the server expected, where it knew costs in distribution only.
    pub estimate: Option<Estimate>,
}

impl Decision {
    /// A decision that no optimisation stands behind, or one that was carried to the end.
    pub fn new(modes: Vec<Mode>, payments: Vec<Credits>) -> Self {
        Decision { modes, payments, price: None, lower_bound: None, exact: true, estimate: None }
    }

    /// The same at a posted price.
    #[must_use]
    pub fn at(self, price: Option<Price>) -> Self {
        Decision { price, ..self }
    }

    /// The same with a lower bound on the server cost in pico-credits, and whether the optimisation behind it was carried to the end.
    pub(crate) fn bounded(self, picos: i128, exact: bool) -> Result<Self> {
        let bound = Credits::narrow(picos.div_euclid(1_000_000), "the lower bound")?;
        Ok(Decision { lower_bound: Some(bound), exact, ..self })
    }
}

/// An allocation with its payments and what it costs the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The posted price per effective sample, where the rule posts one.
    pub price: Option<Price>,
    /// Per client, in the market's order.
    pub awards: Vec<Award>,
    /// What the objective says of the participants, before money.
    pub appraisal: Appraisal,
    /// What the server loses with them: kappa Phi, to the nearest micro-credit.
    pub accuracy_loss: Credits,
    /// Sum of payments.
    pub payments: Credits,
    /// J = accuracy loss + payments.
    pub server_cost: Credits,
    /// No outcome that the rule could choose costs the server less than this.
    pub lower_bound: Credits,
    /// Whether the rule's optimisation was carried to the end.
    pub exact: bool,
    /// What the server expected of its posted price, where it knew costs in distribution only.
    pub estimate: Option<Estimate>,
}

impl Outcome {
    /// The modes, `[clients]`.
    pub fn modes(&self) -> Vec<Mode> {
        self.awards.iter().map(|award| award.mode).collect()
    }

    /// What the objective says of the participants in one number: Phi, for the bound.
    pub fn phi(&self) -> f64 {
        self.appraisal.total()
    }

    /// The terms of Phi, if the bound is the objective.
    pub fn terms(&self) -> Option<Terms> {
        self.appraisal.terms()
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
