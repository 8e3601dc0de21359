//! The book in its file.

use std::path::Path;
use std::sync::Arc;

use imfl_storage::{Disk, FileSystem, Log, Position, StorageError};

use crate::error::{Error, LedgerError, Result};
use crate::ledger::batch::Batch;
use crate::ledger::book::{Book, Posted, Transaction};

/// A book whose transactions are in a file before anybody is told that they are booked.
#[derive(Debug)]
pub struct Ledger {
    book: Book,
    log: Log,
}

impl Ledger {
    /// Opens or creates a ledger file and replays it.
    ///
    /// # Errors
    /// [`crate::Error::Storage`]; [`crate::Error::Ledger`] with the line that is wrong.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_in(&(Arc::new(Disk) as Arc<dyn FileSystem>), path.as_ref(), None)
    }

    /// Opens or creates a ledger file on any file system. What was in it up to `since` must be in it still.
    ///
    /// # Errors
    /// As [`Ledger::open`], and if the file is shorter than `since` or was changed before it.
    pub fn open_in(files: &Arc<dyn FileSystem>, path: &Path, since: Option<&Position>) -> Result<Self> {
        let mut opened = None;
        // A line that was cut off by a crash goes, and the next one has to start a line.
        let mut log = Log::open(files.as_ref(), path, |content| {
            if let Some(since) = since {
                since.check(path, content)?;
            }
            let (book, whole) =
                Book::replay(content).map_err(|source| StorageError::Read { path: path.into(), source })??;
            let whole = usize::try_from(whole).unwrap_or(content.len());
            opened = Some((book, whole == 0 || content[..whole].ends_with(b"\n")));
            Ok::<_, Error>(whole)
        })?;
        let (book, line_ended) = opened.unwrap_or((Book::default(), true));
        if !line_ended {
            log.append(b"\n")?;
        }
        Ok(Ledger { book, log })
    }

    /// Posts transactions in order: checked, then written and synced to the file. All or none of the batch is booked.
    ///
    /// # Errors
    /// [`crate::Error::Ledger`] or [`crate::Error::Storage`]; balances are unchanged then.
    pub fn post(&mut self, transactions: impl IntoIterator<Item = Transaction>) -> Result<usize> {
        let mut batch = Batch::new(&mut self.book);
        let mut text = Vec::new();
        for transaction in transactions {
            let written = text.len();
            serde_json::to_writer(&mut text, &transaction)
                .map_err(|error| LedgerError::Line { line: 0, problem: error.to_string() })?;
            text.push(b'\n');
            if batch.post(transaction)? == Posted::Already {
                text.truncate(written);
            }
        }
        if !text.is_empty() {
            self.log.append(&text)?;
        }
        Ok(batch.keep())
    }

    /// The books.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// How far the file has come.
    pub fn position(&self) -> Position {
        self.log.position()
    }
}
