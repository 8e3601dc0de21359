//! Updates added up as they come, in constant memory: the weighted mean, of integers ([`ExactMean`]).

use super::exact_mean::ExactMean;
use super::{AggregationRule, Closed, Closing, Exchange, Intake, same};
use crate::clipping::clip;
use crate::update::{Refusal, Rejection, difference};

/// An intake that adds up.
pub struct Mean {
    sum: ExactMean,
    bound: Option<f64>,
}

impl Mean {
    /// Of updates as they are, of `size` values.
    pub fn new(size: usize) -> Self {
        Self { sum: ExactMean::new(size), bound: None }
    }

    /// Of updates whose norm is cut to `bound`.
    pub fn clipped(size: usize, bound: f64) -> Self {
        Self { bound: Some(bound), ..Self::new(size) }
    }
}

impl Intake for Mean {
    fn take(&mut self, _client: u32, base: &[f32], model: &[f32], share: f64) -> Result<(), Refusal> {
        match self.bound {
            None => self.sum.add(base, model, share),
            Some(bound) => self.sum.add_change(&clip(&difference(model, base), bound), share),
        }
    }

    fn sums(&mut self) -> Option<&mut ExactMean> {
        Some(&mut self.sum)
    }

    fn bound(&self) -> Option<f64> {
        self.bound
    }

    fn merge(&mut self, other: Box<dyn Intake>) {
        self.sum.merge(same::<Self>(other).sum);
    }

    fn join(&mut self, exchange: &Exchange, about: &mut [i64]) {
        self.sum.join(exchange.ranks, about);
    }

    fn close(&mut self, closing: Closing) -> Closed {
        let mut closed = Closed::default();
        let arriving = closing.arriving.into_iter().map(|update| {
            let cut = self.bound.map(|bound| clip(&update.change, bound));
            let change = cut.as_ref().unwrap_or(&update.change);
            (update.receipt(), self.sum.add_change(change, update.weight / closing.total))
        });
        for (receipt, result) in closing.in_time.into_iter().chain(arriving) {
            match result {
                Ok(()) => closed.accepted.push(receipt),
                Err(reason) => closed.rejected.push(Rejection { client: receipt.client, reason }),
            }
        }
        closed
    }

    fn combine(self: Box<Self>, _rule: &dyn AggregationRule, _workers: usize) -> Vec<f64> {
        self.sum.into_means()
    }
}
