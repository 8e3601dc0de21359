//! Double-entry books in a file.

use crate::failure::short;
use imfl_mechanism::Credits;
use imfl_mechanism::ledger::{Book, Posting, Transaction};
use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Id, memo, and postings of micro-credits to accounts.
type Given = (String, String, Vec<(String, i64)>);

fn transaction((id, memo, postings): Given) -> Transaction {
    let posting = |(account, micros)| Posting { account, amount: Credits::from_micros(micros) };
    Transaction { id, memo, postings: postings.into_iter().map(posting).collect() }
}

fn given(transaction: &Transaction) -> Given {
    let postings = transaction.postings.iter().map(|posting| (posting.account.clone(), posting.amount.micros()));
    (transaction.id.clone(), transaction.memo.clone(), postings.collect())
}

/// A ledger file that is open for posting.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Ledger {
    path: PathBuf,
    /// Absent once it is closed.
    open: Mutex<Option<imfl_mechanism::ledger::Ledger>>,
}

impl Ledger {
    /// Books and log change together inside one call, which leaves both as they were if it fails: nothing is half done behind a
    /// lock that a panic has poisoned.
    fn lock(&self) -> MutexGuard<'_, Option<imfl_mechanism::ledger::Ledger>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut imfl_mechanism::ledger::Ledger) -> Outcome<T>) -> Outcome<T> {
        match self.lock().as_mut() {
            Some(ledger) => act(ledger),
            None => {
                Err(Failure::new(Kind::Usage, format!("the ledger {} is closed; open it again", self.path.display())))
            }
        }
    }
}

#[pymethods]
impl Ledger {
    #[new]
    fn new(py: Python, path: PathBuf) -> PyResult<Self> {
        let ledger = short(py, || imfl_mechanism::ledger::Ledger::open(&path))?;
        Ok(Self { path, open: Mutex::new(Some(ledger)) })
    }

    /// Posts transactions, all or none; says how many are new.
    fn post(&self, py: Python, transactions: Vec<Given>) -> PyResult<usize> {
        short(py, || self.with(|ledger| Ok(ledger.post(transactions.into_iter().map(transaction))?)))
    }

    /// The balance of an account in micro-credits.
    fn balance(&self, py: Python, account: &str) -> PyResult<i64> {
        short(py, || self.with(|ledger| Ok(ledger.book().balance(account).micros())))
    }

    /// All balances in micro-credits.
    fn balances(&self, py: Python) -> PyResult<BTreeMap<String, i64>> {
        short(py, || self.with(|ledger| Ok(balances(ledger.book()))))
    }

    /// A transaction by its id.
    fn transaction(&self, py: Python, id: &str) -> PyResult<Option<Given>> {
        short(py, || self.with(|ledger| Ok(ledger.book().transaction(id).map(given))))
    }

    /// Number of transactions.
    fn count(&self, py: Python) -> PyResult<usize> {
        short(py, || self.with(|ledger| Ok(ledger.book().len())))
    }

    /// Closes the file.
    fn close(&self, py: Python) -> PyResult<()> {
        short(py, || {
            self.lock().take();
            Ok::<_, Failure>(())
        })
    }
}

fn balances(book: &Book) -> BTreeMap<String, i64> {
    book.balances().iter().map(|(account, balance)| (account.clone(), balance.micros())).collect()
}

/// The balances that a ledger file leads to in micro-credits, how many transactions it has, and the bytes of its whole lines. The file is only read.
#[pyfunction]
pub fn replay(py: Python, path: PathBuf) -> PyResult<(BTreeMap<String, i64>, usize, u64)> {
    let problem = |error: std::io::Error| Failure::new(Kind::Data, format!("cannot read {}: {error}", path.display()));
    short(py, || {
        let (book, whole) = Book::replay(std::fs::File::open(&path).map_err(problem)?)
            .map_err(problem)?
            .map_err(|error| Failure::new(Kind::Data, format!("{}: {error}", path.display())))?;
        Ok::<_, Failure>((balances(&book), book.len(), whole))
    })
}
