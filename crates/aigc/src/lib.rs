//! Class-conditional diffusion for federated clients: a small denoiser, its training, its sampler, what its images are
//! worth, and which of a client's samples they replace.
//!
//! A [`Trainer`] learns a [`Denoiser`] from a dataset and leaves a [`Checkpoint`]; a [`Generator`] opens the checkpoint
//! and turns labels and seeds into images; [`theta`] and [`quality`] say how far these are from authentic ones; an
//! [`Augmentation`] says how many of each class a client needs.
#![forbid(unsafe_code)]

mod augmentation;
mod checkpoint;
mod corruption;
mod denoiser;
mod fingerprint;
mod generator;
mod optimizer;
mod pixels;
pub mod quality;
mod sampling;
mod theta;
mod training;

pub use augmentation::{Augmentation, AugmentationError};
pub use checkpoint::{Checkpoint, CheckpointError, Description};
pub use corruption::{Corruption, CorruptionError};
pub use denoiser::{Denoiser, DenoiserConfig, DenoiserError};
pub use fingerprint::Fingerprints;
pub use generator::{Generator, Request, SampleError};
pub use pixels::PixelScale;
pub use sampling::{Method, Sampling, SamplingError};
pub use theta::{GradientProbe, Theta, ThetaError, theta};
pub use training::{Progress, Trainer, TrainingConfig, TrainingError, TrainingState};
