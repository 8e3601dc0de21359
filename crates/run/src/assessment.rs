//! What generated images are worth, and the constants of the convergence bound.

use crate::filling::Filling;
use imfl_aigc::Theta;
use imfl_mechanism::Constants;
use serde::{Deserialize, Serialize};

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// g_data: the largest norm of a class gradient on authentic images.
    pub g_data: f64,
    /// sigma: deviation of one sample's gradient, the largest over the points.
    pub sigma: f64,
    /// L: the steepest change of the target's gradient between two points. A lower estimate of the smoothness constant.
    pub smoothness: f64,
    /// Quality of the generator, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta: Option<Theta>,
    /// The same without the noise of sampling, by products of halves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theta_above_noise: Option<f64>,
    /// Whether filling in helps, if that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filling: Option<Filling>,
}

impl Assessment {
    /// The quality of the generator that clients are offered: none if its images were seen to be of no help.
    pub fn offered(&self) -> Option<Theta> {
        self.theta.filter(|_| self.filling.is_none_or(|filling| filling.helps()))
    }
}

impl Assessment {
    /// The constants of the bound for clients that learn at `rate` for so many local steps a round.
    pub fn constants(&self, rate: f64, local_steps: u32) -> Constants {
        Constants { g_data: self.g_data, sigma: self.sigma, smoothness: self.smoothness, rate, local_steps }
    }

    /// The largest rate for which the convergence theorem holds, 1/(4 L h).
    pub fn largest_rate(&self, local_steps: u32) -> f64 {
        self.constants(0.0, local_steps).largest_rate()
    }
}
