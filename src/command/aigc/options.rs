//! Flags that several subcommands share.

use crate::assets;
use crate::failure::{Failure, Kind, Outcome};
use clap::Args;
use imfl_aigc::{Method, Sampling};
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

/// How images are drawn.
#[derive(Args)]
pub struct Sampler {
    /// dpm-solver or heun
    #[arg(long, default_value_t = Sampling::default().method.name().into())]
    method: String,
    /// Steps; evaluations of the denoiser for an image with dpm-solver
    #[arg(long, default_value_t = Sampling::default().steps)]
    steps: usize,
    /// Noise level of the last evaluation
    #[arg(long, default_value_t = Sampling::default().sigma_min, allow_negative_numbers = true)]
    sigma_min: f64,
    /// Noise level of the first evaluation
    #[arg(long, default_value_t = Sampling::default().sigma_max, allow_negative_numbers = true)]
    sigma_max: f64,
    /// How strongly steps crowd at low noise
    #[arg(long, default_value_t = Sampling::default().rho, allow_negative_numbers = true)]
    rho: f64,
    /// Classifier-free guidance, 0 for none; doubles the cost
    #[arg(long, default_value_t = Sampling::default().guidance, allow_negative_numbers = true)]
    guidance: f64,
}

impl Sampler {
    /// The checked settings.
    pub fn settings(&self) -> Outcome<Sampling> {
        let usage = |error: &dyn std::fmt::Display| Failure::new(Kind::Usage, error);
        let sampling = Sampling {
            method: self.method.parse::<Method>().map_err(|error| usage(&error))?,
            steps: self.steps,
            sigma_min: self.sigma_min,
            sigma_max: self.sigma_max,
            rho: self.rho,
            guidance: self.guidance,
        };
        sampling.check().map_err(|error| usage(&error))?;
        Ok(sampling)
    }
}

/// The path of a shipped generator by its name, else the path given.
pub fn generator(given: &str) -> Outcome<PathBuf> {
    match given {
        "mnist" if !Path::new(given).exists() => assets::path("generators/mnist.safetensors"),
        _ => Ok(given.into()),
    }
}
