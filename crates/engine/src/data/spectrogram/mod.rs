//! The log-mel spectrogram of a sound as a picture of bytes, and the way back.

mod camera;
mod mel;
mod settings;
mod waveform;

pub use settings::Spectrogram;

pub(super) use camera::Camera;
pub(super) use settings::RATES;
