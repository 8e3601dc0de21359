//! What is written down of a round.

use imfl_engine::federated::{Dropped, Evaluation, Rejection, RoundReport, Traffic};
use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundMetrics {
    /// The round, from 1.
    pub round: u64,
    /// Who was asked.
    pub cohort: Vec<u32>,
    /// Of whom no update arrived.
    pub dropped: Vec<Dropped>,
    /// Whose update will arrive in the next round; on a network, in a later one.
    pub late: Vec<u32>,
    /// Whose update could not be used.
    pub rejected: Vec<Rejection>,
    /// Whether fewer updates than the quorum could be used, so that nothing changed and nobody was paid.
    pub skipped: bool,
    /// Mean loss over the samples that were trained on.
    pub train_loss: f64,
    /// Mean loss on the test images.
    pub loss: f64,
    /// Accuracy on the test images.
    pub accuracy: f64,
    /// Samples trained on.
    pub samples: u64,
    /// What it was on the network, in simulated seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Traffic>,
    /// Wall time of training, without evaluation.
    pub seconds: f64,
    /// Of these, seconds that rank 0 waited for other ranks to have trained.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: f64,
    /// Of these, seconds in which ranks exchanged what they had trained.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub communication: f64,
}

impl RoundMetrics {
    /// Of a round and the model that it left behind.
    pub fn of(report: RoundReport, evaluation: &Evaluation) -> Self {
        Self {
            round: report.round,
            cohort: report.cohort,
            dropped: report.dropped,
            late: report.late,
            rejected: report.rejected,
            skipped: report.skipped,
            train_loss: report.train_loss,
            loss: evaluation.loss,
            accuracy: evaluation.accuracy(),
            samples: report.samples,
            network: report.network,
            seconds: report.seconds,
            waiting: report.waiting,
            communication: report.communication,
        }
    }
}

/// A run of one process has no such times.
fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}
