//! What rank 0 keeps while all ranks train: each round is written down and paid before the next begins.

use super::desk::Desk;
use super::journal::Journal;
use super::settle::Payroll;
use crate::allocation::Allocation;
use crate::failure::{Failure, Kind, Outcome};
use crate::metrics::{RoundMetrics, RoundPrivacy};
use crate::privacy::{Account, Spent};
use crate::progress::{Event, Progress};
use imfl_engine::federated::{Evaluation, RoundReport, ServerState};
use imfl_mechanism::Credits;
use std::collections::BTreeMap;

/// The books of a run; nothing on ranks that keep none.
pub struct Books<'a>(Option<Kept<'a>>);

/// What the books say in the end; nothing on ranks that keep none.
#[derive(Default)]
pub struct Closed {
    /// Every round.
    pub rounds: Vec<RoundMetrics>,
    /// What was paid for all of them.
    pub paid: Credits,
    /// What was promised for rounds beyond those that pay was decided for.
    pub further: Credits,
    /// What a private run has spent.
    pub spent: Option<Spent>,
}

struct Kept<'a> {
    allocation: &'a Allocation,
    journal: Journal,
    progress: &'a Progress,
    /// Rounds that pay was decided for.
    priced: u64,
    /// What each update earns, by the rules in `settle`.
    payroll: Option<Payroll>,
    rounds: u64,
    /// What a private run spends.
    account: Option<Account>,
    /// Where clients are elsewhere: who is told what was paid.
    desk: Option<&'a Desk>,
}

impl<'a> Books<'a> {
    /// Keeps nothing.
    pub fn nobodys() -> Self {
        Self(None)
    }

    /// Writes every round into the journal and pays for it as was decided for so many; what a private one spends goes into the
    /// account first.
    pub fn of(
        allocation: &'a Allocation,
        priced: u64,
        journal: Journal,
        progress: &'a Progress,
        account: Option<Account>,
        desk: Option<&'a Desk>,
    ) -> Self {
        Self(Some(Kept { allocation, journal, progress, priced, payroll: None, rounds: 0, account, desk }))
    }

    /// Before the first of so many rounds: plans the pay of all, in which `asked` names who is asked, and saves what there is. `late_pay` is
    /// the share of an instalment for those that are cut off.
    ///
    /// # Errors
    /// What `asked` returns, or a file that could not be written.
    pub fn open(
        &mut self,
        rounds: u64,
        state: &ServerState,
        late_pay: f64,
        asked: impl Fn(u64) -> Outcome<Vec<u32>>,
    ) -> Outcome {
        let Some(kept) = &mut self.0 else { return Ok(()) };
        let payroll = Payroll::plan(kept.allocation, kept.priced, rounds, asked)?.with_late_pay(late_pay);
        kept.rounds = rounds;
        kept.journal.save_if_due(state, false)?;
        if let Some(desk) = kept.desk {
            // What was saved and perhaps not paid yet; what was paid is in the books and stays as it is.
            let mut due = Vec::new();
            for metrics in kept.journal.rounds() {
                due.extend(payroll.of_metrics(metrics)?);
            }
            kept.journal.pay(due.clone())?;
            desk.paid(&due)?;
        }
        kept.payroll = Some(payroll);
        kept.check_budget(state)
    }

    /// Before a round: spends what it will tell. On the disk before anybody trains.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Budget`] if the budget does not reach, or a file that could not be written.
    pub fn begin(&mut self, round: u64) -> Outcome {
        let account = self.0.as_mut().and_then(|kept| kept.account.as_mut());
        account.map_or(Ok(()), |account| account.spend(round).map(drop))
    }

    /// Writes a round down and pays for it. The rank with the books decides for all where the run stops: the others are ended.
    ///
    /// # Errors
    /// A file that could not be written; a failure of kind [`Kind::Interrupted`] if the run was asked to stop.
    pub fn close(&mut self, report: RoundReport, evaluation: &Evaluation, state: &ServerState) -> Outcome {
        let Some(kept) = &mut self.0 else { return Ok(()) };
        let Kept { journal, progress, payroll, rounds: planned, account, desk, .. } = kept;
        let (round, planned) = (report.round, *planned);
        let payments = payroll.as_ref().map_or(Ok(Vec::new()), |payroll| payroll.round(&report))?;
        let clip = report.clip;
        let mut metrics = RoundMetrics::of(report, evaluation);
        if let (Some(account), Some(clip)) = (account, clip) {
            let (epsilon, noise) = (account.reaches(round)?, account.noise());
            metrics = metrics.private(RoundPrivacy { epsilon, noise, clip });
            progress.note(format!("epsilon {epsilon:.4} of {:.4} spent after round {round}", account.budget()));
        }
        let saved = match desk {
            // A round is saved before it is paid: whoever is asked for it again would perhaps send nothing that counts.
            Some(desk) => {
                journal.note(metrics.clone())?;
                journal.save(state)?;
                journal.pay(payments.clone())?;
                desk.paid(&payments)?;
                true
            }
            None => {
                journal.record(metrics.clone(), payments)?;
                journal.save_if_due(state, round == planned)?
            }
        };
        progress.tell(&Event::Round { metrics: &metrics, planned, saved });
        if progress.stop() && round < planned {
            journal.save(state)?;
            let folder = journal.folder().path().display();
            let problem =
                format!("interrupted after round {round}, which is saved; go on with `imfl run --resume {folder}`");
            return Err(Failure::new(Kind::Interrupted, problem));
        }
        kept.check_budget(state)
    }

    /// Writes the final model and what is to be known about it. Returns what the books say in the end.
    ///
    /// # Errors
    /// A file that could not be written.
    pub fn finish(self, state: &ServerState, about: &BTreeMap<&str, String>) -> Outcome<Closed> {
        let Some(Kept { journal, payroll, account, .. }) = self.0 else { return Ok(Closed::default()) };
        journal.finish(state, about)?;
        let paid = Credits::from_micros(-journal.book().balance("server").micros());
        let further = payroll.map_or(Credits::ZERO, |payroll| payroll.further());
        let clip = journal.rounds().last().and_then(|round| round.privacy).map(|privacy| privacy.clip);
        let spent = account.map(|mut account| account.total(clip)).transpose()?;
        Ok(Closed { rounds: journal.rounds().to_vec(), paid, further, spent })
    }
}

impl Kept<'_> {
    /// Ends a private run whose budget does not reach for the round after `state`, which is saved.
    fn check_budget(&mut self, state: &ServerState) -> Outcome {
        let Some(account) = self.account.as_mut().filter(|_| state.round < self.rounds) else { return Ok(()) };
        let Err(failure) = account.reaches(state.round + 1) else { return Ok(()) };
        if failure.kind() != Kind::Budget {
            return Err(failure);
        }
        self.journal.save(state)?;
        let folder = self.journal.folder().path().display();
        Err(Failure::new(Kind::Budget, format!("{failure}; round {} is saved in {folder}", state.round)))
    }
}
