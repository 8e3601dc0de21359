//! From noise to an image: the probability-flow ODE `dx/dsigma = (x - D(x; sigma)) / sigma` (Karras et al. 2022,
//! equation 1 with sigma(t) = t) and three ways to solve it.

mod dpm_solver;
mod euler;
mod heun;
mod schedule;

use crate::setting::{self, SettingError};
use burn::tensor::Tensor;
use std::str::FromStr;

/// How the ODE is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2): one evaluation a step.
    DpmSolver,
    /// Heun's method (Karras et al. 2022, algorithm 1): two evaluations a step but for the last, which takes one.
    Heun,
    /// Euler's method, one evaluation a step: for generators that were distilled to such steps.
    Euler,
}

impl Method {
    /// The names that [`Method::from_str`] knows.
    pub const NAMES: [&str; 3] = ["dpm-solver", "heun", "euler"];

    /// The name by which a command line calls it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Method {
    type Err = SamplingError;

    fn from_str(name: &str) -> Result<Self, SamplingError> {
        match name {
            "dpm-solver" => Ok(Self::DpmSolver),
            "heun" => Ok(Self::Heun),
            "euler" => Ok(Self::Euler),
            other => Err(SamplingError::Method(other.into())),
        }
    }
}

/// No noise level is higher.
const SIGMA_LIMIT: f64 = 1e4;

/// How images are drawn.
///
/// ```
/// use imfl_aigc::Sampling;
///
/// let sampling = Sampling { steps: 20, guidance: 1.0, guidance_max: 5.0, ..Sampling::default() };
/// sampling.check()?;
/// // Guidance takes a second evaluation, at noise levels up to 5 alone.
/// assert!((21..40).contains(&sampling.evaluations()));
/// # Ok::<(), imfl_aigc::SettingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// How the ODE is solved.
    pub method: Method,
    /// Steps from the highest noise level to a clean image; of texts, from masks alone to none.
    pub steps: usize,
    /// Noise level of the last evaluation.
    pub sigma_min: f64,
    /// Noise level of the first evaluation.
    pub sigma_max: f64,
    /// How strongly steps crowd at low noise (Karras et al. 2022, equation 5).
    pub rho: f64,
    /// Classifier-free guidance (Ho and Salimans 2022): 0 is none, w draws `D + w (D - D of no class)`, which takes a second
    /// evaluation.
    pub guidance: f64,
    /// Lowest noise level at which guidance acts (Kynkaanniemi et al. 2024, arXiv 2404.07724).
    pub guidance_min: f64,
    /// Highest noise level at which guidance acts.
    pub guidance_max: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            method: Method::DpmSolver,
            steps: 12,
            sigma_min: 0.02,
            sigma_max: 80.0,
            rho: 7.0,
            guidance: 0.0,
            guidance_min: 0.0,
            guidance_max: SIGMA_LIMIT,
        }
    }
}

/// Why no image can be drawn that way.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// No method of that name.
    #[error("no sampler is called `{0}`; there are: {list}", list = Method::NAMES.join(", "))]
    Method(String),
    /// A number out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl Sampling {
    /// Heun's method with 18 steps, 35 evaluations: the reference of Karras et al.
    pub fn reference() -> Self {
        Self { method: Method::Heun, steps: 18, sigma_min: 0.002, ..Self::default() }
    }

    /// How texts are drawn, which have steps alone: so many that words are mostly drawn one at a time, each by those before it.
    pub fn of_texts() -> Self {
        Self { steps: 64, ..Self::default() }
    }

    /// Checks that nothing but the steps is asked for: symbols have no noise and no method.
    ///
    /// # Errors
    /// [`SettingError`] for the first setting of another kind of generator.
    pub fn check_steps_alone(&self) -> Result<(), SettingError> {
        let (own, problem) = (Self::default(), "is for generators of values: one of texts has steps alone");
        setting::check([
            ("method", self.method as u8 as f64, self.method == own.method, problem),
            ("sigma_min", self.sigma_min, self.sigma_min == own.sigma_min, problem),
            ("sigma_max", self.sigma_max, self.sigma_max == own.sigma_max, problem),
            ("rho", self.rho, self.rho == own.rho, problem),
            ("guidance", self.guidance, self.guidance == own.guidance, problem),
            ("guidance_min", self.guidance_min, self.guidance_min == own.guidance_min, problem),
            ("guidance_max", self.guidance_max, self.guidance_max == own.guidance_max, problem),
        ])
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`SettingError`] for the first that is out of range.
    pub fn check(&self) -> Result<(), SettingError> {
        let &Self {
            steps, sigma_min: min, sigma_max: max, rho, guidance, guidance_min: from, guidance_max: to, ..
        } = self;
        setting::check([
            ("steps", steps as f64, (1..=1000).contains(&steps), "must be from 1 to 1000"),
            ("sigma_min", min, (1e-5..=1e3).contains(&min), "must be from 0.00001 to 1000"),
            ("sigma_max", max, max > min && max <= SIGMA_LIMIT, "must be above sigma_min and at most 10000"),
            ("rho", rho, (1.0..=100.0).contains(&rho), "must be from 1 to 100"),
            ("guidance", guidance, (0.0..=100.0).contains(&guidance), "must be from 0 to 100"),
            ("guidance_min", from, (0.0..=SIGMA_LIMIT).contains(&from), "must be from 0 to 10000"),
            ("guidance_max", to, (from..=SIGMA_LIMIT).contains(&to), "must be from guidance_min to 10000"),
        ])
    }

    /// Evaluations of the denoiser for one image.
    pub fn evaluations(&self) -> usize {
        let sigmas = self.sigmas();
        let at = |sigmas: &[f64]| sigmas.iter().map(|&sigma| 1 + usize::from(self.guides(sigma))).sum::<usize>();
        let levels = &sigmas[..self.steps];
        match self.method {
            Method::DpmSolver | Method::Euler => at(levels),
            // The corrector of each step but the last looks at the level where the step ends.
            Method::Heun => at(levels) + at(levels.get(1..).unwrap_or_default()),
        }
    }

    /// Whether guidance acts at a noise level.
    pub(crate) fn guides(&self, sigma: f64) -> bool {
        self.guidance > 0.0 && (self.guidance_min..=self.guidance_max).contains(&sigma)
    }

    /// The noise levels of all steps, and 0.
    pub(crate) fn sigmas(&self) -> Vec<f64> {
        schedule::sigmas(self.steps, self.sigma_min, self.sigma_max, self.rho)
    }

    /// Noise levels of so many steps from one level to another; to 0, by way of the lowest level.
    pub(crate) fn between(&self, [from, to]: [f64; 2], steps: usize) -> Vec<f64> {
        if to == 0.0 {
            return schedule::sigmas(steps, self.sigma_min.min(from / 2.0), from, self.rho);
        }
        let mut levels = schedule::sigmas(steps + 1, to, from, self.rho);
        levels.pop();
        levels
    }

    /// Solves the ODE from `noise`, which has deviation 1, with `denoise(x, sigma)`, the best guess at the clean image.
    pub(crate) fn solve(&self, noise: Tensor<5>, denoise: impl FnMut(Tensor<5>, f64) -> Tensor<5>) -> Tensor<5> {
        let sigmas = self.sigmas();
        self.along(&sigmas, noise * sigmas[0], denoise)
    }

    /// Solves the ODE from `x` at the first of some levels to the last.
    pub(crate) fn along(
        &self,
        sigmas: &[f64],
        x: Tensor<5>,
        denoise: impl FnMut(Tensor<5>, f64) -> Tensor<5>,
    ) -> Tensor<5> {
        match self.method {
            Method::DpmSolver => dpm_solver::solve(sigmas, x, denoise),
            Method::Heun => heun::solve(sigmas, x, denoise),
            Method::Euler => euler::solve(sigmas, x, denoise),
        }
    }
}

#[cfg(test)]
mod tests;
