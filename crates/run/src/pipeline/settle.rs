//! Stage 6: pay every participant for the rounds that it delivered, in double-entry books.

use crate::allocation::Allocation;
use crate::failure::Outcome;
use imfl_engine::federated::{DropOut, RoundReport};
use imfl_mechanism::ledger::{Instalments, Transaction};
use imfl_mechanism::{Credits, Mode};
use std::collections::BTreeMap;

/// What each client earns with each round in which it is asked.
pub struct Payroll {
    clients: BTreeMap<u32, Account>,
    /// Millionths of an instalment for a client that is cut off.
    late: u32,
}

struct Account {
    /// As in the market.
    name: String,
    mode: Mode,
    award: Credits,
    /// The rounds in which the client is asked, in order.
    asked: Vec<u64>,
}

impl Payroll {
    /// Plans the pay of all rounds; `asked` names the clients of each round, which are drawn before anybody is asked.
    ///
    /// # Errors
    /// What `asked` returns.
    pub fn plan(allocation: &Allocation, rounds: u64, asked: impl Fn(u64) -> Outcome<Vec<u32>>) -> Outcome<Self> {
        let clients = allocation.market.clients().iter().zip(&allocation.outcome.awards).zip(0u32..);
        let playing = clients.filter(|((_, award), _)| award.mode.plays());
        let account = |((client, award), id): ((&imfl_mechanism::Client, &imfl_mechanism::Award), u32)| {
            (id, Account { name: client.id().into(), mode: award.mode, award: award.payment, asked: Vec::new() })
        };
        let mut clients: BTreeMap<u32, Account> = playing.map(account).collect();
        for round in 1..=rounds {
            for client in asked(round)? {
                if let Some(account) = clients.get_mut(&client) {
                    account.asked.push(round);
                }
            }
        }
        Ok(Self { clients, late: 0 })
    }

    /// The same with a share of an instalment, to a millionth, for clients that are cut off since they are too slow.
    pub fn with_late_pay(self, share: f64) -> Self {
        Self { late: (share.clamp(0.0, 1.0) * 1e6).round() as u32, ..self }
    }

    /// One transfer for each update that counted, with the round that it was made in as part of its id: the books take an
    /// update once, however often it is sent.
    ///
    /// # Errors
    /// An amount that has no negative, which no award is.
    pub fn round(&self, report: &RoundReport) -> Outcome<Vec<Transaction>> {
        let mut transfers = Vec::new();
        let counted = report.counted.iter().map(|&(client, made)| (client, made, None));
        let cut_off = report.dropped.iter().filter(|dropped| dropped.when == DropOut::CutOff);
        let cut_off = cut_off.map(|dropped| (dropped.client, report.round, Some(self.late)));
        for (client, made, share) in counted.chain(cut_off) {
            let Some(account) = self.clients.get(&client) else { continue };
            let amount = account.instalment(made, share);
            if amount != Credits::ZERO {
                let what = if share.is_some() { ", too late" } else { "" };
                let (id, memo) =
                    (format!("pay:{made}:{}", account.name), format!("{} mode, round {made}{what}", account.mode));
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

impl Account {
    /// What the work of a round earns; of work that is cut off, so many millionths, rounded down.
    fn instalment(&self, made: u64, share: Option<u32>) -> Credits {
        let nth = self.asked.binary_search(&made).map_or(0, |place| place as u64 + 1);
        let whole = Instalments { award: self.award, rounds: self.asked.len() as u64 }.nth(nth);
        match share {
            None => whole,
            // At most `whole`.
            Some(millionths) => {
                Credits::from_micros((i128::from(whole.micros()) * i128::from(millionths) / 1_000_000) as i64)
            }
        }
    }
}
