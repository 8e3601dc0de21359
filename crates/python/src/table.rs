//! Tables of clients, pilots and costs: files, or the text that the Python layer makes of a DataFrame.

use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

/// A table that is a file, or the text of one: its name and its content.
#[derive(FromPyObject)]
pub enum Table {
    /// A file.
    File(PathBuf),
    /// A name for errors, and text.
    Text(String, Vec<u8>),
}

impl Table {
    /// Its name, and something to read it from.
    ///
    /// # Errors
    /// A failure of this kind that names the file.
    pub fn open(&self, kind: Kind) -> Outcome<(String, Box<dyn Read + '_>)> {
        match self {
            Self::Text(name, text) => Ok((name.clone(), Box::new(text.as_slice()))),
            Self::File(path) => {
                let name = path.display().to_string();
                let file =
                    File::open(path).map_err(|error| Failure::new(kind, format!("cannot read {name}: {error}")))?;
                Ok((name, Box::new(BufReader::new(file))))
            }
        }
    }
}
