//! What participants are worth by a forecast: what is missing to full accuracy, in money.

use std::sync::Arc;

use crate::client::{NANOS, Population};
use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::objective::appraisal::{Appraisal, Prediction};
use crate::objective::forecast::Forecast;
use crate::objective::law::Law;
use crate::objective::part::Quality;
use crate::objective::seam::{Member, Objective};
use crate::objective::words::Weights;

/// What accuracy is worth to the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Worth {
    /// Credits per percentage point of test accuracy.
    Point(f64),
    /// Credits per nat of test loss.
    Nat(f64),
}

impl Worth {
    /// Credits per unit, whatever the unit is.
    pub fn credits(self) -> f64 {
        match self {
            Worth::Point(credits) | Worth::Nat(credits) => credits,
        }
    }
}

/// The forecast as an objective: J = worth x predicted shortfall + payments, the shortfall being what is missing to an accuracy of 100 %, in
/// points, or the test loss in nats.
///
/// Its sums are authentic samples per class, then generated ones, all in whole samples, and where the law looks at updates w h, w h (q - p) per class,
/// w h ‖q - p‖₁ and w, w in thousandths of a sample and q - p in parts of 1e9.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastModel {
    forecast: Forecast,
    worth: Worth,
    quality: Quality,
    target: Vec<f64>,
    /// Pico-credits per unit of the law: of error, as a share, or of loss.
    price: f64,
}

impl ForecastModel {
    /// A valid objective. `theta` is the quality of generated data that prices of effective samples rest on, v = d (1 - e/2); if absent it is 1 -
    /// rho, so that a generated sample is paid like what it is worth to the law.
    ///
    /// # Errors
    /// [`Error::Forecast`] for a forecast out of range, [`Error::Constant`] for a worth or theta that is.
    pub fn new(forecast: Forecast, worth: Worth, theta: Option<f64>, weights: Weights) -> Result<Self> {
        forecast.check()?;
        let problem = "must lie in [0, 1e12] credits per percentage point, or per nat";
        let fail = |problem| Err(Error::Constant { key: "worth", value: worth.credits(), problem });
        if !(0.0..=1e12).contains(&worth.credits()) {
            return fail(problem);
        }
        let price = 1e12
            * match worth {
                Worth::Point(credits) => 100.0 * credits,
                Worth::Nat(credits) => credits,
            };
        let mut model =
            ForecastModel { target: forecast.shares(), forecast, worth, quality: Quality::new(0.0, weights)?, price };
        model.quality = Quality::new(theta.unwrap_or(1.0 - model.law().generated), weights)?;
        let law = model.law();
        let worst = (law.floor + law.scale * law.decay(0.0) + law.mixed(2.0) + law.skewed(2.0) + law.unlearnt(1.0))
            .max(model.nobody());
        if worst * price > 1e24 {
            return fail("makes losses of more than 1e12 credits");
        }
        Ok(model)
    }

    /// The forecast.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// What accuracy is worth.
    pub fn worth(&self) -> Worth {
        self.worth
    }

    /// The law of what is paid for.
    pub(crate) fn law(&self) -> &Law {
        match self.worth {
            Worth::Point(_) => &self.forecast.error,
            Worth::Nat(_) => &self.forecast.loss,
        }
    }

    /// p, `[classes]`.
    pub(crate) fn target(&self) -> &[f64] {
        &self.target
    }

    /// Pico-credits per unit of the law.
    pub(crate) fn price(&self) -> f64 {
        self.price
    }

    fn nobody(&self) -> f64 {
        match self.worth {
            Worth::Point(_) => self.forecast.nobody.error,
            Worth::Nat(_) => self.forecast.nobody.loss,
        }
    }

    fn value(&self, law: &Law, nobody: f64, sums: &[i128]) -> f64 {
        let classes = self.target.len();
        let (authentic, rest) = sums.split_at(classes.min(sums.len()));
        let (generated, updates) = rest.split_at(classes.min(rest.len()));
        // sums are below 2^53 for every market that is allowed, so they are exact as floats
        let counted = authentic
            .iter()
            .zip(generated)
            .map(|(own, made)| *own as i64 as f64 + law.generated * (*made as i64 as f64));
        let labels = law.mixed(mix_of(updates)) + law.skewed(skew_of(updates));
        let value = law.at(&self.target, counted) + labels + law.unlearnt(steps_of(updates));
        if authentic.iter().chain(generated).all(|sum| *sum == 0) { nobody } else { value }
    }

    /// Whether any of the laws looks at updates, so that their sums are kept.
    fn weighs(&self) -> bool {
        let Forecast { error, loss, .. } = &self.forecast;
        [error, loss].iter().any(|law| law.mix.is_some() || law.skew.is_some() || law.steps.is_some())
    }
}

/// H from the sums of w h, w h (q - p) per class, w h ‖q - p‖₁, and w.
fn steps_of(sums: &[i128]) -> f64 {
    match sums {
        [steps, .., weight] if *weight > 0 => *steps as f64 / *weight as f64,
        _ => 1.0,
    }
}

/// m from the same.
fn mix_of(sums: &[i128]) -> f64 {
    match sums {
        [weight, classes @ .., _, _] if *weight > 0 => {
            classes.iter().map(|sum| sum.abs()).sum::<i128>() as f64 / *weight as f64 / NANOS as f64
        }
        _ => 0.0,
    }
}

/// s from the same.
fn skew_of(sums: &[i128]) -> f64 {
    match sums {
        [weight, .., off, _] if *weight > 0 => *off as f64 / *weight as f64 / NANOS as f64,
        _ => 0.0,
    }
}

impl Objective for ForecastModel {
    fn name(&self) -> &'static str {
        "forecast"
    }

    fn quality(&self) -> Quality {
        self.quality
    }

    fn counts(&self) -> bool {
        true
    }

    fn width(&self, population: &Population) -> Result<usize> {
        let classes = self.target.len();
        let Some(target) = population.target() else {
            let problem = "the forecast counts samples of each class: give label shares (columns p0, p1, ...) or counts (n0, n1, ...)";
            return Err(Error::Population(problem.into()));
        };
        if target.classes() != classes {
            let problem = format!("have {} classes, but the forecast is for {classes}", target.classes());
            return Err(Error::Population(problem));
        }
        if target.shares().iter().zip(&self.target).any(|(asked, known)| (asked - known).abs() > 1e-6) {
            let problem =
                "is not what the forecast predicts for; give the forecast's `target`, or fit one for these shares";
            return Err(Error::Target(problem.into()));
        }
        Ok(if self.weighs() { 3 * classes + 3 } else { 2 * classes })
    }

    #[inline]
    fn add(&self, sums: &mut [i128], member: &Member<'_>, sign: i64) {
        let classes = self.target.len();
        let (authentic, rest) = sums.split_at_mut(classes.min(sums.len()));
        let (generated, updates) = rest.split_at_mut(classes.min(rest.len()));
        let sign = i128::from(sign);
        match member.mode {
            Mode::Augmented => {
                for ((own, made), held) in authentic.iter_mut().zip(generated).zip(member.held) {
                    *own += sign * i128::from(held.kept());
                    *made += sign * i128::from(held.generated());
                }
            }
            _ => {
                for (own, held) in authentic.iter_mut().zip(member.held) {
                    *own += sign * i128::from(held.authentic);
                }
            }
        }
        if let [weight, classes @ .., off, plain] = updates {
            // the steps of an epoch; a weight is at most 1e15, steps 1e12 in all, deviations 2e9 in all: below 2^127
            let steps = member.client.samples().div_ceil(u64::from(member.client.batch()));
            let light = sign * i128::from(member.part.weight / 1000);
            let own = light * i128::from(steps);
            *plain += light;
            *weight += own;
            if member.mode == Mode::Local {
                for (sum, &deviation) in classes.iter_mut().zip(member.deviations) {
                    *sum += own * i128::from(deviation);
                }
                *off += own * i128::from(member.deviations.iter().map(|own| i64::from(*own).abs()).sum::<i64>());
            }
        }
    }

    /// worth x shortfall: from exact integer sums by IEEE arithmetic without a library function, the same everywhere.
    #[inline]
    fn loss(&self, sums: &[i128]) -> i128 {
        (self.price * self.value(self.law(), self.nobody(), sums) + 0.5) as i128
    }

    fn floor(&self) -> i128 {
        (self.price * self.law().floor.min(self.nobody())) as i128
    }

    fn appraise(&self, sums: &[i128]) -> Appraisal {
        let Forecast { error, loss, nobody, .. } = &self.forecast;
        let prediction =
            Prediction { loss: self.value(loss, nobody.loss, sums), error: self.value(error, nobody.error, sums) };
        let shortfall = match self.worth {
            Worth::Point(_) => 100.0 * prediction.error,
            Worth::Nat(_) => prediction.loss,
        };
        Appraisal::Forecast { prediction, shortfall }
    }

    fn doubled(&self) -> Result<Arc<dyn Objective>> {
        let worth = match self.worth {
            Worth::Point(credits) => Worth::Point(2.0 * credits),
            Worth::Nat(credits) => Worth::Nat(2.0 * credits),
        };
        let theta = Some(self.quality.theta());
        Ok(Arc::new(ForecastModel::new(self.forecast.clone(), worth, theta, self.quality.weights)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};

    /// What a market's sums say is what the law says of its counts and its mix, in plain floats.
    #[test]
    fn the_sums_of_a_market_follow_the_law() {
        for seed in 0..400u64 {
            let shape = Shape { forecast: true, classes: 5, ..Shape::of(6) };
            let market = instance::market(seed, shape).unwrap();
            let modes: Vec<Mode> = (0..6).map(|k| Mode::ALL[(seed as usize / (k + 1) + k) % 3]).collect();
            let (authentic, generated) = market.counts(&modes).unwrap();
            let forecast = market.forecast().unwrap().forecast();
            let update = market.update(&modes);
            let expected = forecast.predict(&authentic, &generated, update).unwrap();
            let found = market.appraisal(&modes).prediction().unwrap();
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * a.abs();
            assert!(
                close(found.loss, expected.loss) && close(found.error, expected.error),
                "{seed}: {found:?} {expected:?}"
            );
            let worth = market.forecast().unwrap().worth().credits();
            let paid = worth * market.appraisal(&modes).total();
            assert!((market.loss(&modes).unwrap().to_f64() - paid).abs() < 1e-6 + 1e-12 * paid);
            if forecast.error.mix.or(forecast.error.skew).is_some() {
                // and by hand: labels of local clients, weighted by what they weigh and the batches that they have
                let weight = |k: usize| {
                    let client = &market.clients()[k];
                    market.part(k, modes[k]).weight() * client.samples().div_ceil(client.batch().into()) as f64
                };
                let specs = instance::specs(seed, shape);
                let away = |k: usize, y: usize| match modes[k] {
                    Mode::Local => specs[k].shares.as_ref().unwrap()[y] - 0.2,
                    _ => 0.0,
                };
                let total: f64 = (0..6).map(weight).sum();
                let of = |y: usize| (0..6).map(|k| weight(k) * away(k, y)).sum::<f64>().abs();
                let m = (0..5).map(of).sum::<f64>() / total.max(1e-9);
                let each = |k: usize| weight(k) * (0..5).map(|y| away(k, y).abs()).sum::<f64>();
                let s = (0..6).map(each).sum::<f64>() / total.max(1e-9);
                assert!((m - update.mix.unwrap()).abs() < 1e-6 && (s - update.skew.unwrap()).abs() < 1e-6, "{seed}");
            }
        }
    }
}
