//! Flags that several subcommands share.

use crate::assets;
use crate::failure::{Failure, Kind, Outcome};
use clap::Args;
use imfl_aigc::{Generator, Method, Sampling};
use imfl_engine::device::{Compute, DeviceName};
use std::path::{Path, PathBuf};

/// Where it is computed.
#[derive(Args)]
pub struct Machine {
    /// auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, default_value = "auto", env = "IMFL_DEVICE")]
    pub device: String,
    /// Threads [default: one for each core]
    #[arg(long, env = "IMFL_WORKERS")]
    pub workers: Option<usize>,
}

impl Machine {
    /// Opens the device.
    pub fn open(&self) -> Outcome<Compute> {
        Ok(Compute::open(self.device.parse::<DeviceName>()?, self.workers)?)
    }
}

/// How images are drawn, where it is not as the checkpoint says.
#[derive(Args)]
pub struct Sampler {
    /// dpm-solver or heun [default: the checkpoint's, as for all settings of the sampler]
    #[arg(long)]
    method: Option<String>,
    /// Steps; evaluations of the denoiser for an image with dpm-solver and without guidance
    #[arg(long)]
    steps: Option<usize>,
    /// Noise level of the last evaluation
    #[arg(long, allow_negative_numbers = true)]
    sigma_min: Option<f64>,
    /// Noise level of the first evaluation
    #[arg(long, allow_negative_numbers = true)]
    sigma_max: Option<f64>,
    /// How strongly steps crowd at low noise
    #[arg(long, allow_negative_numbers = true)]
    rho: Option<f64>,
    /// Classifier-free guidance, 0 for none; a second evaluation where it acts
    #[arg(long, allow_negative_numbers = true)]
    guidance: Option<f64>,
    /// Lowest noise level at which guidance acts
    #[arg(long, allow_negative_numbers = true)]
    guidance_min: Option<f64>,
    /// Highest noise level at which guidance acts
    #[arg(long, allow_negative_numbers = true)]
    guidance_max: Option<f64>,
}

impl Sampler {
    /// The checked settings: a generator's own, overlaid by what was asked for.
    pub fn settings(&self, own: &Sampling) -> Outcome<Sampling> {
        let usage = |error: &dyn std::fmt::Display| Failure::new(Kind::Usage, error);
        let method = self.method.as_deref().map(str::parse::<Method>).transpose().map_err(|error| usage(&error))?;
        let sampling = Sampling {
            method: method.unwrap_or(own.method),
            steps: self.steps.unwrap_or(own.steps),
            sigma_min: self.sigma_min.unwrap_or(own.sigma_min),
            sigma_max: self.sigma_max.unwrap_or(own.sigma_max),
            rho: self.rho.unwrap_or(own.rho),
            guidance: self.guidance.unwrap_or(own.guidance),
            guidance_min: self.guidance_min.unwrap_or(own.guidance_min),
            guidance_max: self.guidance_max.unwrap_or(own.guidance_max),
        };
        sampling.check().map_err(|error| usage(&error))?;
        Ok(sampling)
    }

    /// Opens a generator, given by its name or path, that draws with these settings.
    pub fn open(&self, given: &str) -> Outcome<Generator> {
        self.apply(Generator::open(&generator(given)?)?)
    }

    /// The same of a generator at hand.
    pub fn apply(&self, generator: Generator) -> Outcome<Generator> {
        let sampling = self.settings(generator.sampling())?;
        generator.with_sampling(sampling).map_err(|error| Failure::new(Kind::Usage, error))
    }
}

/// The path of a shipped generator by its name, else the path given.
pub fn generator(given: &str) -> Outcome<PathBuf> {
    match given {
        "mnist" if !Path::new(given).exists() => assets::path("generators/mnist.safetensors"),
        _ => Ok(given.into()),
    }
}
