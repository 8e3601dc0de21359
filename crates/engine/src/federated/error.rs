use super::aggregation::TooFew;
use super::private::Void;
use crate::device::failed::Failed;
use crate::network::NetworkError;
use crate::update::Refusal;

/// Training cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainingError {
    /// No update of the round could be used.
    #[error(
        "training diverged in round {round}: client {client} returned {what}, and no update of the cohort of {cohort} \
         can be used; lower the learning rate or, where clients are hostile, have fewer of them"
    )]
    Diverged {
        /// The round, from 1.
        round: u64,
        /// The first client of the cohort.
        client: u32,
        /// What was wrong with its update.
        what: Refusal,
        /// Clients in the cohort.
        cohort: usize,
    },
    /// A network on which the round cannot be played.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Clients elsewhere could not be asked.
    #[error("round {round}: {problem}")]
    Elsewhere {
        /// The round, from 1.
        round: u64,
        /// Why.
        problem: String,
    },
    /// A device that was lost, or whose memory was full.
    #[error(
        "round {round}: {source}; nothing of this round was kept, and what was saved before it is as it was: resume from there, on a \
         device that is in order, or with a smaller chunk (it held {chunk} clients) if memory was short"
    )]
    Device {
        /// The round, from 1.
        round: u64,
        /// Clients that trained side by side.
        chunk: usize,
        /// What the device said.
        source: Failed,
    },
    /// There is nobody to train.
    #[error("round {0} has an empty cohort")]
    EmptyCohort(u64),
    /// Too few updates for the rule.
    #[error("round {round}: {source}")]
    TooFew {
        /// The round, from 1.
        round: u64,
        /// The rule and what it needs.
        source: TooFew,
    },
    /// A private round that would not be one.
    #[error("round {round} cannot be private: {source}")]
    Void {
        /// The round, from 1.
        round: u64,
        /// Why.
        source: Void,
    },
    /// A private round whose noise cannot be drawn.
    #[error("round {round} cannot be private: {source}")]
    Noise {
        /// The round, from 1.
        round: u64,
        /// Why.
        source: imfl_privacy::Error,
    },
    /// A weight that is no weight.
    #[error("client {client} of round {round} has weight {weight}; weights are finite and above 0")]
    Weight {
        /// The round, from 1.
        round: u64,
        /// The client.
        client: u32,
        /// Its weight.
        weight: f64,
    },
}
