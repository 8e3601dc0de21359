//! How updates reach the server: added up as they come where the rule allows it, kept until all are there where it does not.

use super::aggregate::ExactMean;
use super::availability::{Attendance, DropOut};
use super::report::Dropped;
use super::robust::clip;
use super::update::{ClientUpdate, Refusal, Rejection, screen};
use super::{Federation, Participant, ServerState, chunk};
use std::collections::BTreeSet;

/// A client that trains in this round.
#[derive(Clone, Copy)]
pub(super) struct Called<'a> {
    pub participant: &'a Participant,
    /// Whether its update arrives in the next round.
    pub late: bool,
}

/// Who of a cohort does what.
pub(super) struct Roll<'a> {
    /// In the order of the cohort.
    pub called: Vec<Called<'a>>,
    pub dropped: Vec<Dropped>,
    /// Places of clients that the cohort names a second time.
    pub doubled: Vec<Rejection>,
}

impl<'a> Roll<'a> {
    /// Calls the cohort. A client whose update of the last round is still arriving is busy.
    pub fn call(federation: &Federation, cohort: &'a [Participant], arriving: &[ClientUpdate], round: u64) -> Self {
        let (mut called, mut dropped, mut doubled) = (Vec::with_capacity(cohort.len()), Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for participant in cohort {
            let client = participant.client.id;
            if !seen.insert(client) {
                doubled.push(Rejection { client, reason: Refusal::Duplicate });
            } else if arriving.iter().any(|update| update.client == client) {
                dropped.push(Dropped { client, when: DropOut::Busy });
            } else {
                match federation.availability.draw(federation.seed, round, client) {
                    Attendance::OnTime => called.push(Called { participant, late: false }),
                    Attendance::Late => called.push(Called { participant, late: true }),
                    Attendance::Dropped(when) => dropped.push(Dropped { client, when }),
                }
            }
        }
        Self { called, dropped, doubled }
    }

    /// The weights of all updates that arrive in this round.
    pub fn arriving_weight(&self, arriving: &[ClientUpdate]) -> f64 {
        let on_time = self.called.iter().filter(|called| !called.late).map(|called| called.participant.weight);
        on_time.chain(arriving.iter().map(|update| update.weight)).sum()
    }
}

/// What became of one client's training.
pub(super) struct Trained {
    /// Whether its update could be added; one that was kept has yet to be looked at.
    pub accepted: Result<(), Refusal>,
    /// The update, if it was not added up already; empty otherwise.
    pub update: ClientUpdate,
    pub late: bool,
}

impl Trained {
    /// Takes a client's update in: into `mean` if the rule streams and it is on time. `share` is its weight over that of all
    /// that arrive.
    pub fn take(
        federation: &Federation,
        state: &ServerState,
        mean: &mut ExactMean,
        called: Called,
        update: chunk::Update,
        total: f64,
    ) -> Self {
        let chunk::Update { model, variate, loss, samples } = update;
        let (base, weight) = (state.weights.values(), called.participant.weight);
        let (client, made) = (called.participant.client.id, state.round + 1);
        let (accepted, change) = match federation.aggregation.bound() {
            _ if called.late || federation.keeps_updates() => (Ok(()), difference(&model, base)),
            None => (mean.add(base, &model, weight / total), Vec::new()),
            Some(bound) => (mean.add_change(&clip(&difference(&model, base), bound), weight / total), Vec::new()),
        };
        let update = ClientUpdate { client, made, weight, change, variate, loss, samples };
        Self { accepted, update, late: called.late }
    }

    /// Samples that it trained on.
    pub fn samples(&self) -> u64 {
        self.update.samples
    }
}

fn difference(model: &[f32], base: &[f32]) -> Vec<f32> {
    model.iter().zip(base).map(|(model, base)| (f64::from(*model) - f64::from(*base)) as f32).collect()
}

/// What arrived in a round.
pub(super) struct Gathered {
    /// Updates that can count; their values are gone if they were added up.
    pub accepted: Vec<ClientUpdate>,
    pub rejected: Vec<Rejection>,
    /// Updates that arrive in the next round.
    pub late: Vec<ClientUpdate>,
}

impl Gathered {
    /// Brings together what was trained, in the order of the cohort, and what arrives from the last round. What the workers
    /// did not add up is added to `mean`, if the rule streams.
    pub fn new(
        federation: &Federation,
        trained: Vec<Trained>,
        arriving: Vec<ClientUpdate>,
        mean: &mut ExactMean,
        (size, total, round): (usize, f64, u64),
    ) -> Self {
        let (late, on_time): (Vec<Trained>, Vec<Trained>) = trained.into_iter().partition(|trained| trained.late);
        let late = late.into_iter().map(|trained| trained.update).collect();
        if federation.keeps_updates() {
            let mut updates: Vec<ClientUpdate> = on_time.into_iter().map(|trained| trained.update).collect();
            updates.extend(arriving);
            if let Some(hostility) = &federation.hostility {
                hostility.strike(&mut updates, federation.seed, round);
            }
            let (accepted, rejected) = screen(size, updates);
            return Self { accepted, rejected, late };
        }
        let added = on_time.into_iter().map(|trained| (trained.accepted, trained.update));
        let add = |update: ClientUpdate| {
            let bound = federation.aggregation.bound();
            let change = bound.map_or_else(|| update.change.clone(), |bound| clip(&update.change, bound));
            (mean.add_change(&change, update.weight / total), update)
        };
        let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
        for (result, update) in added.chain(arriving.into_iter().map(add)) {
            match result {
                Ok(()) => accepted.push(update),
                Err(reason) => rejected.push(Rejection { client: update.client, reason }),
            }
        }
        Self { accepted, rejected, late }
    }

    /// Mean loss over the samples of the updates that can count, in their order.
    pub fn train_loss(&self) -> f64 {
        let (loss, samples) = self.accepted.iter().fold((0.0, 0u64), |(loss, samples), update| {
            (loss + update.loss * update.samples as f64, samples + update.samples)
        });
        loss / samples.max(1) as f64
    }
}
