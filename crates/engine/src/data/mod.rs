//! Labelled samples of several kinds, and the formats that they come in.

pub mod cifar;
mod columns;
mod dataset;
mod error;
pub mod folder;
pub mod idx;
mod kind;
mod samples;
mod scale;
mod shape;
pub mod sound;
mod source;
mod spectrogram;
mod split;
mod stored;
mod table;
mod text;
mod vocabulary;
mod written;

pub use columns::{Column, Columns, Content};
pub use dataset::Dataset;
pub use error::DataError;
pub use kind::Kind;
pub use samples::Samples;
pub use scale::{Normalisation, Scale};
pub use shape::ImageShape;
pub use source::{Benchmark, Reading, open, open_as, read_class, read_like, training_images, training_like};
pub use spectrogram::Spectrogram;
pub use table::{LABELS, Missing};
pub use vocabulary::{Coder, Encoded, Vocabulary, Words};
