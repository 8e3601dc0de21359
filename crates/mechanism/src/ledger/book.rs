//! Transactions and the balances they lead to, in memory.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};

use serde::{Deserialize, Serialize};

use crate::error::{Error, LedgerError, Result};
use crate::money::Credits;

/// One side of a transaction: `amount` (micro-credits) is added to `account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// The account, such as `server` or `client:7`.
    pub account: String,
    /// Micro-credits; negative takes away.
    pub amount: Credits,
}

/// Postings that belong together and sum to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Unique; the same id twice means the same transaction.
    pub id: String,
    /// What it is for.
    pub memo: String,
    /// At least two.
    pub postings: Vec<Posting>,
}

impl Transaction {
    /// Moves `amount` from one account to another.
    ///
    /// # Errors
    /// [`Error::Overflow`] for the one amount that has no negative.
    pub fn transfer(id: &str, memo: &str, from: &str, to: &str, amount: Credits) -> Result<Self> {
        let taken = Credits::ZERO.checked_sub(amount).ok_or(Error::Overflow("a transfer"))?;
        let posting = |account: &str, amount| Posting { account: account.to_owned(), amount };
        Ok(Transaction {
            id: id.to_owned(),
            memo: memo.to_owned(),
            postings: vec![posting(from, taken), posting(to, amount)],
        })
    }
}

/// What came of posting a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It is new.
    New,
    /// The very same transaction was there already; nothing changed.
    Already,
}

/// Books in memory: transactions in order, and the balances they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    pub(super) transactions: BTreeMap<String, Transaction>,
    pub(super) balances: BTreeMap<String, Credits>,
}

impl Book {
    /// Posts a transaction, whole or not at all.
    ///
    /// # Errors
    /// [`LedgerError`]; the book is unchanged then.
    pub fn post(&mut self, transaction: Transaction) -> std::result::Result<Posted, LedgerError> {
        let id = || transaction.id.clone();
        if let Some(known) = self.transactions.get(&transaction.id) {
            return if *known == transaction { Ok(Posted::Already) } else { Err(LedgerError::Conflict { id: id() }) };
        }
        let malformed = |problem| Err(LedgerError::Malformed { id: id(), problem });
        if transaction.id.is_empty() {
            return malformed("the id is empty");
        }
        if transaction.postings.len() < 2 {
            return malformed("needs at least two postings, where money comes from and where it goes");
        }
        if transaction.postings.iter().any(|posting| posting.account.is_empty()) {
            return malformed("an account has no name");
        }
        let sum: i128 = transaction.postings.iter().map(|posting| i128::from(posting.amount.micros())).sum();
        if sum != 0 {
            return Err(LedgerError::Unbalanced { id: id(), sum });
        }
        let mut changed: BTreeMap<&str, Credits> = BTreeMap::new();
        for posting in &transaction.postings {
            let account = posting.account.as_str();
            let before = changed.get(account).copied().unwrap_or_else(|| self.balance(account));
            match before.checked_add(posting.amount) {
                Some(after) => changed.insert(account, after),
                None => {
                    return Err(LedgerError::Overflow { id: id(), account: account.to_owned() });
                }
            };
        }
        for (account, balance) in changed {
            self.balances.insert(account.to_owned(), balance);
        }
        self.transactions.insert(transaction.id.clone(), transaction);
        Ok(Posted::New)
    }

    /// The balance of an account; 0 if it was never used.
    pub fn balance(&self, account: &str) -> Credits {
        self.balances.get(account).copied().unwrap_or_default()
    }

    /// All balances by account. They sum to zero.
    pub fn balances(&self) -> &BTreeMap<String, Credits> {
        &self.balances
    }

    /// A transaction by id.
    pub fn transaction(&self, id: &str) -> Option<&Transaction> {
        self.transactions.get(id)
    }

    /// Number of transactions.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether nothing was posted.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// Replays a file of transactions, one JSON object per line, each id once; blank lines are skipped. Returns the book and the number of
    /// bytes of whole lines: a last line without its line end that does not parse was cut off while it was written, and is
    /// left out.
    ///
    /// # Errors
    /// Outside, what the system says while reading; inside, [`LedgerError::Line`].
    pub fn replay(reader: impl io::Read) -> io::Result<std::result::Result<(Book, u64), LedgerError>> {
        let mut reader = BufReader::new(reader);
        let mut book = Book::default();
        let (mut line, mut whole) = (0, 0);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = reader.read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(Ok((book, whole)));
            }
            line += 1;
            let fail = |problem: String| Ok(Err(LedgerError::Line { line, problem }));
            if bytes.trim_ascii().is_empty() {
                whole += read as u64;
                continue;
            }
            match serde_json::from_slice::<Transaction>(&bytes) {
                Ok(transaction) => match (transaction.id.clone(), book.post(transaction)) {
                    (_, Ok(Posted::New)) => whole += read as u64,
                    // Nobody writes a transaction that is booked: two programs wrote this file at once.
                    (id, Ok(Posted::Already)) => {
                        return fail(format!(
                            "transaction `{id}` is in the file twice: remove this line if it was paid once, and start one \
                             program on these books at a time"
                        ));
                    }
                    (_, Err(error)) => return fail(error.to_string()),
                },
                Err(_) if !bytes.ends_with(b"\n") => return Ok(Ok((book, whole))),
                Err(error) => return fail(format!("is not a transaction: {error}")),
            }
        }
    }
}
