//! How updates reach the server and become one change: added up as they come where the rule is a mean ([`mean`]), kept until
//! all are there where it is not ([`kept`]).

pub mod exact_mean;
mod exchange;
pub mod kept;
pub mod mean;

pub use exchange::{Exchange, Sender, taken, verdict};

use super::attack::Hostility;
use crate::update::{ClientUpdate, Receipt, Refusal, Rejection};
use std::any::Any;

/// How the updates of a round become one change of the model.
pub trait AggregationRule: Send + Sync {
    /// The fewest updates that it has a meaning for.
    fn needs(&self) -> usize {
        1
    }

    /// An intake that adds updates of `size` values up as they come; `None` for a rule that looks at all of them at once.
    fn streaming(&self, _size: usize) -> Option<Box<dyn Intake>> {
        None
    }

    /// One change from at least as many as it needs, finite, of one length, each with its weight, in the order of client ids;
    /// on several workers if it likes. The result must not depend on how many.
    fn combine(&self, changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64>;
}

/// The server's side of one round. Each worker has one and takes in what its clients send; then those of all workers are
/// merged, those of all ranks joined, and the round is closed.
pub trait Intake: Any + Send {
    /// Takes in the model that a client made of `base` and sent in time. `share` is its weight over that of all updates that
    /// arrive.
    ///
    /// # Errors
    /// What is wrong with it, if that can be told already; it is then left out.
    fn take(&mut self, client: u32, base: &[f32], model: &[f32], share: f64) -> Result<(), Refusal>;

    /// The sums that updates are added to, as they are or cut to [`Intake::bound`], where it keeps such: a device may then add up what was
    /// trained on it, to the same integers.
    fn sums(&mut self) -> Option<&mut exact_mean::ExactMean> {
        None
    }

    /// The norm to which updates are cut before they are added to the sums.
    fn bound(&self) -> Option<f64> {
        None
    }

    /// Takes over what another worker's took in; it was made by the same rule.
    fn merge(&mut self, other: Box<dyn Intake>);

    /// Shares what the ranks took in, so that every rank has all of it; `about` is added up on the way.
    fn join(&mut self, exchange: &Exchange, about: &mut [i64]);

    /// Takes in what arrives from the last round, and tells what can count from what cannot.
    fn close(&mut self, closing: Closing) -> Closed;

    /// The sum of votes about the clipping bound, with its noise; 0 where nobody votes.
    fn votes(&self) -> i64 {
        0
    }

    /// What the updates that can count make of the model.
    fn combine(self: Box<Self>, rule: &dyn AggregationRule, workers: usize) -> Vec<f64>;
}

/// What an intake is closed with.
pub struct Closing<'a> {
    /// What was sent in time, in the order of the cohort.
    pub in_time: Vec<Taken>,
    /// Updates of the last round that arrive in this.
    pub arriving: Vec<ClientUpdate>,
    /// Weight of all of them.
    pub total: f64,
    /// Clients that send something else than their updates.
    pub hostility: Option<&'a Hostility>,
    /// Keys what they draw.
    pub seed: u64,
    /// The round, from 1.
    pub round: u64,
}

/// An update, and what [`Intake::take`] said to it.
pub type Taken = (Receipt, Result<(), Refusal>);

/// Which updates of a round can count.
#[derive(Default)]
pub struct Closed {
    /// Those that can, in the order of the cohort; behind them those of the last round.
    pub accepted: Vec<Receipt>,
    /// Those that cannot, in the same order.
    pub rejected: Vec<Rejection>,
}

/// The other intake of a merger, of the same kind.
pub(super) fn same<I: Intake>(other: Box<dyn Intake>) -> I {
    let other: Box<dyn Any> = other;
    // A round makes all its intakes by one rule.
    *other.downcast().expect("the intakes of a round are of one kind")
}
