//! A table with its title.

use serde::{Deserialize, Serialize};

/// A table for a person; the first column holds names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What it shows, in one sentence.
    pub title: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// As many cells in a row as there are columns.
    pub rows: Vec<Vec<String>>,
}
