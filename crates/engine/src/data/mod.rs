//! Labelled samples, images as one kind of them, and the formats that they come in.

pub mod cifar;
mod dataset;
mod error;
pub mod folder;
pub mod idx;
mod samples;
mod source;
mod split;
mod stored;

pub use dataset::{Dataset, ImageShape, Normalisation};
pub use error::DataError;
pub use samples::{Samples, Scale};
pub use source::{Benchmark, open, training_images};
