//! The settings that an experiment varies, one at a time around a base.

use super::world::{Place, World};
use imfl_engine::partition::LabelSkew;
use imfl_mechanism::prior::Distribution;
use imfl_run::config::RunConfig;
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One point of the grid. Where several axes meet in the same point it is the same setting.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Number of clients that share the images.
    pub clients: usize,
    /// Concentration of the Dirichlet distribution of labels: the smaller, the more skewed.
    pub skew: f64,
    /// kappa: credits that a unit of accuracy loss is worth.
    pub weight: f64,
    /// Factor on what was measured for generating an image and getting the generator ready.
    pub generation_cost: f64,
    /// Half the width of the uniform distribution of device factors, as a share of its mean, in [0, 1).
    pub prior_spread: f64,
}

/// Something that is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// [`Setting::clients`].
    Clients,
    /// [`Setting::skew`].
    Skew,
    /// [`Setting::weight`].
    Weight,
    /// [`Setting::generation_cost`].
    GenerationCost,
    /// [`Setting::prior_spread`].
    PriorSpread,
}

/// All axes.
pub const ALL: [Axis; 5] = [Axis::Clients, Axis::Skew, Axis::Weight, Axis::GenerationCost, Axis::PriorSpread];

impl Axis {
    /// Its key in a file of settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Skew => "skew",
            Self::Weight => "weight",
            Self::GenerationCost => "generation_cost",
            Self::PriorSpread => "prior_spread",
        }
    }

    /// The name of a figure along it that compares with rules that know more.
    pub fn informed(self) -> &'static str {
        match self {
            Self::Clients => "clients-informed",
            Self::Skew => "skew-informed",
            Self::Weight => "weight-informed",
            Self::GenerationCost => "generation_cost-informed",
            Self::PriorSpread => "prior_spread-informed",
        }
    }

    /// What it is, for a person.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Clients => "number of clients",
            Self::Skew => "Dirichlet concentration of labels (left: more skewed)",
            Self::Weight => "kappa, credits for a unit of accuracy loss",
            Self::GenerationCost => "cost of generating, times what was measured",
            Self::PriorSpread => "spread of the prior over device speeds",
        }
    }

    /// Whether its values are factors of each other rather than differences.
    pub fn is_logarithmic(self) -> bool {
        self != Self::PriorSpread
    }
}

/// Values along each axis; an axis that is left out is not varied.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    clients: Vec<f64>,
    skew: Vec<f64>,
    weight: Vec<f64>,
    generation_cost: Vec<f64>,
    prior_spread: Vec<f64>,
}

impl Values {
    /// The values along an axis.
    pub fn of(&self, axis: Axis) -> &[f64] {
        match axis {
            Axis::Clients => &self.clients,
            Axis::Skew => &self.skew,
            Axis::Weight => &self.weight,
            Axis::GenerationCost => &self.generation_cost,
            Axis::PriorSpread => &self.prior_spread,
        }
    }

    /// Every setting on some axis through `base`, each once, in the order of the axes.
    pub fn settings(&self, base: &Setting) -> Vec<Setting> {
        let mut settings: Vec<Setting> = Vec::new();
        for axis in ALL {
            for setting in self.of(axis).iter().map(|&value| base.with(axis, value)) {
                if !settings.contains(&setting) {
                    settings.push(setting);
                }
            }
        }
        settings
    }
}

impl Setting {
    /// The same but for one value.
    pub fn with(&self, axis: Axis, value: f64) -> Self {
        let mut setting = *self;
        match axis {
            Axis::Clients => setting.clients = value as usize,
            Axis::Skew => setting.skew = value,
            Axis::Weight => setting.weight = value,
            Axis::GenerationCost => setting.generation_cost = value,
            Axis::PriorSpread => setting.prior_spread = value,
        }
        setting
    }

    /// Its value on an axis.
    pub fn of(&self, axis: Axis) -> f64 {
        match axis {
            Axis::Clients => self.clients as f64,
            Axis::Skew => self.skew,
            Axis::Weight => self.weight,
            Axis::GenerationCost => self.generation_cost,
            Axis::PriorSpread => self.prior_spread,
        }
    }

    /// The market of this setting for a seed. Clients learn at the largest rate for which the theorem holds, so that Phi is part of a
    /// bound.
    pub fn place(&self, world: &World, seed: u64) -> Outcome<Place> {
        if !(0.0..1.0).contains(&self.prior_spread) {
            let problem = format!("`prior_spread` is {}; it must lie in [0, 1)", self.prior_spread);
            return Err(Failure::new(Kind::Config, problem));
        }
        let mut scheme = world.setup.config.partition.scheme;
        scheme.labels = LabelSkew::Dirichlet { alpha: self.skew };
        world.place(seed, |config| {
            self.apply(config);
            config.partition.scheme = scheme;
            config.training.rate = world.largest_rate(config);
        })
    }

    fn apply(&self, config: &mut RunConfig) {
        config.partition.clients = self.clients;
        config.mechanism.weight = self.weight;
        let costs = &mut config.costs;
        costs.seconds_per_image = costs.seconds_per_image.map(|seconds| seconds * self.generation_cost);
        costs.seconds_for_setup = costs.seconds_for_setup.map(|seconds| seconds * self.generation_cost);
        let mean = costs.device_factor.quantile(0.5);
        costs.device_factor = match self.prior_spread {
            0.0 => Distribution::Constant { value: mean },
            spread => Distribution::Uniform { low: mean * (1.0 - spread), high: mean * (1.0 + spread) },
        };
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { clients, skew, weight, generation_cost, prior_spread } = self;
        write!(
            f,
            "{clients} clients, skew {skew}, kappa {weight}, generating x{generation_cost}, spread {prior_spread}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Setting = Setting { clients: 20, skew: 0.3, weight: 0.1, generation_cost: 1.0, prior_spread: 0.6 };

    #[test]
    fn the_base_is_one_setting_however_many_axes_pass_through_it() {
        let values = Values { clients: vec![10.0, 20.0], skew: vec![0.3, 1.0], ..Values::default() };
        let settings = values.settings(&BASE);
        assert_eq!(settings.len(), 3);
        assert_eq!(settings.iter().filter(|setting| **setting == BASE).count(), 1);
        for axis in ALL {
            assert_eq!(BASE.with(axis, 1.0).of(axis), 1.0, "{}", axis.name());
        }
    }

    #[test]
    fn a_setting_reaches_every_key() {
        let mut config = RunConfig::default();
        config.costs.seconds_per_image = Some(0.5);
        Setting { generation_cost: 3.0, ..BASE }.apply(&mut config);
        assert_eq!((config.partition.clients, config.mechanism.weight), (20, 0.1));
        assert_eq!(config.costs.seconds_per_image, Some(1.5));
        assert_eq!(config.costs.device_factor, Distribution::Uniform { low: 1.0, high: 4.0 });
    }
}
