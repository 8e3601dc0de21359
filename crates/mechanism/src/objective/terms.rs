//! The terms of Phi by name, and the means that they are made of.

use serde::{Deserialize, Serialize};

/// The terms of Phi by name, each with its coefficient; their sum is Phi. Units: squared gradient norm.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// 4 bias^2: the participants' labels, taken together, are not the target's.
    pub bias: f64,
    /// 4 sigma^2 sum a_k^2 / d_k: the participants' data are finite.
    pub finite_data: f64,
    /// 10 (eta L h)^2 sum a_k delta_k^2: between aggregations each client walks towards its own optimum.
    pub drift: f64,
    /// 5 (eta L)^2 h sum a_k sigma^2 / b_k: noise of the local steps.
    pub local_noise: f64,
    /// 4 eta L sum a_k^2 sigma^2 / b_k: noise that is left after averaging.
    pub averaged_noise: f64,
}

impl Terms {
    /// Phi.
    pub fn total(&self) -> f64 {
        self.bias + self.finite_data + self.drift + self.local_noise + self.averaged_noise
    }

    /// The terms with their names, in the order of the bound.
    pub fn named(&self) -> [(&'static str, f64); 5] {
        [
            ("bias", self.bias),
            ("finite data", self.finite_data),
            ("drift", self.drift),
            ("local noise", self.local_noise),
            ("averaged noise", self.averaged_noise),
        ]
    }
}

/// Means over participants, weighted by a_k, that each term of Phi is a multiple of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Means {
    /// Skew of the mixture: the bound on the bias over g_data.
    pub skew: f64,
    /// sum a_k^2 / d_k.
    pub per_sample: f64,
    /// Mean squared skew, sum a_k e_k^2.
    pub squared_skew: f64,
    /// Mean 1/b, sum a_k / b_k.
    pub per_batch: f64,
    /// sum a_k^2 / b_k.
    pub averaged_per_batch: f64,
}

impl Means {
    /// One client with one sample, skew 2 and batch 1: what it is like when nobody takes part.
    pub const NOBODY: Means =
        Means { skew: 2.0, per_sample: 1.0, squared_skew: 4.0, per_batch: 1.0, averaged_per_batch: 1.0 };
}

impl Terms {
    /// The terms whose coefficients are these, at some means.
    pub(crate) fn at(self, means: &Means) -> Terms {
        Terms {
            bias: self.bias * means.skew * means.skew,
            finite_data: self.finite_data * means.per_sample,
            drift: self.drift * means.squared_skew,
            local_noise: self.local_noise * means.per_batch,
            averaged_noise: self.averaged_noise * means.averaged_per_batch,
        }
    }

    /// Every term times `factor`.
    pub(crate) fn times(self, factor: f64) -> Terms {
        Terms {
            bias: self.bias * factor,
            finite_data: self.finite_data * factor,
            drift: self.drift * factor,
            local_noise: self.local_noise * factor,
            averaged_noise: self.averaged_noise * factor,
        }
    }
}
