//! What a run has spent: `privacy.jsonl`, a line for each round, written before anything of the round is released.
//!
//! A line stays, whatever becomes of its round. A round that is repeated after a crash with the same secret releases the same
//! sum once more and spends nothing new; under a new secret it is another release.

use super::cohorts::Cohorts;
use crate::failure::{Failure, Kind, Outcome};
use crate::run_dir::RunDir;
use imfl_privacy::account::{Budget, Rounds, Spending};
use imfl_privacy::pld::Composition;
use imfl_privacy::rdp::Curve;
use imfl_storage::{JsonLines, Keep};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file.
const FILE: &str = "privacy.jsonl";

/// One line: what was spent before a round was released.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Which secret of the run keyed it, from 1.
    secret: u64,
    /// The round, from 1.
    round: u64,
    /// Deviation of its noise, in clipping bounds.
    noise: f64,
    /// Who was drawn how.
    cohorts: Cohorts,
    /// Epsilon of everything so far, this round included.
    epsilon: f64,
    /// At this delta.
    delta: f64,
}

/// What a run has spent when it is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// Rounds that were released, repeated ones under another secret twice.
    pub rounds: u64,
    /// Epsilon by privacy loss distributions.
    pub epsilon: f64,
    /// Epsilon by Rényi divergences.
    pub epsilon_rdp: f64,
    /// The last round's clipping bound.
    pub clip: Option<f64>,
}

/// What a run may spend, and has spent.
pub struct Account {
    log: JsonLines,
    lines: Vec<Line>,
    secret: u64,
    /// The round that this secret goes on after.
    from: u64,
    plan: Option<(Cohorts, f64)>,
    budget: Budget,
    composition: Composition,
    /// Epsilon of so many lines and one round more.
    next: Option<(usize, u64, f64)>,
}

impl Account {
    /// Opens the account of a run that goes on after round `from` under the secret of this number; a new run has none yet.
    ///
    /// # Errors
    /// A failure that names the file and the line that is none.
    pub fn open(folder: &RunDir, secret: u64, from: u64, delta: f64) -> Outcome<Self> {
        let (log, lines) = JsonLines::open(folder.files().as_ref(), &folder.file(FILE), Keep::Whole)?;
        let budget = Budget { epsilon: f64::INFINITY, delta };
        Ok(Self { log, lines, secret, from, plan: None, budget, composition: Composition::default(), next: None })
    }

    /// Goes on with such rounds. The budget is `epsilon`, or what everything planned comes to, which is said before it is spent.
    ///
    /// # Errors
    /// A noise or delta for which no epsilon can be told.
    pub fn plan(&mut self, cohorts: Cohorts, noise: f64, epsilon: Option<f64>) -> Outcome {
        self.plan = Some((cohorts, noise));
        self.budget.epsilon = match epsilon {
            Some(epsilon) => epsilon,
            None => self.planned()?,
        };
        Ok(())
    }

    /// Epsilon when all planned rounds are over.
    ///
    /// # Errors
    /// As [`Account::plan`].
    pub fn planned(&mut self) -> Outcome<f64> {
        let rounds = self.plan.as_ref().map_or(0, |(cohorts, _)| cohorts.rounds());
        let events = self.events(Some(rounds))?;
        Ok(self.composition.epsilon(&events, self.budget.delta)?)
    }

    /// Epsilon that may be spent.
    pub fn budget(&self) -> f64 {
        self.budget.epsilon
    }

    /// What was spent.
    ///
    /// # Errors
    /// As [`Account::plan`].
    fn spent(&mut self) -> Outcome<Spending> {
        let events = self.events(None)?;
        let epsilon = self.composition.epsilon(&events, self.budget.delta)?;
        Ok(Spending { rounds: self.lines.len() as u64, epsilon })
    }

    /// Deviation of the noise of a round, in clipping bounds.
    pub fn noise(&self) -> f64 {
        self.plan.map_or(0.0, |(_, noise)| noise)
    }

    /// What was spent, for the summary; `clip` is the last bound.
    ///
    /// # Errors
    /// As [`Account::plan`].
    pub fn total(&mut self, clip: Option<f64>) -> Outcome<Spent> {
        let Spending { rounds, epsilon } = self.spent()?;
        Ok(Spent { rounds, epsilon, epsilon_rdp: self.spent_rdp()?, clip })
    }

    /// Epsilon by Rényi divergences.
    fn spent_rdp(&self) -> Outcome<f64> {
        let sum = |curve: Curve, rounds: &Rounds| curve.and(&Curve::new(&rounds.event), rounds.count);
        Ok(self.events(None)?.iter().fold(Curve::default(), sum).epsilon(self.budget.delta).0)
    }

    /// Whether a round can be run: refuses one that would pass the budget.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Budget`]; nothing is spent then.
    pub fn reaches(&mut self, round: u64) -> Outcome<f64> {
        if let Some(line) = self.lines.iter().find(|line| (line.secret, line.round) == (self.secret, round)) {
            return Ok(line.epsilon);
        }
        let next = match self.next {
            Some((lines, of, epsilon)) if (lines, of) == (self.lines.len(), round) => epsilon,
            _ => {
                let events = self.events(Some(round))?;
                self.composition.epsilon(&events, self.budget.delta)?
            }
        };
        self.next = Some((self.lines.len(), round, next));
        if next > self.budget.epsilon {
            let Spending { rounds, epsilon: spent } = self.spent()?;
            let Budget { epsilon: budget, delta } = self.budget;
            return Err(imfl_privacy::Error::Exhausted { rounds, spent, next, budget, delta }.into());
        }
        Ok(next)
    }

    /// Spends a round, unless the budget does not reach: it is on the disk when this returns.
    ///
    /// # Errors
    /// As [`Account::reaches`], and a file that could not be written.
    pub fn spend(&mut self, round: u64) -> Outcome<f64> {
        let epsilon = self.reaches(round)?;
        if self.lines.iter().any(|line| (line.secret, line.round) == (self.secret, round)) {
            return Ok(epsilon);
        }
        let (cohorts, noise) = self.plan.ok_or_else(unplanned)?;
        let line = Line { secret: self.secret, round, noise, cohorts, epsilon, delta: self.budget.delta };
        self.log.append(&line)?;
        self.lines.push(line);
        Ok(epsilon)
    }

    /// Everything that was told, and what will have been by the end of `round` as it is planned. Rounds that share a secret and their
    /// settings are one training; what was told under an earlier secret stays told.
    fn events(&self, round: Option<u64>) -> Outcome<Vec<Rounds>> {
        // By secret: how many rounds, and the last of them, of which kind.
        let mut trainings: BTreeMap<u64, (u64, u64, Cohorts, f64)> = BTreeMap::new();
        let mut add = |secret, round, cohorts, noise| {
            let training = trainings.entry(secret).or_insert((0, 0, cohorts, noise));
            *training = (training.0 + 1, training.1.max(round), cohorts, noise);
        };
        let own = |line: &&Line| line.secret == self.secret;
        self.lines.iter().for_each(|line| add(line.secret, line.round, line.cohorts, line.noise));
        if let (Some(round), Some((cohorts, noise))) = (round, self.plan) {
            let done = self.lines.iter().filter(own).map(|line| line.round).max();
            let first = done.unwrap_or(self.from) + 1;
            (first..=round).for_each(|round| add(self.secret, round, cohorts, noise));
        }
        let told = |(count, last, cohorts, noise): &(u64, u64, Cohorts, f64)| match cohorts {
            Cohorts::Coins { .. } => cohorts.told(*noise, *count),
            // A tree has one release for all rounds up to the last.
            Cohorts::Turns { .. } => cohorts.told(*noise, *last),
        };
        Ok(trainings.values().map(told).collect::<imfl_privacy::Result<_>>()?)
    }
}

fn unplanned() -> Failure {
    Failure::new(Kind::Unexpected, "a private round was not planned")
}
