//! Tables: a CSV file with a column of labels; numbers are standardised, categories are one-hot.

mod columns;
mod delimited;
mod read;

pub use columns::{Column, Columns, Content};
pub use read::{LABELS, Missing, read_like};

pub(super) use read::read;
