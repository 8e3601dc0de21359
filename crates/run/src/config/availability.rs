//! How often clients drop out or are late.

use super::check::fits;
use imfl_engine::federated::Availability;
use serde::{Deserialize, Serialize};

/// How often a client that is asked does not deliver in time; the rest of the probability is that it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvailabilityConfig {
    /// It is gone before it starts.
    pub before: f64,
    /// It starts and does not finish.
    pub during: f64,
    /// It finishes, and its update is lost.
    pub after: f64,
    /// Its update arrives a round late.
    pub late: f64,
}

impl From<AvailabilityConfig> for Availability {
    fn from(config: AvailabilityConfig) -> Self {
        let AvailabilityConfig { before, during, after, late } = config;
        Self { before, during, after, late }
    }
}

impl AvailabilityConfig {
    /// Whether these can be probabilities of one draw.
    pub(super) fn is_possible(&self) -> bool {
        let all = [self.before, self.during, self.after, self.late];
        all.iter().all(|probability| fits(*probability)) && all.iter().sum::<f64>() <= 1.0 + 1e-9
    }
}
