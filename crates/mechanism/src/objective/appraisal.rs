//! What an objective says of a set of participants in its own unit.

use serde::{Deserialize, Serialize};

use crate::objective::terms::Terms;

/// What an objective says of a set of participants, before money.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Appraisal {
    /// Phi by its terms.
    Bound(Terms),
    /// The value of an objective of somebody's own.
    Own(f64),
}

impl Appraisal {
    /// The value: Phi, or what an objective of one's own says.
    pub fn total(&self) -> f64 {
        match self {
            Appraisal::Bound(terms) => terms.total(),
            Appraisal::Own(value) => *value,
        }
    }

    /// The terms of Phi, if that is what was appraised.
    pub fn terms(&self) -> Option<Terms> {
        match self {
            Appraisal::Bound(terms) => Some(*terms),
            Appraisal::Own(_) => None,
        }
    }
}
