//! The constants of the learning problem.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::objective::terms::Terms;

/// What the probe measures and the training run fixes; the keys of a constants file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// g_data: the largest norm of a class gradient on authentic data.
    pub g_data: f64,
    /// sigma: standard deviation of a single sample's gradient.
    pub sigma: f64,
    /// L: smoothness of the objectives.
    pub smoothness: f64,
    /// eta: learning rate of the clients' steps.
    pub rate: f64,
    /// h: local steps per round, the same for everyone: an assumption of Phi (`docs/mechanism/theorem.md`, unequal local steps).
    pub local_steps: u32,
}

impl Constants {
    /// Checks ranges.
    ///
    /// # Errors
    /// [`Error::Constant`] naming the key.
    pub fn check(&self) -> Result<()> {
        for (key, value, zero_is_fine) in [
            ("g_data", self.g_data, true),
            ("sigma", self.sigma, true),
            ("smoothness", self.smoothness, false),
            ("rate", self.rate, false),
        ] {
            if !value.is_finite() || value < 0.0 || (value == 0.0 && !zero_is_fine) || value > 1e9 {
                let problem = if zero_is_fine { "must lie in [0, 1e9]" } else { "must lie in (0, 1e9]" };
                return Err(Error::Constant { key, value, problem });
            }
        }
        if self.local_steps == 0 {
            return Err(Error::Constant { key: "local_steps", value: 0.0, problem: "must be at least 1" });
        }
        Ok(())
    }

    /// Whether eta <= 1/(4 L h), which the theorem needs. Where it fails Phi bounds nothing, and nothing is known about how it ranks participants.
    pub fn theorem_holds(&self) -> bool {
        self.theorem_holds_for(self.local_steps)
    }

    /// The same where h is the most steps that any client takes: the theorem needs it for every one of them.
    pub fn theorem_holds_for(&self, steps: u32) -> bool {
        self.rate <= Constants { local_steps: steps, ..*self }.largest_rate() * (1.0 + 1e-12)
    }

    /// 1/(4 L h).
    pub fn largest_rate(&self) -> f64 {
        1.0 / (4.0 * self.smoothness * f64::from(self.local_steps))
    }

    /// The coefficients of Phi.
    pub(crate) fn coefficients(&self) -> Terms {
        let h = f64::from(self.local_steps);
        let (g2, noise) = (self.g_data * self.g_data, self.sigma * self.sigma);
        let step = self.rate * self.smoothness;
        Terms {
            bias: 4.0 * g2,
            finite_data: 4.0 * noise,
            drift: 10.0 * (step * h) * (step * h) * g2,
            local_noise: 5.0 * step * step * h * noise,
            averaged_noise: 4.0 * step * noise,
        }
    }
}
