//! One round, as the papers tell it: call the cohort, train and join, close the round, step.

use super::demands;
use super::error::TrainingError;
use super::federation::Federation;
use super::intake::Closed;
use super::online::Dispatch;
use super::participant::Participant;
use super::plan::Plan;
use super::private::Release;
use super::report::{Halved, RoundReport};
use super::roll::Roll;
use super::state::ServerState;
use super::training::{Part, Training};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use super::{Moments, ServerRule};
use crate::device::{Compute, failed};
use crate::parameters::Layout;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use crate::parameters::Weights;
use crate::transfer;
use crate::update::{Receipt, Rejection};
use std::sync::Arc;
use std::time::Instant;

impl Federation {
    /// One round: every participant that is there trains a copy of the global model, the rule makes one update of theirs, the
    /// server moves by it. On a CPU the result depends neither on the number of workers nor on the chunk; several ranks train a
    /// share of the cohort each, and all of them get the result of one.
    ///
    /// A device that fails is asked again with chunks of half the size, down to one client: its memory may have been too small for what
    /// trained side by side. Later rounds keep to the size that went well. Other ranks wait for this one and clients elsewhere have
    /// trained already, so that there a failure is an error.
    ///
    /// # Errors
    /// [`TrainingError`] if nobody takes part, a weight is no weight, no update that arrived can be used, or too few for the
    /// rule, or the device fails; the state is then lost with it, keep a clone to go on.
    pub fn apply(
        &self,
        mut state: ServerState,
        cohort: &[Participant],
    ) -> Result<(ServerState, RoundReport), TrainingError> {
        let (round, layout) = (state.round + 1, state.weights.layout().clone());
        let alone = !self.compute.ranks.are_several() && self.remote.is_none();
        let mut halved = None;
        loop {
            let chunk = self.plan(&layout, cohort.len()).chunk;
            let again = (alone && chunk > 1).then(|| state.clone());
            let played = failed::catch(transfer::is_apart(&self.compute.device), || {
                if halved.is_some() {
                    transfer::free(&self.compute.device);
                }
                self.play(state, cohort)
            });
            let source = match played {
                Ok(played) => {
                    return played.map(|(state, report)| (state, RoundReport { halved, ..report }));
                }
                Err(source) => source,
            };
            self.global.forget();
            match again {
                Some(kept) => state = kept,
                None => return Err(TrainingError::Device { round, chunk, source }),
            }
            self.ceiling.lower(chunk / 2);
            halved = Some(Halved { chunk, said: source });
        }
    }

    /// How so many clients are spread over launches and threads.
    pub(super) fn plan(&self, layout: &Layout, cohort: usize) -> Plan {
        let compute = Compute { chunk: self.ceiling.over(self.compute.chunk), ..self.compute.clone() };
        Plan::new(&compute, &self.local, layout, self.trace(), cohort)
    }

    fn play(
        &self,
        mut state: ServerState,
        cohort: &[Participant],
    ) -> Result<(ServerState, RoundReport), TrainingError> {
        let started = Instant::now();
        let round = state.round + 1;
        self.check_cohort(cohort, round)?;
        let release = self.release(&state, round)?;
        let Dispatch { mut roll, arriving, staying, asked, timetable } = self.call(&mut state, cohort, round)?;
        let Training { mut part, plan, waiting, communication } = match &self.remote {
            Some(remote) => self.train_elsewhere(remote.as_ref(), &state, &mut roll)?,
            None => self.train_cohort(&state, &roll, release.as_ref()),
        };
        let (Closed { accepted, mut rejected }, late) = self.close(&mut part, &roll, arriving, round);
        rejected.extend(roll.refused);
        // What others send from elsewhere does not end a run: the round is skipped. In a private round whoever sends nothing that
        // can be used adds nothing, and nothing else may depend on it.
        let ends = accepted.is_empty() && self.remote.is_none() && release.is_none();
        if let (true, Some(&Rejection { client, reason })) = (ends, rejected.first()) {
            return Err(TrainingError::Diverged { round, client, what: reason, cohort: cohort.len() });
        }
        let (samples, rows, skipped) = (part.samples(), part.rows, release.is_none() && accepted.len() < self.quorum);
        let residues = std::mem::take(&mut part.residues);
        if !skipped {
            self.step(&mut state, &accepted, part, release.as_deref())?;
        }
        let network = timetable.map(|timetable| self.remember(&mut state, timetable, &accepted, residues));
        let made_late = late.iter().map(|update| update.client).collect();
        (state.round, state.late) = (round, staying.into_iter().chain(late).collect());
        if network.is_some() {
            // In the order in which they are read back.
            state.late.sort_by_key(|update| update.client);
        }
        let report = RoundReport {
            round,
            cohort: asked,
            dropped: roll.dropped,
            late: made_late,
            counted: accepted.iter().filter(|_| !skipped).map(|update| (update.client, update.made)).collect(),
            clip: release.map(|release| release.clip),
            train_loss: mean_loss(&accepted),
            rejected,
            skipped,
            samples,
            network,
            padding: if rows == 0 { 0.0 } else { 1.0 - samples as f64 / rows as f64 },
            plan,
            halved: None,
            seconds: started.elapsed().as_secs_f64(),
            waiting,
            communication,
        };
        Ok((state, report))
    }

    /// Who trains, and whose update arrives when: by the network, or where there is none by what availability draws.
    fn call<'a>(
        &self,
        state: &mut ServerState,
        cohort: &'a [Participant],
        round: u64,
    ) -> Result<Dispatch<'a>, TrainingError> {
        if let Some(network) = &self.network {
            return Ok(self.dispatch(network, state, cohort)?);
        }
        let arriving = std::mem::take(&mut state.late);
        let roll = Roll::call(cohort, &arriving, |client| self.availability.draw(self.seed, round, client));
        let asked = cohort.iter().map(|participant| participant.client.id).collect();
        Ok(Dispatch { roll, arriving, staying: Vec::new(), asked, timetable: None })
    }

    /// Moves the server by the updates that count, and lets it remember what came with them.
    fn step(
        &self,
        state: &mut ServerState,
        counted: &[Receipt],
        mut part: Part,
        release: Option<&Release>,
    ) -> Result<(), TrainingError> {
        let round = state.round + 1;
        match (&self.private, release) {
            (Some(private), Some(release)) => {
                let moved = private.next_clip(release.clip, part.intake.votes());
                state.clip = moved.map_err(|source| TrainingError::Noise { round, source })?;
            }
            _ => {
                let enough = self.aggregation.check(counted.len());
                enough.map_err(|source| TrainingError::TooFew { round, source })?;
            }
        }
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if let (Some((sums, scale)), ServerRule::FedAvg) = (part.added_everything(), self.server.rule) {
            // The device takes this step for itself and can begin the next round; the host takes it meanwhile.
            let (server, rule, workers, before) =
                (self.server, self.aggregation.clone(), self.compute.workers, state.weights.clone());
            state.weights = Weights::later(before.layout().clone(), move || {
                let mut values = before.values().to_vec();
                server.step(&mut Moments::default(), &mut values, part.intake.combine(&*rule, workers));
                values
            });
            self.global.follow(&sums, scale, server.rate, &state.weights);
            return Ok(());
        }
        let change = part.intake.combine(&*self.aggregation, self.compute.workers);
        self.server.step(&mut state.moments, state.weights.values_mut(), change);
        if let Some(memory) = self.local.algorithm.memory() {
            let renewed = counted.iter().filter_map(|update| part.variates.remove_entry(&update.client)).collect();
            memory.step(&mut state.variates, renewed, self.population.max(counted.len()));
        }
        Ok(())
    }

    /// What a private round adds to its sum; refuses what would void its guarantee.
    fn release(&self, state: &ServerState, round: u64) -> Result<Option<Arc<Release>>, TrainingError> {
        demands::check(self).map_err(|source| TrainingError::Void { round, source })?;
        let release = self.private.as_ref().map(|private| private.release(state)).transpose();
        release.map(|release| release.map(Arc::new)).map_err(|source| TrainingError::Noise { round, source })
    }

    /// Refuses weights that are none, and a round without clients. A private one may have none: its sum is noise.
    fn check_cohort(&self, cohort: &[Participant], round: u64) -> Result<(), TrainingError> {
        if cohort.is_empty() && self.private.is_none() {
            return Err(TrainingError::EmptyCohort(round));
        }
        match cohort.iter().find(|participant| !(participant.weight > 0.0 && participant.weight.is_finite())) {
            Some(Participant { client, weight }) => {
                Err(TrainingError::Weight { round, client: client.id, weight: *weight })
            }
            None => Ok(()),
        }
    }

    /// Round after round with one cohort, until round `last` is done.
    ///
    /// # Errors
    /// As [`Federation::apply`].
    pub fn train(&self, state: ServerState, last: u64, cohort: &[Participant]) -> Result<ServerState, TrainingError> {
        self.train_with(state, last, |_| Ok(cohort), |_, _| Ok(()))
    }

    /// Round after round until round `last` is done: `cohort` says who takes part in a round, and `see` is shown the state after
    /// it and what it did.
    ///
    /// # Errors
    /// What `cohort` or `see` return, and those of [`Federation::apply`].
    pub fn train_with<C: AsRef<[Participant]>, E: From<TrainingError>>(
        &self,
        mut state: ServerState,
        last: u64,
        mut cohort: impl FnMut(u64) -> Result<C, E>,
        mut see: impl FnMut(&ServerState, RoundReport) -> Result<(), E>,
    ) -> Result<ServerState, E> {
        for round in state.round + 1..=last {
            let report;
            (state, report) = self.apply(state, cohort(round)?.as_ref())?;
            see(&state, report)?;
        }
        Ok(state)
    }
}

/// Mean loss over the samples of some updates, in their order.
fn mean_loss(updates: &[Receipt]) -> f64 {
    let (loss, samples) = updates.iter().fold((0.0, 0u64), |(loss, samples), update| {
        (loss + update.loss * update.samples as f64, samples + update.samples)
    });
    loss / samples.max(1) as f64
}
