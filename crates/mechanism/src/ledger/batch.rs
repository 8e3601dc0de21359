//! Several transactions that are booked together or not at all.

use std::collections::BTreeMap;

use crate::error::LedgerError;
use crate::ledger::book::{Book, Posted, Transaction};
use crate::money::Credits;

/// Transactions on trial: when this is dropped before [`Batch::keep`], the book is what it was.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    book: &'a mut Book,
    /// Each new transaction with the balances before it; `None` for an account that was not there.
    undo: Vec<(String, BTreeMap<String, Option<Credits>>)>,
}

impl<'a> Batch<'a> {
    pub fn new(book: &'a mut Book) -> Self {
        Batch { book, undo: Vec::new() }
    }

    pub fn post(&mut self, transaction: Transaction) -> Result<Posted, LedgerError> {
        let balance = |account: &str| self.book.balances.get(account).copied();
        let accounts = transaction.postings.iter().map(|posting| &posting.account);
        let before = accounts.map(|account| (account.clone(), balance(account))).collect();
        let id = transaction.id.clone();
        let posted = self.book.post(transaction)?;
        if posted == Posted::New {
            self.undo.push((id, before));
        }
        Ok(posted)
    }

    /// Leaves everything booked; says how many transactions are new.
    pub fn keep(mut self) -> usize {
        std::mem::take(&mut self.undo).len()
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for (id, before) in self.undo.drain(..).rev() {
            self.book.transactions.remove(&id);
            for (account, balance) in before {
                match balance {
                    Some(balance) => self.book.balances.insert(account, balance),
                    None => self.book.balances.remove(&account),
                };
            }
        }
    }
}
