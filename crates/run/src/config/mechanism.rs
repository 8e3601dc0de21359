//! What the server knows and wants.

use crate::failure::{Failure, Kind, Outcome};
use crate::limits;
use crate::setting::{Value, Wrong, settings};
use imfl_mechanism::prior::Distribution;
use imfl_mechanism::{Bias, RuleChoice, Target, TargetChoice};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

settings! {
    /// What the server knows and wants.
    MechanismConfig {
        /// Which rule decides who takes part, in which mode, for how much.
        rule: Option<RuleChoice> = None, flag "rule", absent "the posted price, by the server's information";
        /// What the server that posts a price knows of costs: each, or their distribution; a rule wins over it.
        information: Information = Information::Incomplete, flag "information";
        /// What participants are worth by: the accuracy that pilots let the server expect of them, or a convergence bound.
        objective: ObjectiveChoice = ObjectiveChoice::Forecast, flag "objective";
        /// Forecast: credits that a percentage point of test accuracy is worth.
        worth: f64 = 5.0, flag "worth";
        /// Forecast: a file of laws; where it is not there yet, it is fitted to pilots and written.
        forecast: Option<PathBuf> = None, flag "forecast", absent "the shipped one if it fits, else one of an earlier run, else by pilots";
        /// Forecast: seconds that pilots may take.
        pilots: Option<f64> = None, flag "pilots", absent "as much work as the training, of small models a minute of one core";
        /// Bound: kappa, credits that a unit of accuracy loss is worth.
        weight: f64 = 0.3, flag "weight";
        /// Which bound on the bias of the aggregate gradient is used.
        bias: Bias = Bias::Mixture;
        /// Label shares aimed at; a file holds one number for each class.
        target: TargetSource = TargetSource::Uniform;
        /// What the server believes about device factors.
        prior: Option<Distribution> = None, absent "the true distribution";
        /// Rounds that pay is decided for; each further one is paid like these.
        rounds: Option<u64> = None, absent "training.rounds";
        /// Samples of the prior over which the expected server cost is averaged.
        scenarios: u32 = 1000;
    }
}

impl MechanismConfig {
    /// The rule that decides; a posted price knows what the server knows.
    pub fn rule(&self) -> RuleChoice {
        self.rule.unwrap_or(match self.information {
            Information::Complete => RuleChoice::PostedPriceComplete,
            Information::Incomplete => RuleChoice::PostedPrice,
        })
    }
}

/// What participants are worth by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectiveChoice {
    /// The accuracy to expect of them, by laws that pilots were measured for.
    Forecast,
    /// Phi, the part of a convergence bound that depends on who takes part.
    Bound,
}

impl FromStr for ObjectiveChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "forecast" => Ok(Self::Forecast),
            "bound" => Ok(Self::Bound),
            _ => Err(format!("`{text}` is neither forecast nor bound")),
        }
    }
}

impl fmt::Display for ObjectiveChoice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Forecast => "forecast",
            Self::Bound => "bound",
        })
    }
}

/// What the server knows about costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Information {
    /// Every client's costs.
    Complete,
    /// Only their distribution.
    Incomplete,
}

impl FromStr for Information {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "complete" => Ok(Self::Complete),
            "incomplete" => Ok(Self::Incomplete),
            _ => Err(format!("`{text}` is neither complete nor incomplete")),
        }
    }
}

impl fmt::Display for Information {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
        })
    }
}

/// Where the label shares that the server aims at come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TargetSource {
    /// All classes alike.
    Uniform,
    /// The clients' samples taken together.
    Pooled,
    /// A file of numbers.
    File(PathBuf),
}

impl TargetSource {
    /// The label shares; `said` is how the target was said, for the error.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the file and what is wrong with it.
    pub fn read(&self, said: &str) -> Outcome<TargetChoice> {
        match self {
            Self::Uniform => Ok(TargetChoice::Uniform),
            Self::Pooled => Ok(TargetChoice::Pooled),
            Self::File(path) => {
                let named =
                    |problem: String| Failure::new(Kind::Config, format!("{said} {}: {problem}", path.display()));
                let text = limits::read_text(path).map_err(|error| {
                    named(format!("neither `uniform`, `pooled` nor a file that can be read ({error})"))
                })?;
                Ok(TargetChoice::Shares(Target::parse(&text).map_err(|error| named(error.to_string()))?))
            }
        }
    }
}

impl From<String> for TargetSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "uniform" => Self::Uniform,
            "pooled" => Self::Pooled,
            _ => Self::File(text.into()),
        }
    }
}

impl From<TargetSource> for String {
    fn from(source: TargetSource) -> Self {
        match source {
            TargetSource::Uniform => "uniform".into(),
            TargetSource::Pooled => "pooled".into(),
            TargetSource::File(path) => path.display().to_string(),
        }
    }
}

impl Value for TargetSource {
    fn read(text: &str) -> Result<Self, Wrong> {
        Ok(String::from(text).into())
    }

    fn write(&self) -> String {
        self.clone().into()
    }

    fn offered() -> Option<String> {
        Some("uniform, pooled or FILE".into())
    }
}
