//! Who takes part, in which mode, at what pay.

use crate::claim::Flagged;
use imfl_mechanism::posted::CurvePoint;
use imfl_mechanism::{Constants, Market, Mode};
use serde::{Deserialize, Serialize};

/// The market and what came of it.
pub struct Allocation {
    /// Clients, their costs and what they are worth.
    pub market: Market,
    /// Modes and payments.
    pub outcome: imfl_mechanism::Outcome,
    /// The constants of the convergence bound.
    pub constants: Constants,
    /// Whether the rate is small enough for the theorem, for every client.
    pub theorem_holds: bool,
    /// Server cost against the price, with every client's costs known.
    pub curve: Vec<CurvePoint>,
    /// Label shares that the server aims at.
    pub target: Vec<f64>,
    /// Clients whose claims were cut to what their gradients bear out.
    pub flagged: Vec<Flagged>,
}

/// What training needs to know of an allocation: who does what, and how much it counts. No money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roles {
    /// How each client takes part.
    pub modes: Vec<Mode>,
    /// Weight of each client's update; 0 for those that stay out.
    pub weights: Vec<f64>,
    /// Label shares that augmented clients are filled up to.
    pub target: Vec<f64>,
}

impl Allocation {
    /// What training needs to know of it.
    pub fn roles(&self) -> Roles {
        let modes = self.outcome.modes();
        let weights = self.market.aggregation_weights(&modes);
        Roles { modes, weights, target: self.target.clone() }
    }
}
