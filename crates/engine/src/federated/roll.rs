//! Who of a cohort trains, and whose update arrives when.

use super::availability::{Attendance, DropOut};
use super::participant::Participant;
use super::report::Dropped;
use crate::update::{ClientUpdate, Receipt, Refusal, Rejection};
use std::collections::{BTreeMap, BTreeSet};

/// An update, and whether it could be taken in.
pub(super) type Taken = (Receipt, Result<(), Refusal>);

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
    pub fn call(cohort: &'a [Participant], arriving: &[ClientUpdate], attendance: impl Fn(u32) -> Attendance) -> Self {
        let (mut called, mut dropped, mut doubled) = (Vec::with_capacity(cohort.len()), Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for participant in cohort {
            let client = participant.client.id;
            if !seen.insert(client) {
                doubled.push(Rejection { client, reason: Refusal::Duplicate });
            } else if arriving.iter().any(|update| update.client == client) {
                dropped.push(Dropped { client, when: DropOut::Busy });
            } else {
                match attendance(client) {
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

    /// Parts what was trained into what was sent in time, in the order of the cohort, and the updates that will arrive in the
    /// next round, with their changes and variates.
    pub fn sort(
        &self,
        mut receipts: BTreeMap<u32, Taken>,
        mut changes: BTreeMap<u32, Vec<f32>>,
        variates: &mut BTreeMap<u32, Vec<f32>>,
    ) -> (Vec<Taken>, Vec<ClientUpdate>) {
        let (mut in_time, mut late) = (Vec::with_capacity(self.called.len()), Vec::new());
        for client in self.called.iter().map(|called| called.participant.client.id) {
            // Whoever was called has trained.
            let Some((receipt, taken)) = receipts.remove(&client) else { continue };
            match changes.remove(&client) {
                Some(change) => late.push(receipt.with(change, variates.remove(&client))),
                None => in_time.push((receipt, taken)),
            }
        }
        (in_time, late)
    }
}
