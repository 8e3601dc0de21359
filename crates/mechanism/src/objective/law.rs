//! The class law: what a server that trains on so many samples of each class may expect.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::objective::power::{exp, inverse_power, ln};

/// Samples in the unit of the law's scale.
pub(crate) const UNIT: f64 = 100.0;

/// What a law counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Samples of each class: a class that is missing costs, however many of the others there are.
    #[default]
    Class,
    /// Samples of all classes together, over the number of classes.
    Samples,
}

/// What is added for labels that are off the target's by x in [0, 2]: B x^beta.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// B.
    pub scale: f64,
    /// beta.
    pub exponent: f64,
}

impl Deviation {
    /// B x^beta.
    #[inline]
    fn at(self, x: f64) -> f64 {
        if x > 0.0 { self.scale * exp(self.exponent * ln(x)) } else { 0.0 }
    }
}

/// What is said of an update beside the samples that it was made from. Absent is what nobody recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// m, how far its labels, taken together, are from the target: ‖sum_k a_k h_k (q_k - p)‖₁ / sum_k a_k h_k in [0, 2], q_k being the labels that client k
    /// trains on, a_k its weight and h_k its local steps ([`crate::Market::mix`]).
    pub mix: Option<f64>,
    /// s, how far those of its clients are, one by one: sum_k a_k h_k ‖q_k - p‖₁ / sum_k a_k h_k in [0, 2] ([`crate::Market::skew`]). Models of clients with few
    /// classes drift apart before they are averaged, whatever they hold together.
    pub skew: Option<f64>,
    /// H = sum_k a_k h_k, the steps that the aggregate takes in an epoch of the run ([`crate::Market::steps`]).
    pub steps: Option<f64>,
}

/// E + A sum_y p(y) ((u_y + o)/100)^(-alpha) + B m^beta + S s^gamma + D/H, where u_y are samples of class y, authentic ones plus rho times generated ones, and
/// p(y) the share of class y in what is predicted. H = sum_k a_k h_k are the steps that the aggregate takes in a round: after as many rounds, many small
/// clients have learnt less than one large one with the same samples. [`By::Samples`] puts sum_y u_y / C in place of every u_y.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// What is counted.
    #[serde(default)]
    pub by: By,
    /// E, what no amount of data removes.
    pub floor: f64,
    /// A.
    pub scale: f64,
    /// o, in samples.
    pub offset: f64,
    /// alpha.
    pub exponent: f64,
    /// rho, how many authentic samples a generated one is worth.
    pub generated: f64,
    /// What the labels of all clients together are off by, m, adds, if there is such a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Deviation>,
    /// What the labels of each client are off by, s, adds, if there is such a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew: Option<Deviation>,
    /// D, what a single step a round leaves unlearnt, if there is such a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<f64>,
}

impl Law {
    /// Checks ranges. `table` is the law's name in a forecast file.
    ///
    /// # Errors
    /// [`Error::Forecast`] naming the key.
    pub fn check(&self, table: &str) -> Result<()> {
        let ranges = [
            ("floor", self.floor, 0.0, 1e3),
            ("scale", self.scale, 0.0, 1e6),
            ("offset", self.offset, 1e-3, 1e9),
            ("exponent", self.exponent, 1e-3, 10.0),
            ("generated", self.generated, 0.0, 1.0),
            ("mix.scale", self.mix.map_or(0.0, |mix| mix.scale), 0.0, 1e6),
            ("skew.scale", self.skew.map_or(0.0, |skew| skew.scale), 0.0, 1e6),
            ("skew.exponent", self.skew.map_or(1.0, |skew| skew.exponent), 1e-3, 10.0),
            ("steps", self.steps.unwrap_or(0.0), 0.0, 1e6),
            ("mix.exponent", self.mix.map_or(1.0, |mix| mix.exponent), 1e-3, 10.0),
        ];
        match ranges.into_iter().find(|(_, value, low, high)| !(*low..=*high).contains(value)) {
            Some((key, value, low, high)) => Err(Error::Forecast {
                key: format!("{table}.{key}"),
                problem: format!("is {value}; it must lie in [{low}, {high}]"),
            }),
            None => Ok(()),
        }
    }

    /// ((u + o)/100)^(-alpha).
    #[inline]
    pub(crate) fn decay(&self, u: f64) -> f64 {
        inverse_power((u + self.offset) / UNIT, self.exponent)
    }

    /// The derivative of [`Law::decay`].
    #[inline]
    pub(crate) fn slope(&self, u: f64) -> f64 {
        -self.exponent / (u + self.offset) * self.decay(u)
    }

    /// B m^beta.
    #[inline]
    pub(crate) fn mixed(&self, m: f64) -> f64 {
        self.mix.map_or(0.0, |mix| mix.at(m))
    }

    /// S s^gamma.
    #[inline]
    pub(crate) fn skewed(&self, s: f64) -> f64 {
        self.skew.map_or(0.0, |skew| skew.at(s))
    }

    /// D/H.
    #[inline]
    pub(crate) fn unlearnt(&self, steps: f64) -> f64 {
        self.steps.map_or(0.0, |scale| scale / steps.max(1.0))
    }

    /// The law's value without what mix, skew and steps add, from what it counts: u_y per class, or one mean.
    #[inline]
    pub(crate) fn at(&self, target: &[f64], counted: impl Iterator<Item = f64>) -> f64 {
        let sum: f64 = match self.by {
            By::Class => target.iter().zip(counted).map(|(p, u)| p * self.decay(u)).sum(),
            By::Samples => self.decay(counted.sum::<f64>() / target.len() as f64),
        };
        self.floor + self.scale * sum
    }
}
