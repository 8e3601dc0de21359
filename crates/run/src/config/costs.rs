//! What work costs a client, and costs that were measured in an earlier run and are used again, so that a run can be
//! repeated exactly.

use crate::failure::{Failure, Kind, Outcome};
use crate::setting::settings;
use imfl_mechanism::prior::Distribution;
use serde::{Deserialize, Serialize};
use std::path::Path;

settings! {
    /// What work costs a client.
    CostsConfig {
        /// Credits for a second of a client's device.
        credits_per_second: f64 = 0.01;
        /// How many times slower than this machine a client's device is, by its distribution.
        device_factor: Distribution = Distribution::Uniform { low: 1.0, high: 4.0 };
        /// The same for generating images, drawn apart.
        generating_factor: Option<Distribution> = None, absent "the device's own factor";
        /// The same for getting a generator, which a connection decides, drawn apart.
        setup_factor: Option<Distribution> = None, absent "the device's own factor";
        /// Seconds for training on one sample once.
        seconds_per_sample: Option<f64> = None, absent "measured";
        /// Seconds for generating one image.
        seconds_per_image: Option<f64> = None, absent "measured";
        /// Seconds for getting a generator ready.
        seconds_for_setup: Option<f64> = None, absent "measured";
    }
}

impl CostsConfig {
    /// Whether one number, the device factor, scales all that a client's work costs it.
    pub fn is_one_dimensional(&self) -> bool {
        self.generating_factor.is_none() && self.setup_factor.is_none()
    }

    /// Forgets what was measured before.
    pub fn measure(&mut self) {
        (self.seconds_per_sample, self.seconds_per_image, self.seconds_for_setup) = (None, None, None);
    }
}

/// Seconds as a run measured them; part of every `summary.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedCosts {
    /// Seconds for training on one sample once.
    pub seconds_per_sample: f64,
    /// Seconds for generating one image.
    pub seconds_per_image: f64,
    /// Seconds for getting the generator ready.
    pub seconds_for_setup: f64,
}

#[derive(Deserialize)]
struct Summary {
    costs: RecordedCosts,
}

impl RecordedCosts {
    /// Reads the costs out of an earlier run's `summary.json`.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the file and what is missing in it.
    pub fn read(path: &Path) -> Outcome<Self> {
        let failure = |problem: String| Failure::new(Kind::Config, format!("{}: {problem}", path.display()));
        let text = crate::limits::read_text(path).map_err(|error| failure(format!("cannot be read ({error})")))?;
        let summary: Summary = serde_json::from_str(&text)
            .map_err(|error| failure(format!("no costs of an earlier run ({error}); expected its summary.json")))?;
        Ok(summary.costs)
    }

    /// Puts them in the place of measurements.
    pub fn fix(self, costs: &mut CostsConfig) {
        costs.seconds_per_sample = Some(self.seconds_per_sample);
        costs.seconds_per_image = Some(self.seconds_per_image);
        costs.seconds_for_setup = Some(self.seconds_for_setup);
    }
}
