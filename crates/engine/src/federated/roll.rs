//! Who of a cohort trains, and whose update arrives when.

use super::availability::{Attendance, DropOut};
use super::participant::Participant;
use super::report::Dropped;
use crate::update::{ClientUpdate, Refusal, Rejection};
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
    /// What is refused before it is looked at: places of clients that the cohort names a second time, and what came that is no model.
    pub refused: Vec<Rejection>,
    /// Weight of all updates that arrive in this round.
    pub total: f64,
}

impl<'a> Roll<'a> {
    /// Calls the cohort. A client whose update of the last round is still arriving is busy.
    pub fn call(cohort: &'a [Participant], arriving: &[ClientUpdate], attendance: impl Fn(u32) -> Attendance) -> Self {
        let (mut called, mut dropped, mut refused) = (Vec::with_capacity(cohort.len()), Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for participant in cohort {
            let client = participant.client.id;
            if !seen.insert(client) {
                refused.push(Rejection { client, reason: Refusal::Duplicate });
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
        let in_time = called.iter().filter(|called| !called.late).map(|called| called.participant.weight);
        let total = in_time.chain(arriving.iter().map(|update| update.weight)).sum();
        Self { called, dropped, refused, total }
    }
}
