//! A picture with its name and what it shows.

use crate::table::Table;
use imfl_run::failure::{Failure, Kind};
use std::fmt::Display;

/// A plot: the name of its file, what it shows, and the picture.
pub struct Figure {
    /// File name without ending.
    pub name: &'static str,
    /// One sentence under the picture.
    pub caption: String,
    /// A whole SVG document.
    pub svg: String,
    /// The same in numbers, for those who do not see the picture; absent where the page has a table of it elsewhere.
    pub table: Option<Table>,
}

/// What drawing and writing fail with that should not.
pub(crate) fn unexpected(error: impl Display) -> Failure {
    Failure::new(Kind::Unexpected, format!("cannot make the report: {error}"))
}
