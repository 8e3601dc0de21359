//! Tables: a CSV file with a column of labels; numbers are standardised, categories are one-hot.

mod delimited;
mod read;

pub use read::{LABELS, Missing, read_like};

pub(super) use read::read;
