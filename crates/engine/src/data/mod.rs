//! Labelled samples of several kinds, and the formats that they come in.

pub mod cifar;
mod dataset;
mod error;
pub mod folder;
pub mod idx;
mod kind;
mod samples;
mod source;
mod split;
mod stored;
mod table;

pub use dataset::{Dataset, ImageShape, Normalisation};
pub use error::DataError;
pub use kind::Kind;
pub use samples::{Samples, Scale};
pub use source::{Benchmark, Reading, open, open_as, training_images};
pub use table::{Column, Columns, Content, LABELS, Missing, read_like};
