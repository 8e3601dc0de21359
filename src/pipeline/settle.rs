//! Stage 6: pay every participant, once, in double-entry books.

use super::Allocation;
use crate::failure::Outcome;
use crate::run_dir::RunDir;
use imfl_mechanism::ledger::{Ledger, Transaction};

/// Writes one transfer for each participant to `ledger.jsonl`.
pub fn run(allocation: &Allocation, folder: &RunDir) -> Outcome {
    let mut ledger = Ledger::open(folder.file("ledger.jsonl"))?;
    let clients = allocation.market.clients().iter().zip(&allocation.outcome.awards);
    let payments = clients.filter(|(_, award)| award.mode.plays()).map(|(client, award)| {
        let (id, account) = (format!("pay:{}", client.id()), format!("client:{}", client.id()));
        let memo = format!("{} mode", award.mode);
        Transaction::transfer(&id, &memo, "server", &account, award.payment)
    });
    let payments: Vec<Transaction> = payments.collect::<imfl_mechanism::Result<_>>()?;
    ledger.post(payments)?;
    Ok(())
}
