//! What is written down of a round.

use imfl_engine::federated::{Dropped, Evaluation, Rejection, RoundReport, Traffic};
use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundMetrics {
    /// The round, from 1.
    pub round: u64,
    /// Who was asked; this and the next three are left out of a private round, as is what it is told of clients: who takes part is
    /// what its noise hides behind.
    pub cohort: Vec<u32>,
    /// Of whom no update arrived.
    pub dropped: Vec<Dropped>,
    /// Whose update will arrive in the next round; on a network, in a later one.
    pub late: Vec<u32>,
    /// Whose update could not be used.
    pub rejected: Vec<Rejection>,
    /// Whether fewer updates than the quorum could be used, so that nothing changed and nobody was paid.
    pub skipped: bool,
    /// Mean loss over the samples that were trained on; null (NaN) in a private round.
    #[serde(deserialize_with = "number_or_null")]
    pub train_loss: f64,
    /// Mean loss on the test images.
    pub loss: f64,
    /// Accuracy on the test images.
    pub accuracy: f64,
    /// Samples trained on; 0 in a private round.
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
    /// What has been spent by the end of the round, if it was private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<RoundPrivacy>,
}

/// What a private round has told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundPrivacy {
    /// Epsilon of all rounds so far.
    pub epsilon: f64,
    /// Deviation of the round's noise, in clipping bounds.
    pub noise: f64,
    /// The round's clipping bound.
    pub clip: f64,
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
            privacy: None,
        }
    }

    /// The same of a private round, without what only the server may know.
    pub fn private(self, privacy: RoundPrivacy) -> Self {
        Self {
            cohort: Vec::new(),
            dropped: Vec::new(),
            late: Vec::new(),
            rejected: Vec::new(),
            train_loss: f64::NAN,
            samples: 0,
            privacy: Some(privacy),
            ..self
        }
    }
}

/// JSON has no NaN.
fn number_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// A run of one process has no such times.
fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}
