//! Updates added up as they come, in constant memory: the weighted mean, of integers ([`ExactMean`]).

use super::exact_mean::ExactMean;
use super::{AggregationRule, Closed, Closing, Exchange, Intake, same};
use crate::update::{Refusal, Rejection, difference};

/// What is added in the place of a change.
type Prepare = Box<dyn Fn(&[f32]) -> Vec<f32> + Send>;

/// An intake that adds up.
pub struct Mean {
    sum: ExactMean,
    prepare: Option<Prepare>,
}

impl Mean {
    /// Of updates as they are, of `size` values.
    pub fn new(size: usize) -> Self {
        Self { sum: ExactMean::new(size), prepare: None }
    }

    /// Of what `prepare` makes of each.
    pub fn prepared(size: usize, prepare: impl Fn(&[f32]) -> Vec<f32> + Send + 'static) -> Self {
        Self { prepare: Some(Box::new(prepare)), ..Self::new(size) }
    }
}

impl Intake for Mean {
    fn take(&mut self, _client: u32, base: &[f32], model: &[f32], share: f64) -> Result<(), Refusal> {
        match &self.prepare {
            None => self.sum.add(base, model, share),
            Some(prepare) => self.sum.add_change(&prepare(&difference(model, base)), share),
        }
    }

    fn sums(&mut self) -> Option<&mut ExactMean> {
        self.prepare.is_none().then_some(&mut self.sum)
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
            let prepared = self.prepare.as_ref().map(|prepare| prepare(&update.change));
            let change = prepared.as_ref().unwrap_or(&update.change);
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
