//! The book in its file.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::ledger::{Book, Posted, Transaction};

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
