//! Stage 6: pay every participant for the rounds that it delivered, in double-entry books.

use crate::allocation::Allocation;
use crate::claim::Flagged;
use crate::failure::Outcome;
use imfl_engine::federated::RoundReport;
use imfl_mechanism::ledger::{Instalments, Transaction};
use imfl_mechanism::{Credits, Mode};
use std::collections::BTreeMap;

/// What each client earns with each round in which it is asked.
pub struct Payroll {
    clients: BTreeMap<u32, Account>,
}

struct Account {
    /// As in the market.
    name: String,
    mode: Mode,
    award: Credits,
    /// Why it earns less than it claimed.
    cut: Option<String>,
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
            let cut = allocation.flagged.iter().find(|flagged| flagged.client == id).map(Flagged::reason);
            (id, Account { name: client.id().into(), mode: award.mode, award: award.payment, cut, asked: Vec::new() })
        };
        let mut clients: BTreeMap<u32, Account> = playing.map(account).collect();
        for round in 1..=rounds {
            for client in asked(round)? {
                if let Some(account) = clients.get_mut(&client) {
                    account.asked.push(round);
                }
            }
        }
        Ok(Self { clients })
    }

    /// One transfer for each update that counted, with the round that it was made in as part of its id: the books take an
    /// update once, however often it is sent.
    ///
    /// # Errors
    /// An amount that has no negative, which no award is.
    pub fn round(&self, report: &RoundReport) -> Outcome<Vec<Transaction>> {
        let mut transfers = Vec::new();
        for &(client, made) in &report.counted {
            let Some(account) = self.clients.get(&client) else { continue };
            let nth = account.asked.binary_search(&made).map_or(0, |place| place as u64 + 1);
            let instalments = Instalments { award: account.award, rounds: account.asked.len() as u64 };
            let amount = instalments.nth(nth);
            if amount != Credits::ZERO {
                let cut = account.cut.as_ref().map_or(String::new(), |reason| format!("; {reason}"));
                let (id, memo) =
                    (format!("pay:{made}:{}", account.name), format!("{} mode, round {made}{cut}", account.mode));
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
