//! A round as it goes: who is asked when, what ends when, and when the server goes on.

use super::Network;
use super::clock::{Clock, Event};
use super::error::NetworkError;
use super::flight::{Fate, Flight, Load, Span};
use super::policy::{Candidate, Crowd};
use super::state::NetworkState;
use super::timetable::{Absence, Job, Timetable};
use std::collections::{BTreeMap, VecDeque};

/// Times that the server looks for somebody who can be reached, before it gives up.
const LOOKS: usize = 1000;

/// A round in progress.
struct Course<'a> {
    network: &'a Network,
    seed: u64,
    round: u64,
    load: Load,
    pool: &'a [Job],
    clock: Clock,
    /// Who is at work.
    air: BTreeMap<u32, Flight>,
    /// Who may still be asked, by place, where the policy chooses.
    waiting: VecDeque<usize>,
    begun: Vec<usize>,
    absent: Vec<(u32, Absence)>,
    ended: Vec<(Flight, Span)>,
}

impl Network {
    /// Plays a round that follows on `state`. `pool` is who is asked, or who may be where the policy chooses; each of them receives and
    /// sends `load`.
    ///
    /// # Errors
    /// [`NetworkError`] if a client has no link, or nobody can ever be reached.
    pub fn round(
        &self,
        state: &NetworkState,
        round: u64,
        seed: u64,
        pool: &[Job],
        load: Load,
    ) -> Result<Timetable, NetworkError> {
        let links = self.links.len().min(self.seconds_per_sample.len());
        if let Some(Job { client, .. }) = pool.iter().find(|job| job.client as usize >= links) {
            return Err(NetworkError::Unknown { client: *client, links });
        }
        let course = Course {
            network: self,
            seed,
            round,
            load,
            pool,
            clock: Clock::default(),
            air: state.flights.iter().map(|flight| (flight.client, *flight)).collect(),
            waiting: VecDeque::new(),
            begun: Vec::new(),
            absent: Vec::new(),
            ended: Vec::new(),
        };
        course.run(state)
    }
}

impl Course<'_> {
    fn run(mut self, state: &NetworkState) -> Result<Timetable, NetworkError> {
        self.air.values().for_each(|flight| self.clock.add(Event { time: flight.ends(), client: flight.client }));
        let policy = &*self.network.policy;
        let slots = policy.asks(self.network.cohort);
        if policy.chooses() {
            let candidate =
                |job: &Job| Candidate { client: job.client, observed: state.observed.get(&job.client).copied() };
            let candidates = self.pool.iter().map(candidate).collect();
            self.waiting =
                policy.order(&Crowd { candidates, wanted: slots, round: self.round, seed: self.seed }).into();
        }
        let begins = self.begin(state.now, slots)?;
        let ends = self.wait(begins, slots);
        Ok(self.close(state.now, begins, ends))
    }

    /// Asks, at the first moment at which somebody can be reached or is at work already.
    fn begin(&mut self, mut now: f64, slots: usize) -> Result<f64, NetworkError> {
        for _ in 0..LOOKS {
            match self.network.policy.chooses() {
                true => self.fill(now, slots),
                false => (0..self.pool.len()).for_each(|place| {
                    if let Err(absence) = self.ask(place, now) {
                        self.absent.push((self.pool[place].client, absence));
                    }
                }),
            }
            if !self.air.is_empty() {
                return Ok(now);
            }
            let rhythm = &self.network.rhythm;
            let back = self.pool.iter().map(|job| rhythm.at(self.seed, job.client, now).until);
            let back = back.fold(f64::INFINITY, f64::min);
            if !back.is_finite() {
                break;
            }
            now = back.max(now.next_up());
            self.absent.clear();
        }
        Err(NetworkError::Deserted(self.round))
    }

    /// Asks those who wait, until so many are at work.
    fn fill(&mut self, now: f64, slots: usize) {
        for _ in 0..self.waiting.len() {
            if self.air.len() >= slots {
                break;
            }
            let Some(place) = self.waiting.pop_front() else { break };
            if self.ask(place, now).is_err() {
                self.waiting.push_back(place);
            }
        }
    }

    fn ask(&mut self, place: usize, now: f64) -> Result<(), Absence> {
        let Job { client, samples } = self.pool[place];
        if self.air.contains_key(&client) {
            return Err(Absence::Busy);
        }
        let moment = self.network.rhythm.at(self.seed, client, now);
        if !moment.there {
            return Err(Absence::Away);
        }
        let link = self.network.links[client as usize];
        let seconds = samples as f64 * self.network.seconds_per_sample[client as usize];
        let flight = Flight::begin(client, self.round, link, seconds, self.load, now, moment.until);
        self.clock.add(Event { time: flight.ends(), client });
        self.air.insert(client, flight);
        self.begun.push(place);
        Ok(())
    }

    /// Lets events happen until the policy closes the round, or nothing is left to wait for: when that is.
    fn wait(&mut self, begins: f64, slots: usize) -> f64 {
        let policy = &*self.network.policy;
        let closing = policy.closing(self.network.cohort);
        let deadline = closing.after.map_or(f64::INFINITY, |seconds| begins + seconds);
        let (mut now, mut arrived) = (begins, 0);
        while let Some(next) = self.clock.next_time() {
            if next > deadline {
                return deadline;
            }
            let Some(flight) = self.clock.next().and_then(|event| self.air.remove(&event.client)) else { break };
            now = now.max(next);
            let fate = if flight.is_lost() { Fate::Gone } else { Fate::Arrived };
            self.ended.push((flight, flight.span(flight.ends(), fate)));
            arrived += usize::from(fate == Fate::Arrived);
            if closing.arrivals == Some(arrived) {
                break;
            }
            if policy.refills() {
                self.fill(now, slots);
            }
        }
        now
    }

    fn close(mut self, since: f64, begins: f64, ends: f64) -> Timetable {
        if !self.network.policy.keeps() {
            let cut = std::mem::take(&mut self.air).into_values();
            self.ended.extend(cut.map(|flight| (flight, flight.span(ends, Fate::CutOff))));
        }
        let mut bytes = Load { down: 0, up: 0 };
        for flight in self.ended.iter().map(|(flight, _)| flight).chain(self.air.values()) {
            // What was asked in this round has carried nothing before, not even what takes no time.
            let nothing = Load { down: 0, up: 0 };
            let before = if flight.made == self.round { nothing } else { flight.carried(since) };
            let now = flight.carried(ends);
            bytes.down += now.down - before.down;
            bytes.up += now.up - before.up;
        }
        self.begun.sort_unstable();
        Timetable {
            round: self.round,
            begins,
            ends,
            begun: self.begun,
            absent: self.absent,
            ended: self.ended.into_iter().map(|(_, span)| span).collect(),
            flights: self.air.into_values().collect(),
            bytes_down: bytes.down,
            bytes_up: bytes.up,
        }
    }
}
