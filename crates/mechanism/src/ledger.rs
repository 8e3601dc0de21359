//! Double-entry books in a JSON-lines file: every transaction moves money between accounts and sums to zero.
//!
//! A transaction has an id. Posting the same transaction again does nothing, so a run that was cut off can settle again from its
//! start; posting a different one under the same id is an error. Balances are nothing but the replay of the file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
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

/// Why the ledger refused something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The postings do not sum to zero.
    #[error("transaction `{id}` does not balance: its postings sum to {sum} micro-credits")]
    Unbalanced {
        /// The transaction.
        id: String,
        /// Their sum.
        sum: i128,
    },
    /// Fewer than two postings, or an empty id or account.
    #[error("transaction `{id}`: {problem}")]
    Malformed {
        /// The transaction.
        id: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The id is taken by another transaction.
    #[error("transaction `{id}` was already posted with other content; use a new id to correct it")]
    Conflict {
        /// The transaction.
        id: String,
    },
    /// A balance would leave its range. Nothing was posted.
    #[error("transaction `{id}` would overflow the balance of `{account}`")]
    Overflow {
        /// The transaction.
        id: String,
        /// The account.
        account: String,
    },
    /// A line of the file is no transaction, or one that could not have been posted.
    #[error("line {line}: {problem}")]
    Line {
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
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
    transactions: BTreeMap<String, Transaction>,
    balances: BTreeMap<String, Credits>,
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

    /// Replays a file of transactions, one JSON object per line; blank lines are skipped. Returns the book and the number of
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
                Ok(transaction) => match book.post(transaction) {
                    Ok(_) => whole += read as u64,
                    Err(error) => return fail(error.to_string()),
                },
                Err(_) if !bytes.ends_with(b"\n") => return Ok(Ok((book, whole))),
                Err(error) => return fail(format!("is not a transaction: {error}")),
            }
        }
    }
}

/// A book whose transactions are in a file before they are in the balances.
#[derive(Debug)]
pub struct Ledger {
    book: Book,
    file: File,
    path: std::path::PathBuf,
}

impl Ledger {
    /// Opens or creates a ledger file and replays it.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Ledger`] with the line that is wrong.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let error = |source| Error::File { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(error)?;
        let (book, whole) = Book::replay(&mut file).map_err(error)??;
        // drop a line that was cut off, and make sure that the next one starts a line
        file.set_len(whole).map_err(error)?;
        let end = file.seek(SeekFrom::End(0)).map_err(error)?;
        if end > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1)).map_err(error)?;
            io::Read::read_exact(&mut file, &mut last).map_err(error)?;
            if last != *b"\n" {
                file.write_all(b"\n").map_err(error)?;
            }
        }
        Ok(Ledger { book, file, path })
    }

    /// Posts transactions in order: checked, written and synced to the file, then booked. All or none of the batch is booked.
    ///
    /// # Errors
    /// [`Error::Ledger`] or [`Error::File`]; balances are unchanged then.
    pub fn post(&mut self, transactions: impl IntoIterator<Item = Transaction>) -> Result<usize> {
        let error = |source| Error::File { path: self.path.clone(), source };
        let mut book = self.book.clone();
        let mut text = Vec::new();
        let mut new = 0;
        for transaction in transactions {
            if book.post(transaction.clone())? == Posted::New {
                serde_json::to_writer(&mut text, &transaction).map_err(|problem| error(problem.into()))?;
                text.push(b'\n');
                new += 1;
            }
        }
        let before = self.file.seek(SeekFrom::End(0)).map_err(error)?;
        if let Err(source) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            // what cannot be taken back here is skipped as a cut-off line, or is the same transaction, when it is opened again
            let _ = self.file.set_len(before);
            return Err(error(source));
        }
        self.book = book;
        Ok(new)
    }

    /// The books.
    pub fn book(&self) -> &Book {
        &self.book
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pay(id: &str, amount: i64) -> Transaction {
        Transaction::transfer(id, "round 1", "server", "client:a", Credits::from_micros(amount)).unwrap()
    }

    #[test]
    fn replay_gives_the_balances_and_ids_are_idempotent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.post([pay("1", 5), pay("2", 7), pay("1", 5)]).unwrap(), 2);
        assert_eq!(ledger.post([pay("2", 7)]).unwrap(), 0);
        assert!(matches!(ledger.post([pay("3", 1), pay("2", 8)]), Err(Error::Ledger(LedgerError::Conflict { .. }))));
        let again = Ledger::open(&path).unwrap();
        assert_eq!(again.book(), ledger.book());
        assert_eq!(again.book().balance("client:a").micros(), 12);
        assert_eq!(again.book().balance("server").micros(), -12);
    }

    #[test]
    fn a_line_cut_off_by_a_crash_is_dropped_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        Ledger::open(&path).unwrap().post([pay("1", 5), pay("2", 7)]).unwrap();
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.book().balance("client:a").micros(), 5);
        ledger.post([pay("2", 7)]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), text);
        std::fs::write(&path, [&text[..], b"{}\n", &text[..]].concat()).unwrap();
        assert!(Ledger::open(&path).unwrap_err().to_string().contains("line 3"));
        // the file is left as it was
        assert_eq!(std::fs::read(&path).unwrap().len(), 2 * text.len() + 3);
    }

    #[test]
    fn what_does_not_balance_or_fit_is_refused_whole() {
        let mut book = Book::default();
        let posting = |account: &str, amount| Posting { account: account.into(), amount: Credits::from_micros(amount) };
        let transaction = |postings| Transaction { id: "x".into(), memo: String::new(), postings };
        let unbalanced = transaction(vec![posting("a", 1), posting("b", -2)]);
        assert_eq!(book.post(unbalanced), Err(LedgerError::Unbalanced { id: "x".into(), sum: -1 }));
        assert!(book.post(transaction(vec![posting("a", 0)])).is_err());
        book.post(pay("1", i64::MAX)).unwrap();
        let before = book.clone();
        assert!(matches!(book.post(pay("2", 1)), Err(LedgerError::Overflow { .. })));
        assert_eq!(book, before);
    }

    proptest! {
        #[test]
        fn books_always_sum_to_zero(amounts in prop::collection::vec((0u8..4, 0u8..4, -1000i64..1000), 0..50)) {
            let mut book = Book::default();
            for (index, (from, to, amount)) in amounts.into_iter().enumerate() {
                let amount = Credits::from_micros(amount);
                let transfer = Transaction::transfer(&index.to_string(), "", &format!("{from}"), &format!("{to}"), amount);
                book.post(transfer.unwrap()).unwrap();
            }
            prop_assert_eq!(book.balances().values().map(|balance| balance.micros()).sum::<i64>(), 0);
        }
    }
}
