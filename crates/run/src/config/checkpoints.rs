//! How often a run saves itself.

use serde::{Deserialize, Serialize};

/// What is kept of a run while it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointsConfig {
    /// Rounds from one checkpoint to the next; 0 saves only when the run is interrupted.
    pub every: u64,
    /// The newest checkpoints that are kept.
    pub keep: usize,
}

impl Default for CheckpointsConfig {
    fn default() -> Self {
        Self { every: 1, keep: 2 }
    }
}
