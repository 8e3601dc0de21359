//! Training a cohort: clients in chunks, chunks spread over threads, shares of the cohort over ranks.

use super::chunk::Update;
use super::error::TrainingError;
use super::federation::Federation;
use super::intake::kept::Kept;
use super::intake::{Closed, Closing, Exchange, Intake, Sender, Taken, taken, verdict};
use super::plan::Plan;
use super::private::{PrivateSum, Release};
use super::remote::Remote;
use super::roll::{Called, Roll};
use super::state::ServerState;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use super::{global::Sums, participant::Participant};
use crate::client::Client;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use crate::transfer;
use crate::update::{ClientUpdate, Receipt, difference};
use crate::worker;
use imfl_ranks::balanced;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Integers that tell about a client: verdict, bits of the loss, samples.
const WORDS: usize = 3;

/// What came out of training a cohort.
pub(super) struct Training {
    /// Of all clients, on every rank.
    pub part: Part,
    /// How this rank's share was spread.
    pub plan: Plan,
    /// Seconds of waiting for other ranks.
    pub waiting: f64,
    /// Seconds of exchange with them.
    pub communication: f64,
}

/// What came out of training a part of a cohort: a worker's, a rank's, or all of it.
pub(super) struct Part {
    /// What was sent in time.
    pub intake: Box<dyn Intake>,
    /// What is known of everybody's update, by client.
    pub receipts: BTreeMap<u32, Taken>,
    /// Changes that arrive in the next round, by client.
    pub late: BTreeMap<u32, Vec<f32>>,
    /// What the clients' algorithm remembers of them, by client.
    pub variates: BTreeMap<u32, Vec<f32>>,
    /// What compression left out of each client's update, by client, where it remembers.
    pub residues: BTreeMap<u32, Vec<f32>>,
    /// Rows of samples that were computed, padding included.
    pub rows: u64,
    /// What a device added up.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub sums: Option<Sums>,
}

impl Federation {
    /// Trains everybody who was called, each on one of the ranks; every rank gets everything.
    pub(super) fn train_cohort(&self, state: &ServerState, roll: &Roll, release: Option<&Arc<Release>>) -> Training {
        let ranks = &self.compute.ranks;
        let loads: Vec<u64> = roll.called.iter().map(|called| called.participant.client.samples.len() as u64).collect();
        let owners = balanced(&loads, ranks.size());
        let own = || roll.called.iter().zip(&owners).filter(|(_, owner)| **owner == ranks.rank());
        let called: Vec<Called> = own().map(|(called, _)| *called).collect();
        let participants: Vec<_> = called.iter().map(|called| called.participant).collect();
        let plan = self.plan(state.weights.layout(), called.len());
        let chunks = plan.chunks(&participants, &self.local);
        let size = state.weights.values().len();
        let empty = || Part::new(self.intake(size, release));
        let (parts, _) = worker::run(plan.workers, chunks.len(), empty, |part, index| {
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            if self.train_and_add(
                state,
                part,
                &chunks[index].iter().map(|&nth| called[nth]).collect::<Vec<_>>(),
                roll.total,
            ) {
                return;
            }
            let clients: Vec<&Client> = chunks[index].iter().map(|&nth| &participants[nth].client).collect();
            let (updates, rows) = self.train_chunk(state, &clients, state.round + 1);
            part.rows += rows;
            chunks[index]
                .iter()
                .zip(updates)
                .for_each(|(&nth, update)| part.take(self, state, called[nth], update, roll.total));
        });
        let parts = parts.into_iter().map(Part::brought_home);
        let mut part = parts.reduce(Part::merge).unwrap_or_else(empty);
        let (mut waiting, mut communication) = (0.0, 0.0);
        if ranks.are_several() {
            let trained_here = Instant::now();
            ranks.barrier();
            waiting = trained_here.elapsed().as_secs_f64();
            let all_here = Instant::now();
            let sender = |(called, owner): (&Called, usize)| Sender {
                client: called.participant.client.id,
                owner,
                late: called.late,
            };
            let senders = roll.called.iter().zip(owners).map(sender).collect();
            let exchange = Exchange { ranks, senders, size };
            part.join(
                &exchange,
                roll,
                state.round + 1,
                self.local.algorithm.memory().is_some(),
                self.compression_remembers(),
            );
            communication = all_here.elapsed().as_secs_f64();
        }
        Training { part, plan, waiting, communication }
    }

    /// Lets everybody who was called train elsewhere.
    pub(super) fn train_elsewhere(
        &self,
        remote: &dyn Remote,
        state: &ServerState,
        roll: &mut Roll,
    ) -> Result<Training, TrainingError> {
        let part = self.ask(remote, state, roll)?;
        let plan = self.plan(state.weights.layout(), roll.called.len());
        Ok(Training { part, plan, waiting: 0.0, communication: 0.0 })
    }

    /// Trains clients and adds up their updates where they were trained, if the device has a memory of its own and nobody needs an update
    /// by itself: the rule adds updates up as they are or clipped, they are sent as they are, none is late, none is clipped for privacy,
    /// and no algorithm remembers clients.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fn train_and_add(&self, state: &ServerState, part: &mut Part, called: &[Called], total: f64) -> bool {
        let device = &self.compute.device;
        let exact = self.network.as_ref().is_none_or(|network| network.compression.is_exact());
        let late = called.iter().any(|called| called.late);
        let alone = self.private.is_none() && self.local.algorithm.memory().is_none() && exact && !late;
        if !(transfer::is_apart(device) && alone && part.intake.sums().is_some()) {
            return false;
        }
        let clients: Vec<&Client> = called.iter().map(|called| &called.participant.client).collect();
        let shares: Vec<f64> = called.iter().map(|called| called.participant.weight / total).collect();
        let done = self.train_side_by_side(state, &clients, state.round + 1);
        let size = state.weights.values().len();
        let sums = part.sums.get_or_insert_with(|| Sums::new(size, device));
        let verdicts = sums.add(&done.models, &self.global.on(&state.weights, device), &shares, part.intake.bound());
        part.rows += done.rows;
        for (place, ((called, loss), verdict)) in called.iter().zip(done.losses()).zip(verdicts).enumerate() {
            let Participant { client, weight } = called.participant;
            let (client, weight, made, samples) = (client.id, *weight, state.round + 1, done.samples[place]);
            part.receipts.insert(client, (Receipt { client, made, weight, loss, samples }, verdict));
        }
        true
    }

    /// What a worker takes updates in with: clipped and added up in a private round, else the rule's own way where it has one and
    /// nobody looks at all updates.
    pub(super) fn intake(&self, size: usize, release: Option<&Arc<Release>>) -> Box<dyn Intake> {
        if let Some(release) = release {
            return Box::new(PrivateSum::new(size, release.clone()));
        }
        let streaming = if self.hostility.is_none() { self.aggregation.streaming(size) } else { None };
        streaming.unwrap_or_else(|| Box::new(Kept::new(size)))
    }

    /// Closes the round: what was sent in time and what arrives from the last one, in the order of the cohort. What is late is
    /// taken out and returned, for the next round; the variates of all others stay.
    pub(super) fn close(
        &self,
        part: &mut Part,
        roll: &Roll,
        mut arriving: Vec<ClientUpdate>,
        round: u64,
    ) -> (Closed, Vec<ClientUpdate>) {
        let (mut in_time, mut late) = (Vec::with_capacity(roll.called.len()), Vec::new());
        for client in roll.called.iter().map(|called| called.participant.client.id) {
            let taken = part.receipts[&client];
            match part.late.remove(&client) {
                Some(change) => late.push(taken.0.with(change, part.variates.remove(&client))),
                None => in_time.push(taken),
            }
        }
        let came = arriving.iter_mut().filter_map(|update| Some((update.client, update.variate.take()?)));
        part.variates.extend(came);
        let (hostility, seed, total) = (self.hostility.as_ref(), self.seed, roll.total);
        (part.intake.close(Closing { in_time, arriving, total, hostility, seed, round }), late)
    }
}

impl Part {
    pub(super) fn new(intake: Box<dyn Intake>) -> Self {
        Self {
            intake,
            receipts: BTreeMap::new(),
            late: BTreeMap::new(),
            variates: BTreeMap::new(),
            residues: BTreeMap::new(),
            rows: 0,
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            sums: None,
        }
    }

    /// The same with what a device added up among what was taken in.
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), expect(unused_mut, reason = "nothing is elsewhere"))]
    fn brought_home(mut self) -> Self {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if let (Some(sums), Some(mean)) = (&self.sums, self.intake.sums()) {
            sums.join(mean);
        }
        self
    }

    /// What a device added up, if that is everything that counts, and what makes means of it.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub fn added_everything(&mut self) -> Option<(Sums, f64)> {
        let (sums, mean) = (self.sums.take()?, self.intake.sums()?);
        // Every update has a weight.
        (mean.total() == sums.weight).then(|| (sums, mean.scale()))
    }

    /// Samples trained on, every epoch counted.
    pub fn samples(&self) -> u64 {
        self.receipts.values().map(|(receipt, _)| receipt.samples).sum()
    }

    /// Takes in what a client trained.
    pub(super) fn take(
        &mut self,
        federation: &Federation,
        state: &ServerState,
        Called { participant, late }: Called,
        update: Update,
        total: f64,
    ) {
        let Update { model, variate, loss, samples } = update;
        let (base, client, weight) = (state.weights.values(), participant.client.id, participant.weight);
        let sent = federation.sent(state, client, &model);
        let taken = match (late, &sent) {
            (true, _) => Ok(()),
            (false, None) => self.intake.take(client, base, &model, weight / total),
            (false, Some(sent)) => self.intake.take(client, &vec![0.0; base.len()], &sent.change, weight / total),
        };
        let (change, residue) = sent.map(|sent| (sent.change, sent.residue)).unzip();
        self.late.extend(late.then(|| (client, change.unwrap_or_else(|| difference(&model, base)))));
        self.residues.extend(residue.flatten().map(|residue| (client, residue)));
        self.receipts.insert(client, (Receipt { client, made: state.round + 1, weight, loss, samples }, taken));
        self.variates.extend(variate.map(|own| (client, own)));
    }

    /// Joins the parts of two workers.
    fn merge(mut self, other: Self) -> Self {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        {
            // At most one of them holds everything, which its weight tells.
            self.sums = self.sums.or(other.sums);
        }
        self.intake.merge(other.intake);
        self.receipts.extend(other.receipts);
        self.late.extend(other.late);
        self.variates.extend(other.variates);
        self.residues.extend(other.residues);
        self.rows += other.rows;
        self
    }

    /// Joins the parts of all ranks, for each to have the whole: variates where the algorithm `remembers`, residues where compression
    /// `leaves` some.
    fn join(&mut self, exchange: &Exchange, roll: &Roll, made: u64, remembers: bool, leaves: bool) {
        let words = |Called { participant, .. }: &Called| match self.receipts.get(&participant.client.id) {
            Some((Receipt { loss, samples, .. }, taken)) => [verdict(*taken), loss.to_bits() as i64, *samples as i64],
            None => [0; WORDS],
        };
        let rows = std::iter::once(self.rows as i64);
        let mut numbers: Vec<i64> = rows.chain(roll.called.iter().flat_map(words)).collect();
        self.intake.join(exchange, &mut numbers);
        self.rows = numbers[0] as u64;
        let about = numbers[1..].as_chunks::<WORDS>().0;
        let receipts = roll.called.iter().zip(about).map(|(called, &[verdict, loss, samples])| {
            let (client, weight) = (called.participant.client.id, called.participant.weight);
            let (loss, samples) = (f64::from_bits(loss as u64), samples as u64);
            (client, (Receipt { client, made, weight, loss, samples }, taken(verdict)))
        });
        self.receipts = receipts.collect();
        exchange.complete(&mut self.late, |sender| sender.late);
        if remembers {
            exchange.complete(&mut self.variates, |_| true);
        }
        if leaves {
            exchange.complete(&mut self.residues, |_| true);
        }
    }
}
