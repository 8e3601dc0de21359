//! From noise to an image: the probability-flow ODE `dx/dsigma = (x - D(x; sigma)) / sigma` (Karras et al. 2022,
//! equation 1 with sigma(t) = t) and two ways to solve it.

mod dpm_solver;
mod heun;
mod schedule;

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
}

impl Method {
    /// The names that [`Method::from_str`] knows.
    pub const NAMES: [&str; 2] = ["dpm-solver", "heun"];

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
            other => Err(SamplingError::Method(other.into())),
        }
    }
}

/// How images are drawn.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// How the ODE is solved.
    pub method: Method,
    /// Steps from the highest noise level to a clean image.
    pub steps: usize,
    /// Noise level of the last evaluation.
    pub sigma_min: f64,
    /// Noise level of the first evaluation.
    pub sigma_max: f64,
    /// How strongly steps crowd at low noise (Karras et al. 2022, equation 5).
    pub rho: f64,
    /// Classifier-free guidance (Ho and Salimans 2022): 0 is none, w draws `D + w (D - D of no class)` at twice the cost.
    pub guidance: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { method: Method::DpmSolver, steps: 12, sigma_min: 0.02, sigma_max: 80.0, rho: 7.0, guidance: 0.0 }
    }
}

/// Why no image can be drawn that way.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// No method of that name.
    #[error("no sampler is called `{0}`; there are: {list}", list = Method::NAMES.join(", "))]
    Method(String),
    /// A number out of range.
    #[error("{name} = {value}: {problem}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would be right.
        problem: &'static str,
    },
}

impl Sampling {
    /// Heun's method with 18 steps, 35 evaluations: the reference of Karras et al.
    pub fn reference() -> Self {
        Self { method: Method::Heun, steps: 18, sigma_min: 0.002, ..Self::default() }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`SamplingError::Setting`] for the first that is out of range.
    pub fn check(&self) -> Result<(), SamplingError> {
        let refuse = |name, value, problem| Err(SamplingError::Setting { name, value, problem });
        if !(1..=1000).contains(&self.steps) {
            return refuse("steps", self.steps as f64, "must be from 1 to 1000");
        }
        if !(1e-5..=1e3).contains(&self.sigma_min) {
            return refuse("sigma_min", self.sigma_min, "must be from 0.00001 to 1000");
        }
        if !(self.sigma_max > self.sigma_min && self.sigma_max <= 1e4) {
            return refuse("sigma_max", self.sigma_max, "must be above sigma_min and at most 10000");
        }
        if !(1.0..=100.0).contains(&self.rho) {
            return refuse("rho", self.rho, "must be from 1 to 100");
        }
        if !(0.0..=100.0).contains(&self.guidance) {
            return refuse("guidance", self.guidance, "must be from 0 to 100");
        }
        Ok(())
    }

    /// Evaluations of the denoiser for one image.
    pub fn evaluations(&self) -> usize {
        let passes = match self.method {
            Method::DpmSolver => self.steps,
            Method::Heun => 2 * self.steps - 1,
        };
        if self.guidance > 0.0 { 2 * passes } else { passes }
    }

    /// Solves the ODE from `noise`, which has deviation 1, with `denoise(x, sigma)`, the best guess at the clean image.
    pub(crate) fn solve(&self, noise: Tensor<5>, denoise: impl FnMut(Tensor<5>, f64) -> Tensor<5>) -> Tensor<5> {
        let sigmas = schedule::sigmas(self.steps, self.sigma_min, self.sigma_max, self.rho);
        let x = noise * sigmas[0];
        match self.method {
            Method::DpmSolver => dpm_solver::solve(&sigmas, x, denoise),
            Method::Heun => heun::solve(&sigmas, x, denoise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// For data from N(0, s^2), D(x; sigma) = x s^2 / (s^2 + sigma^2), and the ODE keeps x / sqrt(s^2 + sigma^2).
    fn error(sampling: &Sampling) -> f64 {
        let deviation = 0.5f64;
        let noise = Tensor::<5>::ones([1, 1, 1, 1, 1], &Device::flex());
        let mut evaluations = 0;
        let x = sampling.solve(noise, |x, sigma| {
            evaluations += 1;
            x * (deviation.powi(2) / (deviation.powi(2) + sigma.powi(2)))
        });
        assert_eq!(evaluations, sampling.evaluations());
        let exact = sampling.sigma_max * deviation / deviation.hypot(sampling.sigma_max);
        (f64::from(x.into_scalar::<f32>()) / exact - 1.0).abs()
    }

    #[test]
    fn both_methods_solve_the_gaussian_case_and_converge_with_order_two() {
        for method in [Method::DpmSolver, Method::Heun] {
            let with = |steps| error(&Sampling { method, steps, sigma_min: 0.02, ..Sampling::default() });
            let (coarse, fine) = (with(20), with(40));
            assert!(coarse < 0.05, "{method:?}: {coarse}");
            assert!(coarse / fine > 3.0, "{method:?}: {coarse} then {fine}");
        }
        // The published recurrences in double precision, computed apart from this code.
        assert!((error(&Sampling::default()) - 0.073_848).abs() < 1e-4);
        assert!((error(&Sampling::reference()) - 0.055_270).abs() < 1e-4);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let problem = |sampling: Sampling| sampling.check().unwrap_err().to_string();
        let good = Sampling::default();
        assert_eq!(good.check(), Ok(()));
        assert!(problem(Sampling { steps: 0, ..good.clone() }).contains("steps = 0"));
        assert!(problem(Sampling { sigma_min: f64::NAN, ..good.clone() }).contains("sigma_min"));
        assert!(problem(Sampling { sigma_max: 0.001, ..good.clone() }).contains("sigma_max = 0.001"));
        assert!(problem(Sampling { rho: 0.0, ..good.clone() }).contains("rho"));
        assert!(problem(Sampling { guidance: -1.0, ..good }).contains("guidance = -1"));
        assert!("euler".parse::<Method>().unwrap_err().to_string().contains("dpm-solver, heun"));
    }
}
