//! Tables: a CSV file with a column of labels; numbers are standardised, categories are one-hot.

mod delimited;
mod read;
mod rows;
mod survey;

pub use rows::{LABELS, Missing};

pub(super) use delimited::{LONGEST, Record, Records, reader};
pub(super) use read::{read, read_like};
pub(super) use rows::no_class;
pub(super) use survey::{CLASSES, by_number};
