//! Clipped changes added up as they come.

use super::Release;
use crate::federated::intake::{AggregationRule, Closed, Closing, Exchange, Intake, same};
use crate::update::{Refusal, Rejection};
use imfl_kernel::mean::{UNIT, accumulate, squares, squares_error};
use imfl_privacy::clip::AdaptiveClip;
use std::sync::Arc;

/// The sum of changes as integers in units of 2^-40, none longer than the clipping bound, and of votes about it.
pub struct PrivateSum {
    release: Arc<Release>,
    pub(super) sums: Vec<i64>,
    pub(super) votes: i64,
}

impl PrivateSum {
    /// Of changes of `size` values.
    pub fn new(size: usize, release: Arc<Release>) -> Self {
        Self { release, sums: vec![0; size], votes: 0 }
    }

    /// Adds the change from `base` to `model`, clipped. What is added is, as a vector of integers, never longer than the
    /// bound, by not one unit: the change is scaled to the bound less the most that rounding each value to the nearest unit can
    /// add, half the root of their number, and less what the arithmetic of f64 may be off by.
    fn add(&mut self, base: &[f32], model: &[f32]) -> Result<(), Refusal> {
        assert!(base.len() == self.sums.len() && model.len() == base.len(), "sum of vectors of another size");
        let size = model.len();
        let rounding = 0.5 * (size as f64).sqrt() + 1.0;
        let inner = (self.release.bound as f64 - rounding).max(0.0) * UNIT;
        // At least the change's length.
        let length = squares(base, model).sqrt() * (1.0 + squares_error(size));
        let within = length <= inner;
        let share = if within { 1.0 } else { inner / length * (1.0 - 4.0 * f64::EPSILON) };
        if !accumulate(&mut self.sums, base, model, share, 1) {
            // Integers wrap around: taking the same numbers away leaves no trace.
            accumulate(&mut self.sums, base, model, share, -1);
            let finite = model.iter().all(|value| value.is_finite());
            return Err(if finite { Refusal::TooFar } else { Refusal::NotFinite });
        }
        self.votes += AdaptiveClip::vote(within);
        Ok(())
    }
}

impl Intake for PrivateSum {
    fn take(&mut self, _client: u32, base: &[f32], model: &[f32], _share: f64) -> Result<(), Refusal> {
        self.add(base, model)
    }

    fn merge(&mut self, other: Box<dyn Intake>) {
        let other = same::<Self>(other);
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, more)| *sum += more);
        self.votes += other.votes;
    }

    fn join(&mut self, exchange: &Exchange, about: &mut [i64]) {
        let size = self.sums.len();
        self.sums.push(self.votes);
        self.sums.extend_from_slice(about);
        exchange.ranks.sum(&mut self.sums);
        about.copy_from_slice(&self.sums[size + 1..]);
        self.votes = self.sums[size];
        self.sums.truncate(size);
    }

    fn close(&mut self, closing: Closing) -> Closed {
        let mut closed = Closed::default();
        // `demands` lets nobody be late.
        for (receipt, result) in closing.in_time {
            match result {
                Ok(()) => closed.accepted.push(receipt),
                Err(reason) => closed.rejected.push(Rejection { client: receipt.client, reason }),
            }
        }
        closed
    }

    fn votes(&self) -> i64 {
        self.release.votes(self.votes)
    }

    fn combine(self: Box<Self>, _rule: &dyn AggregationRule, workers: usize) -> Vec<f64> {
        self.release.mean(&self.sums, workers)
    }
}
