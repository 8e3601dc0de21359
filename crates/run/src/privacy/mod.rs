//! A private run: who is drawn, with how much noise, and what that has told so far.
//!
//! The first rank draws the secret, finds the noise and keeps the [account](Account); the others are told secret and noise, since
//! each of them adds the same noise to the sum that all have.

mod account;
mod cohorts;
mod rehearsal;
mod secret;
mod told;

pub use account::{Account, Spent};
pub use cohorts::Cohorts;
pub use rehearsal::Rehearsal;
pub use told::{Remembered, Told};

use crate::agreement;
use crate::checkpoint::Resumed;
use crate::config::{PrivacyConfig, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::run_dir::RunDir;
use imfl_engine::device::Compute;
use imfl_engine::federated::{Correlation, Participant, Private};
use imfl_privacy::ftrl::Tree;
use imfl_privacy::pld::Composition;
use imfl_privacy::secret::Secret;
use serde::{Deserialize, Serialize};

/// What makes a run's rounds private, on every rank.
pub struct Privacy {
    /// What the engine does.
    pub private: Private,
    /// Who takes part in a round.
    pub cohorts: Cohorts,
    /// What was found for the settings.
    pub terms: Terms,
}

/// The numbers of a guarantee that do not change from round to round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Deviation of the noise, in clipping bounds.
    pub noise: f64,
    /// Epsilon that may be spent.
    pub budget: f64,
    /// At this delta.
    pub delta: f64,
    /// The expected number of clients of a round.
    pub expected: f64,
}

impl Terms {
    /// Of such cohorts: with the noise that is given, or the least that keeps all rounds within epsilon.
    ///
    /// # Errors
    /// A number that is missing or out of range, and a budget that no noise keeps.
    fn new(config: &PrivacyConfig, cohorts: &Cohorts) -> Outcome<Self> {
        let delta = required(config.delta, "delta")?;
        let noise = match (config.noise, config.epsilon) {
            (Some(noise), _) => noise,
            (None, epsilon) => cohorts.noise_for(required(epsilon, "epsilon")?, delta)?,
        };
        Ok(Self { noise, budget: config.epsilon.unwrap_or(f64::INFINITY), delta, expected: cohorts.expected() })
    }
}

/// What rank 0 tells the others.
#[derive(Serialize, Deserialize)]
struct Agreed {
    terms: Terms,
    secret: Vec<u8>,
}

/// Refuses a private run whose budget does not reach for one round, whoever takes part, before anything is measured for it.
///
/// # Errors
/// A failure of kind [`Kind::Config`] where no noise keeps the budget, [`Kind::Budget`] where the noise that is given does not.
pub fn check(run: &RunConfig) -> Outcome {
    if !run.privacy.is_asked() {
        return Ok(());
    }
    // With fewer participants each is in more rounds.
    let cohorts = Cohorts::of(run, run.partition.clients);
    let Terms { noise, budget, delta, .. } = Terms::new(&run.privacy, &cohorts)?;
    let next = Composition::default().epsilon(&[cohorts.told(noise, 1)?], delta)?;
    match next > budget {
        true => Err(imfl_privacy::Error::Exhausted { rounds: 0, spent: 0.0, next, budget, delta }.into()),
        false => Ok(()),
    }
}

/// Opens the account of a private run and makes its rounds private; nothing for any other run. The account is rank 0's, which
/// has the folder.
///
/// # Errors
/// A failure of kind [`Kind::Config`] for settings that no noise makes private, [`Kind::Checkpoint`] for a run that goes on without
/// its secret, [`Kind::Budget`] if nothing is left to spend.
pub fn open(
    config: &RunConfig,
    compute: &Compute,
    participants: usize,
    folder: Option<&RunDir>,
    resumed: Option<&Resumed>,
) -> Outcome<Option<(Privacy, Option<Account>)>> {
    let (run, config) = (config, &config.privacy);
    if let Some(folder) = folder {
        secret::same_kind(folder, config.is_asked(), resumed)?;
    }
    if !config.is_asked() || participants == 0 {
        return Ok(None);
    }
    let cohorts = Cohorts::of(run, participants);
    let find = || {
        let folder = folder.ok_or_else(|| Failure::new(Kind::Unexpected, "the first rank has no folder"))?;
        let terms = Terms::new(config, &cohorts)?;
        let (secret, number) = secret::open(folder, config, compute, resumed)?;
        let after = resumed.map_or(0, |resumed| resumed.point.round);
        let mut account = Account::open(folder, number, after, terms.delta)?;
        account.plan(cohorts, terms.noise, config.epsilon)?;
        let terms = Terms { budget: account.budget(), ..terms };
        Ok((account, Agreed { terms, secret: secret.bytes().to_vec() }))
    };
    let (account, Agreed { terms, secret }) = agreement::on_first(&compute.ranks, find)?;
    let private = private(config, &terms, participants, &cohorts, Secret::of(&secret)?)?;
    Ok(Some((Privacy { private, cohorts, terms }, account)))
}

/// The engine's part of it.
fn private(
    config: &PrivacyConfig,
    terms: &Terms,
    participants: usize,
    cohorts: &Cohorts,
    secret: Secret,
) -> Outcome<Private> {
    let Terms { noise, expected, .. } = *terms;
    let clip = required(config.clip, "clip")?;
    let private = Private::new(clip, noise, expected, participants, secret)?;
    let correlation = match cohorts {
        Cohorts::Coins { .. } => Correlation::Independent,
        Cohorts::Turns { rounds, .. } => Correlation::Tree(Tree::new(*rounds)?),
    };
    let private = private.correlated(correlation);
    Ok(match config.quantile {
        Some(quantile) => {
            let votes = config.votes.unwrap_or((expected / 20.0).max(noise));
            private.following(quantile, config.clip_rate, votes)?
        }
        None => private,
    })
}

impl Privacy {
    /// Of an experiment, keyed by a secret that everybody knows: nothing is accounted for, and nobody protected. Nothing for a run that is not private.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] for settings that no noise makes private.
    pub fn tried(run: &RunConfig, participants: usize, seed: u64) -> Outcome<Option<Self>> {
        if !run.privacy.is_asked() || participants == 0 {
            return Ok(None);
        }
        let cohorts = Cohorts::of(run, participants);
        let terms = Terms::new(&run.privacy, &cohorts)?;
        let private = private(&run.privacy, &terms, participants, &cohorts, Secret::known(seed))?;
        Ok(Some(Self { private, cohorts, terms }))
    }

    /// Who takes part in a round, each with weight one.
    pub fn cohort(&self, participants: &[Participant], round: u64) -> Vec<Participant> {
        let taking = participants.iter().enumerate().filter(|(place, participant)| match self.cohorts {
            Cohorts::Coins { rate, .. } => self.private.coin(round, participant.client.id, rate),
            Cohorts::Turns { groups, .. } => *place as u64 % groups == (round - 1) % groups,
        });
        taking.map(|(_, participant)| Participant { weight: 1.0, ..participant.clone() }).collect()
    }
}

fn required(value: Option<f64>, key: &str) -> Outcome<f64> {
    value.ok_or_else(|| Failure::new(Kind::Config, format!("`privacy.{key}` must be given")))
}
