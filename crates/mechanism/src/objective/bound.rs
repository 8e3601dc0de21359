//! The accuracy loss Phi: what the convergence bound loses to skew, noise and little data, given who takes part.
//!
//! `docs/mechanism/theorem.md` states the bound, proves it and says which term is which.

use std::sync::Arc;

use crate::client::{NANOS, Population};
use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::objective::appraisal::Appraisal;
use crate::objective::constants::Constants;
use crate::objective::part::{MICRO_SAMPLES, Quality};
use crate::objective::seam::{Member, Objective};
use crate::objective::terms::{Means, Terms};
use crate::objective::words::{Bias, Weights};

/// Phi in money: constants, quality of generated data, bias, weights and kappa.
///
/// Its sums are, in this order, w, w e (over everyone, or over augmented clients with the mixture bias), w e^2, w/b, w^2/b,
/// w^2/d, and with the mixture bias w (p_k - p) of local clients per class.
#[derive(Debug, Clone, PartialEq)]
pub struct LossModel {
    constants: Constants,
    quality: Quality,
    bias: Bias,
    kappa: f64,
    /// The coefficients of Phi.
    coefficients: Terms,
    /// kappa times the coefficients of Phi, in pico-credits.
    priced: Terms,
}

impl LossModel {
    /// A valid model. `theta` = g_diff / (2 g_data) is quantised to 1e-9; `kappa` is in credits per unit of Phi.
    ///
    /// # Errors
    /// [`Error::Constant`] for a constant, theta or kappa out of range.
    pub fn new(constants: Constants, theta: f64, kappa: f64, bias: Bias, weights: Weights) -> Result<Self> {
        constants.check()?;
        let quality = Quality::new(theta, weights)?;
        if !(0.0..=1e12).contains(&kappa) {
            return Err(Error::Constant {
                key: "weight",
                value: kappa,
                problem: "must lie in [0, 1e12] credits per unit of Phi",
            });
        }
        let coefficients = constants.coefficients();
        let priced = coefficients.times(kappa * 1e12);
        let model = LossModel { quality, constants, bias, kappa, coefficients, priced };
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
        self.quality.theta()
    }

    /// The bound on the bias.
    pub fn bias(&self) -> Bias {
        self.bias
    }

    /// What weights are proportional to.
    pub fn weights(&self) -> Weights {
        self.quality.weights
    }

    /// Credits per unit of Phi.
    pub fn kappa(&self) -> f64 {
        self.kappa
    }

    /// Phi of one client with one sample, skew 2 and batch 1: what it is like when nobody takes part.
    pub fn empty_terms(&self) -> Terms {
        self.coefficients.at(&Means::NOBODY)
    }

    /// kappa times the coefficients, in pico-credits.
    pub(crate) fn priced(&self) -> Terms {
        self.priced
    }
}

/// The means that Phi is made of, from the sums; nobody's if nobody takes part.
#[inline]
fn means(sums: &[i128]) -> Means {
    let [weight, skew, squared_skew, per_batch, square_per_batch, square_per_sample, classes @ ..] = sums else {
        return Means::NOBODY;
    };
    if *weight == 0 {
        return Means::NOBODY;
    }
    let skew = skew + classes.iter().map(|sum| sum.abs()).sum::<i128>();
    let (nanos, micros) = (NANOS as f64, MICRO_SAMPLES as f64);
    let inverse = 1.0 / *weight as f64;
    Means {
        skew: skew as f64 * inverse / nanos,
        // w in millionths of a sample: w^2 / d / W^2 has 1e-6 once above and twice below
        per_sample: *square_per_sample as f64 * inverse * inverse * (micros / (2.0 * nanos)),
        squared_skew: *squared_skew as f64 * inverse / nanos,
        per_batch: *per_batch as f64 * inverse,
        averaged_per_batch: *square_per_batch as f64 * inverse * inverse,
    }
}

impl Objective for LossModel {
    fn name(&self) -> &'static str {
        "bound"
    }

    fn quality(&self) -> Quality {
        self.quality
    }

    fn width(&self, population: &Population) -> Result<usize> {
        match self.bias {
            Bias::Aligned => Ok(6),
            Bias::Mixture if population.classes() > 0 => Ok(6 + population.classes()),
            Bias::Mixture => {
                let problem =
                    "the mixture bias needs label shares (columns p0, p1, ...); give them, or use the aligned bias";
                Err(Error::Population(problem.into()))
            }
        }
    }

    #[inline]
    fn add(&self, sums: &mut [i128], member: &Member<'_>, sign: i64) {
        let part = member.part;
        let [weights, skews, squared_skews, per_batch, square_per_batch, square_per_sample, classes @ ..] = sums else {
            return;
        };
        // All factors are below 2^63 (weights are at most 1e18, skews 2e12), sums of products below 2^127.
        let weight = part.weight as i64 * sign;
        let times = |factor: u64| i128::from(weight) * i128::from(factor as i64);
        *weights += i128::from(weight);
        *per_batch += i128::from(part.weight_per_batch as i64 * sign);
        *square_per_batch += times(part.weight_per_batch);
        *squared_skews += times(square(part.skew));
        // w^2/d in half parts of 1e9 of a millionth of a sample
        let effective_share = match self.quality.weights {
            Weights::Effective => (2 * NANOS).saturating_sub(part.skew),
            Weights::Samples => 2 * NANOS,
        };
        *square_per_sample += times(effective_share);
        if member.mode == Mode::Local && !classes.is_empty() {
            for (sum, &deviation) in classes.iter_mut().zip(member.deviations) {
                *sum += i128::from(weight) * i128::from(deviation);
            }
        } else {
            *skews += times(part.skew);
        }
    }

    /// kappa Phi: the one place where it is rounded, from exact integer sums, so that it depends on who takes part and on nothing else.
    /// IEEE arithmetic without a library function: the same everywhere.
    #[inline]
    fn loss(&self, sums: &[i128]) -> i128 {
        (self.priced.at(&means(sums)).total() + 0.5) as i128
    }

    fn appraise(&self, sums: &[i128]) -> Appraisal {
        Appraisal::Bound(self.coefficients.at(&means(sums)))
    }

    fn doubled(&self) -> Result<Arc<dyn Objective>> {
        let twice = LossModel::new(self.constants, self.theta(), 2.0 * self.kappa, self.bias, self.weights())?;
        Ok(Arc::new(twice))
    }
}

/// e^2 in parts of 1e9.
#[inline]
fn square(skew: u64) -> u64 {
    if skew < 1 << 32 { skew * skew / NANOS } else { (u128::from(skew) * u128::from(skew) / u128::from(NANOS)) as u64 }
}

#[cfg(test)]
mod tests {
    use crate::instance::{self, Shape};
    use crate::mode::Mode;
    use crate::objective::{Bias, Weights};

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
            let (c, theta) = (*market.bound().unwrap().constants(), market.bound().unwrap().theta());
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
            let terms = market.appraisal(&modes).terms().unwrap();
            assert!((terms.total() - phi).abs() <= 1e-6 * phi, "seed {seed}: {} against {phi}", terms.total());
            let loss = market.loss(&modes).unwrap().to_f64();
            assert!((loss - market.bound().unwrap().kappa() * phi).abs() <= 1e-6 * loss + 1e-6);
        }
    }

    #[test]
    fn nobody_is_one_client_with_one_sample() {
        let market = instance::market(3, Shape::of(2)).unwrap();
        let terms = market.appraisal(&[Mode::Out; 2]).terms().unwrap();
        let g = market.bound().unwrap().constants().g_data;
        assert!((terms.bias - 4.0 * (2.0 * g).powi(2)).abs() < 1e-12);
        assert_eq!(terms, market.bound().unwrap().empty_terms());
    }
}
