//! What was expected of a run before it trained.

use crate::allocation::Allocation;
use serde::Serialize;
use std::fmt;

/// The forecast for those who take part, made before the first round.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Predicted {
    /// Test accuracy to expect, in [0, 1].
    pub accuracy: f64,
    /// Test loss to expect, in nats.
    pub loss: f64,
    /// Percentage points that the forecast was off by, on average, on pilots that it was not fitted on, or on the largest ones, predicted from the
    /// others, whichever is more; null if nobody wrote that down.
    pub error_points: Option<f64>,
}

impl Predicted {
    /// What the forecast says of an allocation; `None` where the bound decided.
    pub fn of(allocation: &Allocation) -> Option<Self> {
        let prediction = allocation.outcome.appraisal.prediction()?;
        let fitted = allocation.market.forecast().and_then(|model| model.forecast().fitted.as_ref());
        Some(Self {
            accuracy: prediction.accuracy(),
            loss: prediction.loss,
            error_points: fitted.map(|fitted| fitted.error.usual()),
        })
    }

    /// Percentage points that are expected to be missing to an accuracy of 100 %.
    pub fn missing(&self) -> f64 {
        100.0 * (1.0 - self.accuracy)
    }
}

impl fmt::Display for Predicted {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:.4} (loss {:.4}) before training", self.accuracy, self.loss)?;
        match self.error_points {
            Some(points) => write!(f, ", off by {points:.2} points on pilots"),
            None => Ok(()),
        }
    }
}
