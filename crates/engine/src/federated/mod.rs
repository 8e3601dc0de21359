//! Federated averaging (McMahan et al. 2017) and what followed it: a [`Federation`] starts with a [`ServerState`] and takes it
//! through rounds.
//!
//! What a round does is chosen by values of the federation, and each kind of value is a trait that users may implement:
//! what clients do beside gradient descent ([`ClientAlgorithm`]), how updates become one ([`AggregationRule`]) and how they are
//! taken in meanwhile ([`Intake`]), what hostile clients send ([`Adversary`]). Those that ship with the engine are one file each
//! and go by names: `"trimmed-mean:2".parse::<Aggregation>()`.

pub mod aggregation;
pub mod attack;
mod availability;
mod ceiling;
mod chunk;
mod cohort;
mod demands;
mod elsewhere;
mod error;
mod evaluate;
mod federation;
mod global;
pub mod intake;
mod local;
mod online;
mod participant;
mod plan;
mod private;
pub mod remote;
mod report;
mod roll;
mod round;
mod sent;
mod server;
mod state;
mod training;

pub use crate::update::{ClientUpdate, Receipt, Refusal, Rejection, screen};
pub use aggregation::{Aggregation, ClientModel, TooFew};
pub use attack::{Adversary, Attack, Hostility};
pub use availability::{Attendance, Availability, DropOut};
pub use cohort::{CohortError, CohortSampling, Drawn};
pub use error::TrainingError;
pub use evaluate::{Evaluation, evaluate, evaluate_clients, logits};
pub use federation::Federation;
pub use intake::{AggregationRule, Intake, exact_mean as aggregate};
pub use local::{ClientAlgorithm, LocalAlgorithm, LocalSgd, Memory, Schedule, Step, Trained, Variates};
pub use participant::Participant;
pub use plan::Plan;
pub use private::{Correlation, Private, Void};
pub use report::{Dropped, Halved, RoundReport, Traffic};
pub use server::{Moments, Server, ServerRule};
pub use state::{ServerState, init};

#[cfg(test)]
mod tests;
