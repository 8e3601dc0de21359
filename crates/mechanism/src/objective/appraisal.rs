//! What an objective says of a set of participants in its own unit.

use serde::{Deserialize, Serialize};

use crate::objective::terms::Terms;

/// What to expect of the trained model on test data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Test loss, in nats.
    pub loss: f64,
    /// Test error, as a share.
    pub error: f64,
}

impl Prediction {
    /// 1 - error.
    pub fn accuracy(&self) -> f64 {
        1.0 - self.error
    }
}

/// What an objective says of a set of participants, before money.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Appraisal {
    /// Phi by its terms.
    Bound(Terms),
    /// What is forecast.
    Forecast {
        /// Loss and error.
        prediction: Prediction,
        /// The one of them that is paid for, in the unit of its worth: percentage points of error, or nats.
        shortfall: f64,
    },
    /// The value of an objective of somebody's own.
    Own(f64),
}

impl Appraisal {
    /// What worth or kappa is multiplied with: Phi, the predicted shortfall, or what an objective of one's own says.
    pub fn total(&self) -> f64 {
        match self {
            Appraisal::Bound(terms) => terms.total(),
            Appraisal::Forecast { shortfall, .. } => *shortfall,
            Appraisal::Own(value) => *value,
        }
    }

    /// The terms of Phi, if that is what was appraised.
    pub fn terms(&self) -> Option<Terms> {
        match self {
            Appraisal::Bound(terms) => Some(*terms),
            _ => None,
        }
    }

    /// What is forecast, if something is.
    pub fn prediction(&self) -> Option<Prediction> {
        match self {
            Appraisal::Forecast { prediction, .. } => Some(*prediction),
            _ => None,
        }
    }
}
