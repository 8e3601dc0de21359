//! A round on a network: whom its timetable calls, and whose update arrives in it.

use super::availability::DropOut;
use super::federation::Federation;
use super::participant::Participant;
use super::report::{Dropped, Traffic};
use super::roll::{Called, Roll};
use super::state::ServerState;
use crate::network::{Absence, Fate, Job, Network, NetworkError, Observed, Span, Timetable};
use crate::update::{ClientUpdate, Receipt, Refusal, Rejection};
use std::collections::{BTreeMap, BTreeSet};

/// A round before anybody has trained.
pub(super) struct Dispatch<'a> {
    pub roll: Roll<'a>,
    /// Updates of earlier rounds that arrive in this.
    pub arriving: Vec<ClientUpdate>,
    /// Those that arrive in a later one.
    pub staying: Vec<ClientUpdate>,
    /// Who was asked.
    pub asked: Vec<u32>,
    /// Absent without a network.
    pub timetable: Option<Timetable>,
}

impl Federation {
    /// Plays the round on the network. `cohort` is who is asked, or who may be where the policy chooses.
    pub(super) fn dispatch<'a>(
        &self,
        network: &Network,
        state: &mut ServerState,
        cohort: &'a [Participant],
    ) -> Result<Dispatch<'a>, NetworkError> {
        let round = state.round + 1;
        let mut seen = BTreeSet::new();
        let (once, twice): (Vec<&Participant>, Vec<&Participant>) =
            cohort.iter().partition(|participant| seen.insert(participant.client.id));
        let job = |participant: &&Participant| Job {
            client: participant.client.id,
            samples: (self.local.epochs * participant.client.samples.len()) as u64,
        };
        let pool: Vec<Job> = once.iter().map(job).collect();
        let timetable = network.round(&state.network, round, self.seed, &pool, self.load(network))?;
        let (of_now, of_before): (Vec<&Span>, Vec<&Span>) = timetable.ended.iter().partition(|span| span.made == round);
        let fates: BTreeMap<u32, Fate> = of_now.iter().map(|span| (span.client, span.fate)).collect();
        let on_their_way: BTreeSet<u32> =
            timetable.flights.iter().filter(|flight| !flight.is_lost()).map(|flight| flight.client).collect();
        let call = |&place: &usize| {
            let participant = once[place];
            let client = participant.client.id;
            match fates.get(&client) {
                Some(Fate::Arrived) => Some(Called { participant, late: false }),
                // Of whom no update will arrive, none is computed.
                Some(Fate::Gone | Fate::CutOff) => None,
                None => on_their_way.contains(&client).then_some(Called { participant, late: true }),
            }
        };
        let called: Vec<Called> = timetable.begun.iter().filter_map(call).collect();
        let arrived: BTreeMap<u32, u64> =
            of_before.iter().filter(|span| span.fate == Fate::Arrived).map(|span| (span.client, span.made)).collect();
        let (mut arriving, staying): (Vec<ClientUpdate>, Vec<ClientUpdate>) =
            std::mem::take(&mut state.late).into_iter().partition(|update| arrived.contains_key(&update.client));
        for update in &mut arriving {
            let factor = network.policy.staleness(round.saturating_sub(update.made)) as f32;
            if factor != 1.0 {
                update.change.iter_mut().for_each(|value| *value *= factor);
            }
        }
        let in_time = called.iter().filter(|called| !called.late).map(|called| called.participant.weight);
        let total = in_time.chain(arriving.iter().map(|update| update.weight)).sum();
        let refused = twice.iter().map(|participant| participant.client.id);
        let refused = refused.map(|client| Rejection { client, reason: Refusal::Duplicate }).collect();
        let asked = match network.policy.chooses() {
            true => timetable.begun.iter().map(|&place| pool[place].client).collect(),
            false => cohort.iter().map(|participant| participant.client.id).collect(),
        };
        let roll = Roll { called, dropped: dropped(&timetable), refused, total };
        Ok(Dispatch { roll, arriving, staying, asked, timetable: Some(timetable) })
    }

    /// Lets the network remember a round, and says what it was.
    pub(super) fn remember(
        &self,
        state: &mut ServerState,
        timetable: Timetable,
        accepted: &[Receipt],
        residues: BTreeMap<u32, Vec<f32>>,
    ) -> Traffic {
        let Timetable { round, begins, ends, ended, flights, bytes_down, bytes_up, .. } = timetable;
        let memory = &mut state.network;
        memory.now = ends;
        memory.residues.extend(residues.into_iter().map(|(client, residue)| (client, residue.into())));
        if self.network.as_ref().is_some_and(|network| network.policy.learns()) {
            let spans: BTreeMap<u32, &Span> = ended.iter().map(|span| (span.client, span)).collect();
            for receipt in accepted {
                let Some(span) = spans.get(&receipt.client) else { continue };
                let utility = receipt.samples as f64 * receipt.loss;
                let observed = Observed { utility, seconds: span.ended - span.asked, round };
                memory.observed.insert(receipt.client, observed);
            }
        }
        let late = flights.iter().filter(|flight| flight.made == round && !flight.is_lost()).count() as u64;
        let lost = ended.iter().filter(|span| span.fate != Fate::Arrived).count() as u64;
        memory.flights = flights;
        Traffic { begins, ends, bytes_down, bytes_up, late, lost, clients: ended }
    }
}

/// Of whom no update arrives, as far as this round has settled it.
fn dropped(timetable: &Timetable) -> Vec<Dropped> {
    let absent = timetable.absent.iter().map(|&(client, absence)| {
        let when = match absence {
            Absence::Away => DropOut::Before,
            Absence::Busy => DropOut::Busy,
        };
        Dropped { client, when }
    });
    let lost = timetable.ended.iter().filter_map(|span| {
        let when = match span.fate {
            Fate::Arrived => return None,
            Fate::CutOff => DropOut::CutOff,
            Fate::Gone if span.ended < span.computed => DropOut::During,
            Fate::Gone => DropOut::After,
        };
        Some(Dropped { client: span.client, when })
    });
    absent.chain(lost).collect()
}
