//! Updates kept until all are there, for rules and attacks that look at all of them.

use super::{AggregationRule, Closed, Closing, Exchange, Intake, same};
use crate::update::{ClientUpdate, Refusal, difference, screen};
use std::collections::BTreeMap;

/// An intake that keeps.
pub struct Kept {
    /// Values of the model.
    size: usize,
    /// Changes by client, until the round is closed.
    changes: BTreeMap<u32, Vec<f32>>,
    /// What can count, from then on.
    accepted: Vec<ClientUpdate>,
}

impl Kept {
    /// Of updates of `size` values.
    pub fn new(size: usize) -> Self {
        Self { size, changes: BTreeMap::new(), accepted: Vec::new() }
    }
}

impl Intake for Kept {
    fn take(&mut self, client: u32, base: &[f32], model: &[f32], _share: f64) -> Result<(), Refusal> {
        self.changes.insert(client, difference(model, base));
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Intake>) {
        self.changes.extend(same::<Self>(other).changes);
    }

    fn join(&mut self, exchange: &Exchange, about: &mut [i64]) {
        exchange.ranks.sum(about);
        exchange.complete(&mut self.changes, |sender| !sender.late);
    }

    fn close(&mut self, closing: Closing) -> Closed {
        let kept = closing.in_time.into_iter().map(|(receipt, _)| {
            let change = self.changes.remove(&receipt.client).unwrap_or_default();
            receipt.with(change, None)
        });
        let mut updates: Vec<ClientUpdate> = kept.chain(closing.arriving).collect();
        if let Some(hostility) = closing.hostility {
            hostility.strike(&mut updates, closing.seed, closing.round);
        }
        let (accepted, rejected) = screen(self.size, updates);
        self.accepted = accepted;
        Closed { accepted: self.accepted.iter().map(ClientUpdate::receipt).collect(), rejected }
    }

    fn combine(self: Box<Self>, rule: &dyn AggregationRule, workers: usize) -> Vec<f64> {
        combine(rule, self.accepted.iter().collect(), workers)
    }
}

/// What a rule makes of updates in any order.
pub fn combine(rule: &dyn AggregationRule, mut updates: Vec<&ClientUpdate>, workers: usize) -> Vec<f64> {
    updates.sort_by_key(|update| update.client);
    let changes: Vec<&[f32]> = updates.iter().map(|update| update.change.as_slice()).collect();
    let weights: Vec<f64> = updates.iter().map(|update| update.weight).collect();
    rule.combine(&changes, &weights, workers)
}
