//! The accuracy loss Phi: what the convergence bound loses to skew, noise and little data, given who takes part.
//!
//! `docs/mechanism/theorem.md` states the bound, proves it and says which term is which.

mod constants;
mod tally;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::client::NANOS;
use crate::error::{Error, Result};

pub use constants::Constants;
pub(crate) use tally::{MICRO_SAMPLES, Part, Tally};

/// Which bound on the bias of the aggregate gradient is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bias {
    /// sum of a_k delta_k: needs nothing but the skews, and assumes that they all point the same way.
    #[default]
    Aligned,
    /// g_data (||sum over local of a_k (p_k - p)||_1 + theta sum over augmented of a_k lambda_k): needs label shares, and
    /// sees that opposite skews cancel.
    Mixture,
}

/// What the aggregation weights a_k are proportional to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Effective samples v = d (1 - e/2), what the server pays for.
    #[default]
    Effective,
    /// Samples d.
    Samples,
}

macro_rules! words {
    ($name:ident, $($variant:ident = $word:literal),+) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $($name::$variant => $word),+ })
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($word => Ok($name::$variant),)+
                    _ => Err(format!("`{text}` is none of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}
words!(Bias, Aligned = "aligned", Mixture = "mixture");
words!(Weights, Effective = "effective", Samples = "samples");

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

/// How the server values participants: constants, quality of generated data, bias, weights and kappa.
#[derive(Debug, Clone, PartialEq)]
pub struct LossModel {
    constants: Constants,
    theta: u64,
    bias: Bias,
    weights: Weights,
    kappa: f64,
    /// kappa times each coefficient of Phi, in pico-credits: squared mean skew, finite data, mean squared skew, noise, averaged noise.
    coefficients: [f64; 5],
}

/// The largest theta: beyond 1, generated data hurt more than they help; far beyond it the number is a mistake.
pub const MAX_THETA: u64 = 1_000;

impl LossModel {
    /// A valid model. `theta` = g_diff / (2 g_data) is quantised to 1e-9; `kappa` is in credits per unit of Phi.
    ///
    /// # Errors
    /// [`Error::Constant`] for a constant, theta or kappa out of range.
    pub fn new(constants: Constants, theta: f64, kappa: f64, bias: Bias, weights: Weights) -> Result<Self> {
        constants.check()?;
        if !(0.0..=MAX_THETA as f64).contains(&theta) {
            return Err(Error::Constant { key: "theta", value: theta, problem: "must lie in [0, 1000]" });
        }
        if !(0.0..=1e12).contains(&kappa) {
            return Err(Error::Constant {
                key: "weight",
                value: kappa,
                problem: "must lie in [0, 1e12] credits per unit of Phi",
            });
        }
        let [bias_c, finite_c, drift_c, local_c, averaged_c] = constants.coefficients();
        let picos = kappa * 1e12;
        let coefficients = [bias_c * picos, finite_c * picos, drift_c * picos, local_c * picos, averaged_c * picos];
        let model =
            LossModel { theta: (theta * NANOS as f64).round() as u64, constants, bias, weights, kappa, coefficients };
        // No set is worse than this one by more than theta^2, so every loss fits if this does with room to spare.
        let worst = model.empty_terms().total() * kappa * theta.max(1.0).powi(2);
        if worst > 1e12 {
            return Err(Error::Constant {
                key: "weight",
                value: kappa,
                problem: "makes losses of more than 1e12 credits",
            });
        }
        Ok(model)
    }

    /// The constants.
    pub fn constants(&self) -> &Constants {
        &self.constants
    }

    /// Quality of generated data.
    pub fn theta(&self) -> f64 {
        self.theta as f64 / NANOS as f64
    }

    pub(crate) fn theta_nanos(&self) -> u64 {
        self.theta
    }

    /// The bound on the bias.
    pub fn bias(&self) -> Bias {
        self.bias
    }

    /// What weights are proportional to.
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// Credits per unit of Phi.
    pub fn kappa(&self) -> f64 {
        self.kappa
    }

    /// Phi of one client with one sample, skew 2 and batch 1: what it is like when nobody takes part.
    pub fn empty_terms(&self) -> Terms {
        self.terms_of([2.0, 1.0, 4.0, 1.0, 1.0])
    }

    pub(crate) fn terms(&self, tally: &Tally) -> Terms {
        match tally.means() {
            Some(means) => self.terms_of(means),
            None => self.empty_terms(),
        }
    }

    /// kappa Phi in pico-credits: the one place where a loss is rounded, from exact integer sums, so that it depends on who
    /// takes part and on nothing else. IEEE arithmetic without a library function: the same everywhere.
    pub(crate) fn loss(&self, tally: &Tally) -> i128 {
        let [skew, finite, squared, noise, averaged] = tally.means().unwrap_or([2.0, 1.0, 4.0, 1.0, 1.0]);
        let [bias_c, finite_c, drift_c, local_c, averaged_c] = self.coefficients;
        let picos =
            bias_c * skew * skew + finite_c * finite + drift_c * squared + local_c * noise + averaged_c * averaged;
        (picos + 0.5) as i128
    }

    /// kappa times the coefficients, in pico-credits, in the order of [`Tally::means`].
    pub(crate) fn coefficients(&self) -> [f64; 5] {
        self.coefficients
    }

    fn terms_of(&self, means: [f64; 5]) -> Terms {
        let [skew, finite, squared, noise, averaged] = means;
        let [bias_c, finite_c, drift_c, local_c, averaged_c] = self.constants.coefficients();
        Terms {
            bias: bias_c * skew * skew,
            finite_data: finite_c * finite,
            drift: drift_c * squared,
            local_noise: local_c * noise,
            averaged_noise: averaged_c * averaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::client::Mode;
    use crate::instance::{self, Shape};
    use crate::loss::{Bias, Weights};

    /// Phi from its formula in plain floats, straight from the measured clients.
    #[test]
    fn phi_follows_the_formula() {
        for seed in 0..400 {
            let bias = [Bias::Aligned, Bias::Mixture][seed as usize % 2];
            let weights = [Weights::Effective, Weights::Samples][seed as usize / 2 % 2];
            let shape = Shape { bias, weights, classes: 5, ..Shape::of(6) };
            let market = instance::market(seed, shape).unwrap();
            let specs = instance::specs(seed, shape);
            let modes: Vec<Mode> = (0..6).map(|k| Mode::ALL[(seed as usize / (k + 1) + k) % 3]).collect();
            let (c, theta) = (*market.model().constants(), market.model().theta());
            let (g, s2, h, step) = (c.g_data, c.sigma.powi(2), f64::from(c.local_steps), c.rate * c.smoothness);
            let skews: Vec<f64> =
                specs.iter().map(|spec| spec.shares.iter().flatten().map(|share| (share - 0.2).abs()).sum()).collect();
            let left = |k: usize| {
                if modes[k] == Mode::Local { skews[k] } else { theta * skews[k] }
            };
            let raw: Vec<f64> = (0..6)
                .map(|k| match (modes[k], weights) {
                    (Mode::Out, _) => 0.0,
                    (_, Weights::Samples) => specs[k].samples as f64,
                    _ => specs[k].samples as f64 * (1.0 - left(k) / 2.0),
                })
                .collect();
            let total: f64 = raw.iter().sum();
            if total == 0.0 {
                continue;
            }
            let sum = |term: &dyn Fn(usize, f64) -> f64| (0..6).map(|k| term(k, raw[k] / total)).sum::<f64>();
            let batch = |k: usize| f64::from(specs[k].batch);
            let bias_bound = match bias {
                Bias::Aligned => g * sum(&|k, a| a * left(k)),
                Bias::Mixture => {
                    let class = |y: usize| {
                        let local = |k: usize, a: f64| match (&specs[k].shares, modes[k]) {
                            (Some(shares), Mode::Local) => a * (shares[y] - 0.2),
                            _ => 0.0,
                        };
                        sum(&local).abs()
                    };
                    let generated = sum(&|k, a| {
                        if modes[k] == Mode::Augmented { a * skews[k] } else { 0.0 }
                    });
                    g * ((0..5).map(class).sum::<f64>() + theta * generated)
                }
            };
            let phi = 4.0 * bias_bound.powi(2)
                + 4.0 * s2 * sum(&|k, a| a * a / specs[k].samples as f64)
                + 10.0 * (step * h).powi(2) * sum(&|k, a| a * (g * left(k)).powi(2))
                + 5.0 * step.powi(2) * h * sum(&|k, a| a * s2 / batch(k))
                + 4.0 * step * sum(&|k, a| a * a * s2 / batch(k));
            let terms = market.terms(&modes);
            assert!((terms.total() - phi).abs() <= 1e-6 * phi, "seed {seed}: {} against {phi}", terms.total());
            let loss = market.loss(&modes).unwrap().to_f64();
            assert!((loss - market.model().kappa() * phi).abs() <= 1e-6 * loss + 1e-6);
        }
    }

    #[test]
    fn nobody_is_one_client_with_one_sample() {
        let market = instance::market(3, Shape::of(2)).unwrap();
        let terms = market.terms(&[Mode::Out; 2]);
        let g = market.model().constants().g_data;
        assert!((terms.bias - 4.0 * (2.0 * g).powi(2)).abs() < 1e-12);
        assert_eq!(terms, market.model().empty_terms());
    }
}
