//! Texts with labels: CSV files with the columns `label` and `text`, or JSON lines with these keys.

mod read;
mod rows;

pub(super) use read::{read, read_like};
pub(super) use rows::{is_json_lines, is_text};
