//! The forecast: the test loss and error to expect of a set of participants, as it stands in a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::objective::appraisal::Prediction;
use crate::objective::law::{Law, Update};

/// How well a law did on pilots that it was not fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Mean absolute difference between predicted and measured, in percentage points of error or in nats of loss.
    pub error: f64,
    /// Spearman's rank correlation of predicted and measured.
    pub spearman: f64,
    /// R^2 of the logarithm of the measured, predicted by that of the forecast.
    pub r2: f64,
    /// As `error`, of the quarter of pilots with the most samples, predicted from all others; absent where there were too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<f64>,
}

impl HeldOut {
    /// What to expect a forecast to be off by: as on pilots in turn, or as on those that had more data than it was fitted on, whichever is more; a run
    /// mostly has more data than its pilots.
    pub fn usual(&self) -> f64 {
        self.beyond.map_or(self.error, |beyond| beyond.max(self.error))
    }
}

/// Where a forecast comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    /// How many pilots it was fitted on.
    pub pilots: usize,
    /// What they were: model, rate, rounds, data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Held-out pilots, test error.
    pub error: HeldOut,
    /// Held-out pilots, test loss.
    pub loss: HeldOut,
    /// What the pilots had in common, by name: the forecast holds where these stay. Empty if nobody wrote it down.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// The laws of a learning problem at one rate and number of rounds; the content of a forecast file (`docs/mechanism/forecast.md`).
///
/// ```
/// use imfl_mechanism::objective::{Forecast, Update};
///
/// let forecast = Forecast::parse("
///     classes = 2
///     nobody = { loss = 0.69, error = 0.5 }
///     error = { floor = 0.01, scale = 0.1, offset = 5.0, exponent = 0.6, generated = 0.8 }
///     loss = { floor = 0.05, scale = 0.4, offset = 2.0, exponent = 0.6, generated = 0.8 }
/// ")?;
/// let few = forecast.predict(&[50, 0], &[0, 20], Update::default())?;
/// let many = forecast.predict(&[500, 400], &[0, 20], Update::default())?;
/// assert!(many.error < few.error && few.error < 0.5);
/// # Ok::<(), imfl_mechanism::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// C, number of classes.
    pub classes: usize,
    /// p, the label shares of what is predicted; uniform if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Vec<f64>>,
    /// Before anybody has trained, as measured.
    pub nobody: Prediction,
    /// Test error, as a share.
    pub error: Law,
    /// Test loss, in nats.
    pub loss: Law,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitted: Option<Fitted>,
}

impl Forecast {
    /// Reads and checks the text of a forecast file.
    ///
    /// # Errors
    /// [`Error::Forecast`] with the line and what is wrong, or the key that is out of range.
    pub fn parse(text: &str) -> Result<Self> {
        let read: std::result::Result<Forecast, toml::de::Error> = toml::from_str(text);
        let forecast = read.map_err(|error| {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            Error::Forecast { key: format!("line {line}"), problem: error.message().trim().replace('\n', "; ") }
        })?;
        forecast.check()?;
        Ok(forecast)
    }

    /// The text of a forecast file.
    pub fn to_toml(&self) -> String {
        // numbers and strings under fixed keys: nothing in it that TOML could not hold
        toml::to_string(self).unwrap_or_default()
    }

    /// Checks ranges.
    ///
    /// # Errors
    /// [`Error::Forecast`] naming the key.
    pub fn check(&self) -> Result<()> {
        let fail = |key: &str, problem: String| Err(Error::Forecast { key: key.into(), problem });
        if !(1..=100_000).contains(&self.classes) {
            return fail("classes", format!("is {}; it must lie in [1, 100000]", self.classes));
        }
        if let Some(target) = &self.target {
            let sum: f64 = target.iter().sum();
            if target.len() != self.classes
                || target.iter().any(|share| !(0.0..=1.0).contains(share))
                || (sum - 1.0).abs() > 1e-4
            {
                return fail("target", format!("needs {} shares in [0, 1] that sum to 1", self.classes));
            }
        }
        if !(0.0..=1.0).contains(&self.nobody.error) {
            return fail("nobody.error", format!("is {}; an error is a share in [0, 1]", self.nobody.error));
        }
        if !(0.0..=1e6).contains(&self.nobody.loss) {
            return fail("nobody.loss", format!("is {}; it must lie in [0, 1e6] nats", self.nobody.loss));
        }
        self.error.check("error")?;
        self.loss.check("loss")
    }

    /// p, `[classes]`.
    pub fn shares(&self) -> Vec<f64> {
        self.target.clone().unwrap_or_else(|| vec![1.0 / self.classes as f64; self.classes])
    }

    /// What to expect after training on so many authentic and generated samples, `[classes]` each. Of an update whose mix was not
    /// recorded it is the distance of the samples' own labels; whose skew was not, its mix; steps that were not are without limit.
    ///
    /// # Errors
    /// [`Error::Forecast`] for another number of classes, more samples than can be counted, a mix or skew outside [0, 2] or no steps.
    pub fn predict(&self, authentic: &[u64], generated: &[u64], update: Update) -> Result<Prediction> {
        if authentic.len() != self.classes || generated.len() != self.classes {
            let problem =
                format!("is {}, but {} and {} counts were given", self.classes, authentic.len(), generated.len());
            return Err(Error::Forecast { key: "classes".into(), problem });
        }
        for (key, off) in [("mix", update.mix), ("skew", update.skew)] {
            if let Some(off) = off.filter(|off| !(0.0..=2.0 + 1e-9).contains(off)) {
                return Err(Error::Forecast { key: key.into(), problem: format!("is {off}, outside [0, 2]") });
            }
        }
        if let Some(steps) = update.steps.filter(|steps| !(1e-9..=f64::MAX).contains(steps)) {
            return Err(Error::Forecast { key: "steps".into(), problem: format!("are {steps}; there must be some") });
        }
        let target = self.shares();
        match authentic.iter().chain(generated).try_fold(0u64, |total, count| total.checked_add(*count)) {
            None => return Err(Error::Forecast { key: "samples".into(), problem: "are more than 2^64".into() }),
            Some(0) => return Ok(self.nobody),
            Some(_) => {}
        }
        let mix = update.mix.unwrap_or_else(|| distance(authentic, generated, &target));
        let skew = update.skew.unwrap_or(mix);
        let of = |law: &Law| {
            let counted = authentic.iter().zip(generated).map(|(own, made)| *own as f64 + law.generated * *made as f64);
            let labels = law.mixed(mix) + law.skewed(skew);
            law.at(&target, counted) + labels + update.steps.map_or(0.0, |steps| law.unlearnt(steps))
        };
        Ok(Prediction { loss: of(&self.loss), error: of(&self.error) })
    }
}

/// ‖q - p‖₁ of samples whose labels are q.
pub(crate) fn distance(authentic: &[u64], generated: &[u64], target: &[f64]) -> f64 {
    let total: u64 = authentic.iter().chain(generated).sum();
    let share = |(own, made): (&u64, &u64)| (own + made) as f64 / total.max(1) as f64;
    authentic.iter().zip(generated).map(share).zip(target).map(|(q, p)| (q - p).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrong file is named by line or key.
    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let good = "classes = 2\nnobody = { loss = 0.7, error = 0.5 }\n[error]\nfloor = 0.0\nscale = 0.1\noffset = 1.0\nexponent = 0.5\n\
                    generated = 1.0\n[loss]\nfloor = 0.0\nscale = 0.1\noffset = 1.0\nexponent = 0.5\ngenerated = 1.0\n";
        assert!(Forecast::parse(good).is_ok());
        for (bad, expected) in [
            (good.replacen("scale", "scales", 1), "line 5: unknown field `scales`"),
            (good.replacen("generated = 1.0", "generated = 1.5", 1), "error.generated: is 1.5; it must lie in [0, 1]"),
            (good.replacen("0.5 }", "-0.5 }", 1), "nobody.error: is -0.5"),
            (good.replacen("classes", "target = [0.5, 0.6]\nclasses", 1), "target: needs 2 shares"),
            (good.replacen("floor = 0.0", "floor = nan", 1), "error.floor: is NaN"),
        ] {
            let error = Forecast::parse(&bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
        }
    }
}
