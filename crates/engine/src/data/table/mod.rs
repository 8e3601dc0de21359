//! Tables: a CSV file with a column of labels; numbers are standardised, categories are one-hot.

mod delimited;
mod read;

pub use read::{LABELS, Missing};

pub(super) use delimited::{LONGEST, Records, reader};
pub(super) use read::{CLASSES, by_number, read, read_like};
