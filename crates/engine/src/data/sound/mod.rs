//! Sounds: a folder of WAV, FLAC or Ogg Vorbis files for each class.

mod decode;
mod folder;
mod marker;
mod resample;
mod wave;

pub use folder::read_like;
pub use marker::Marker;
pub use wave::wav;

pub(super) use folder::{read, read_class, settings};
