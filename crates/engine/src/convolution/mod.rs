//! How convolutions are computed on GPUs: three algorithms, and which of them a device takes for which shape.
//!
//! Which is fastest depends on the card and the shape, so it is measured ([`crate::tuning`]) and kept in a file ([`Table`]). A run reads that
//! file and measures nothing: two runs on one machine take the same algorithms, and give the same bits. Without the file every convolution is a
//! matrix product of columns. The CPU's kernels have rules of their own and ask nobody.

mod algorithm;
mod cache;
mod chosen;
mod shape;
mod table;

pub use algorithm::{Algorithm, Asked, Direction, VARIABLE};
pub use cache::{FOLDER, path, read, write};
pub use chosen::{chosen, complaint};
pub use shape::{Follows, Shape};
pub use table::{Measured, Milliseconds, Table};
