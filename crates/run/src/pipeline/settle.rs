//! Stage 6: pay every participant for the rounds that it delivered, in double-entry books.

use crate::allocation::Allocation;
use crate::claim::Flagged;
use crate::failure::Outcome;
use crate::metrics::RoundMetrics;
use imfl_engine::federated::{DropOut, Dropped, RoundReport};
use imfl_mechanism::ledger::{Instalments, Transaction};
use imfl_mechanism::{Credits, Mode};
use std::collections::BTreeMap;

/// What each client earns with each round in which it is asked.
pub struct Payroll {
    clients: BTreeMap<u32, Account>,
    /// Rounds that pay was decided for.
    priced: u64,
    /// How often clients are asked in these, all together.
    asks: u64,
    /// Millionths of an instalment for a client that is cut off.
    late: u32,
}

struct Account {
    /// As in the market.
    name: String,
    mode: Mode,
    award: Credits,
    /// Why it earns less than it claimed.
    cut: Option<String>,
    /// The rounds that pay was decided for and in which the client is asked, in order.
    asked: Vec<u64>,
    /// How often it is asked in further ones.
    further: u64,
}

impl Payroll {
    /// Plans the pay of all rounds, of which the first `priced` are those that awards were decided for; `asked` names the clients
    /// of each round, which are drawn before anybody is asked.
    ///
    /// # Errors
    /// What `asked` returns.
    pub fn plan(
        allocation: &Allocation,
        priced: u64,
        rounds: u64,
        asked: impl Fn(u64) -> Outcome<Vec<u32>>,
    ) -> Outcome<Self> {
        let clients = allocation.market.clients().iter().zip(&allocation.outcome.awards).zip(0u32..);
        let playing = clients.filter(|((_, award), _)| award.mode.plays());
        let account = |((client, award), id): ((&imfl_mechanism::Client, &imfl_mechanism::Award), u32)| {
            let cut = allocation.flagged.iter().find(|flagged| flagged.client == id).map(Flagged::reason);
            let (name, mode, award) = (client.id().into(), award.mode, award.payment);
            (id, Account { name, mode, award, cut, asked: Vec::new(), further: 0 })
        };
        let mut clients: BTreeMap<u32, Account> = playing.map(account).collect();
        for round in 1..=rounds {
            for client in asked(round)? {
                match clients.get_mut(&client) {
                    Some(account) if round <= priced => account.asked.push(round),
                    Some(account) => account.further += 1,
                    None => {}
                }
            }
        }
        let asks = clients.values().map(|account| account.asked.len() as u64).sum();
        Ok(Self { clients, priced, asks, late: 0 })
    }

    /// What further rounds promise to all who are asked in them.
    pub fn further(&self) -> Credits {
        let promised = |account: &Account| i128::from(self.again(account.award).micros()) * i128::from(account.further);
        let promised: i128 = self.clients.values().map(promised).sum();
        Credits::from_micros(promised.min(i64::MAX.into()) as i64)
    }

    /// What a further round pays a client that is asked: its award by the times that a client is asked, on average, in the
    /// rounds that it was decided for, rounded up. It covers a round's work where the award covers that of all.
    fn again(&self, award: Credits) -> Credits {
        let asks = i128::from(self.asks.max(1));
        let shared = i128::from(award.micros()) * self.clients.len() as i128;
        // No more than all awards together, which the books hold.
        Credits::from_micros(((shared + asks - 1) / asks).min(i64::MAX.into()) as i64)
    }

    /// The same with a share of an instalment, to a millionth, for clients that are cut off since they are too slow.
    pub fn with_late_pay(self, share: f64) -> Self {
        Self { late: (share.clamp(0.0, 1.0) * 1e6).round() as u32, ..self }
    }

    /// What the work of a round earns; of work that is cut off, so many millionths, rounded down.
    fn instalment(&self, account: &Account, made: u64, share: Option<u32>) -> Credits {
        let whole = match account.asked.binary_search(&made) {
            Ok(place) => {
                let instalments = Instalments { award: account.award, rounds: account.asked.len() as u64 };
                instalments.nth(place as u64 + 1)
            }
            Err(_) if made > self.priced => self.again(account.award),
            Err(_) => Credits::ZERO,
        };
        match share {
            None => whole,
            // At most `whole`.
            Some(millionths) => {
                Credits::from_micros((i128::from(whole.micros()) * i128::from(millionths) / 1_000_000) as i64)
            }
        }
    }

    /// One transfer for each update that counted, with the round that it was made in as part of its id: the books take an
    /// update once, however often it is sent.
    ///
    /// # Errors
    /// An amount that has no negative, which no award is.
    pub fn round(&self, report: &RoundReport) -> Outcome<Vec<Transaction>> {
        self.of(report.round, &report.counted, &report.dropped)
    }

    /// The same by what was written down of a round in which nobody was late.
    ///
    /// # Errors
    /// As [`Payroll::round`].
    pub fn of_metrics(&self, round: &RoundMetrics) -> Outcome<Vec<Transaction>> {
        let missing = |client: &u32| {
            round.dropped.iter().any(|dropped| dropped.client == *client)
                || round.rejected.iter().any(|rejected| rejected.client == *client)
        };
        let counted = round.cohort.iter().filter(|client| !round.skipped && !missing(client));
        self.of(round.round, &counted.map(|&client| (client, round.round)).collect::<Vec<_>>(), &round.dropped)
    }

    fn of(&self, round: u64, counted: &[(u32, u64)], dropped: &[Dropped]) -> Outcome<Vec<Transaction>> {
        let mut transfers = Vec::new();
        let counted = counted.iter().map(|&(client, made)| (client, made, None));
        let cut_off = dropped.iter().filter(|dropped| dropped.when == DropOut::CutOff);
        let cut_off = cut_off.map(|dropped| (dropped.client, round, Some(self.late)));
        for (client, made, share) in counted.chain(cut_off) {
            let Some(account) = self.clients.get(&client) else { continue };
            let amount = self.instalment(account, made, share);
            if amount != Credits::ZERO {
                let what = if share.is_some() { ", too late" } else { "" };
                let cut = account.cut.as_ref().map_or(String::new(), |reason| format!("; {reason}"));
                let (id, memo) =
                    (format!("pay:{made}:{}", account.name), format!("{} mode, round {made}{what}{cut}", account.mode));
                transfers.push(Transaction::transfer(
                    &id,
                    &memo,
                    "server",
                    &format!("client:{}", account.name),
                    amount,
                )?);
            }
        }
        Ok(transfers)
    }
}
