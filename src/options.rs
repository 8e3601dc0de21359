//! Flags that several subcommands share.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use imfl_aigc::{Generator, Method, Sampling};
use imfl_engine::device::{Compute, DeviceError, DeviceName};
use imfl_run::config::Information;
use imfl_run::limits;
use imfl_run::{Failure, Kind, Outcome};

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
        limits::workers(self.workers)?;
        Ok(Compute::open(self.name()?, self.workers)?)
    }

    /// The device that is asked for.
    pub fn name(&self) -> Outcome<DeviceName> {
        Ok(self.device.parse::<DeviceName>().map_err(DeviceError::from)?)
    }
}

/// How images are drawn, where it is not as the checkpoint says.
#[derive(Args, Clone)]
pub struct Sampler {
    /// dpm-solver, heun, or euler for a distilled generator [default: the checkpoint's, as for all settings of the sampler]
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
        let method = self.method.as_deref().map(str::parse::<Method>).transpose();
        let method = method.map_err(|error| Failure::new(Kind::Usage, error))?;
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
        sampling.check().map_err(|error| Failure::new(Kind::Config, error))?;
        Ok(sampling)
    }

    /// A generator that draws with these settings.
    pub fn apply(&self, generator: Generator) -> Outcome<Generator> {
        let sampling = self.settings(generator.sampling())?;
        generator.with_sampling(sampling).map_err(|error| Failure::new(Kind::Usage, error))
    }
}

/// Refuses the first value that breaks its rule, by its flag.
pub fn check(rules: &[(&str, bool, &str)]) -> Outcome {
    match rules.iter().find(|(_, holds, _)| !holds) {
        Some((flag, _, must)) => Err(Failure::new(Kind::Config, format!("{flag} must be {must}"))),
        None => Ok(()),
    }
}

/// What a server can know about costs.
pub const INFORMATION: [(&str, &str, Information); 2] = [
    ("complete", "Every client's costs", Information::Complete),
    ("incomplete", "Only their distribution", Information::Incomplete),
];

/// A choice of the library as the parser of an argument: names, what each means, and the values.
pub fn choice<T: Clone + Send + Sync + 'static>(
    choices: &[(&'static str, &'static str, T)],
) -> impl TypedValueParser<Value = T> + use<T> {
    let values = choices.iter().map(|(name, about, _)| PossibleValue::new(*name).help(*about));
    let known: Vec<(&str, T)> = choices.iter().map(|(name, _, value)| (*name, value.clone())).collect();
    PossibleValuesParser::new(values).try_map(move |given| {
        let found = known.iter().find(|(name, _)| *name == given);
        found.map(|(_, value)| value.clone()).ok_or("no such choice")
    })
}
