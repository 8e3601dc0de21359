//! Class-conditional diffusion for federated clients: a small denoiser, its training, its sampler, what its images are
//! worth, and which of a client's samples they replace.
//!
//! # The way of an image
//!
//! 1. A [`Trainer`] learns a [`Denoiser`] from a dataset (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based
//!    Generative Models") and leaves a [`Checkpoint`]: the moving average of its weights, how it was trained, and [`Fingerprints`] of what
//!    it learnt from, so that no client and no test is given an image that the generator has seen.
//! 2. A [`Generator`] opens the checkpoint. It is a [`SampleSource`]: whoever wants samples asks for (class, index) pairs and a seed,
//!    and gets the same ones on any machine, whatever else is drawn. [`Sampling`] says how it solves the equation from noise to image.
//! 3. An [`Augmentation`] says which samples a client gives up and which classes it lacks; the source fills them.
//! 4. [`theta()`] and [`quality`] say how far generated images are from authentic ones. [`Corruption`] puts faults into them, so that a
//!    measure can be seen to notice.
//!
//! Somebody else's samples come in by the same door: a [`Folder`] of them, a [`Program`] that draws them, or one's own [`SampleSource`]
//! (`examples/own_source.rs`).
//!
//! ```
//! use imfl_aigc::{DenoiserConfig, Generator, Request, SampleSource, Sampling, Trainer, TrainingConfig};
//! use imfl_engine::data::{Dataset, ImageShape};
//! use imfl_engine::device::Compute;
//! use std::ops::ControlFlow;
//!
//! // Two classes of 8x8 images: dark and bright.
//! let shape = ImageShape { channels: 1, height: 8, width: 8 };
//! let pixels = [vec![20; 64], vec![230; 64]].concat();
//! let data = Dataset::new("shades", shape, vec!["dark".into(), "bright".into()], pixels, vec![0, 1])?;
//!
//! let network = DenoiserConfig { width: 8, embedding: 16, ..DenoiserConfig::small(shape, 2) };
//! let training = TrainingConfig { steps: 3, batch: 2, shards: 1, ..TrainingConfig::default() };
//! let mut trainer = Trainer::new(&data, &network, &training)?;
//! let compute = Compute::cpu();
//! trainer.run(&compute.device, compute.workers, |_, _| ControlFlow::Continue(()))?;
//!
//! let quick = Sampling { steps: 2, ..Sampling::default() };
//! let generator = Generator::of(trainer.finished())?.with_sampling(quick)?;
//! generator.check_fits(&data)?;
//! let requests = Request::of_counts(&[1, 3], 0);
//! let images = generator.draw(&requests, 7, &compute, &mut |_, _| ControlFlow::Continue(()))?;
//! assert_eq!(images.histogram(), [1, 3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod augmentation;
mod checkpoint;
mod corruption;
mod denoiser;
mod fingerprint;
mod generator;
mod network;
mod optimizer;
mod pixels;
mod pull;
pub mod quality;
mod sampling;
mod setting;
mod source;
mod text;
mod theta;
mod training;
mod training_config;

pub use augmentation::{Augmentation, AugmentationError};
pub use checkpoint::{Checkpoint, CheckpointError, Description};
pub use corruption::{Corruption, CorruptionError, UnfitCorruption};
pub use denoiser::{Denoiser, DenoiserConfig, DenoiserError, Network};
pub use fingerprint::Fingerprints;
pub use generator::Generator;
pub use optimizer::AdamW;
pub use pixels::PixelScale;
pub use pull::Pull;
pub use sampling::{Method, Sampling, SamplingError};
pub use setting::SettingError;
pub use source::{
    Fit, Fitted, Folder, Misfit, Ngram, Numbering, Observe, Program, Provenance, Request, SampleError, SampleSource,
};
pub use theta::{AboveNoise, GradientProbe, Lengths, Longest, NotFinite, Theta, ThetaError, theta};
pub use training::{Progress, Trainer, TrainingError};
pub use training_config::TrainingConfig;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
