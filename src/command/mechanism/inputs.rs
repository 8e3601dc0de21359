//! What `price` and `auction` are told alike: clients, constants, and how the server values participants.

use crate::options;
use clap::{Args, ValueEnum};
use imfl_mechanism::prior::{Parametric, Prior};
use imfl_mechanism::{Bias, Constants, Forecast, ForecastModel, LossModel, Market, Population, Weights, Worth};
use imfl_run::config::{self, TargetSource};
use imfl_run::limits;
use imfl_run::{Failure, Kind, Outcome, Progress};
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What participants are worth to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The accuracy loss of a convergence bound: --theta, --weight, --constants
    #[default]
    Bound,
    /// The test error or loss to expect: --forecast, --worth
    Forecast,
}

/// What the server pays for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// A percentage point of test accuracy
    #[default]
    Point,
    /// A nat of test loss
    Nat,
}

/// How the server values participants.
#[derive(Args)]
pub struct Valuation {
    /// What participants are worth to the server
    #[arg(long, value_enum, default_value_t)]
    objective: Objective,
    /// Quality of generated data: 0 is as good as authentic, 1 as bad as none [forecast: what the law makes of them]
    #[arg(long, allow_negative_numbers = true)]
    theta: Option<f64>,
    /// Bound: kappa, credits that a unit of accuracy loss is worth
    #[arg(long, allow_negative_numbers = true, value_name = "KAPPA")]
    weight: Option<f64>,
    /// Bound: TOML file with g_data, sigma, smoothness, rate and local_steps
    #[arg(long, value_name = "FILE.toml")]
    constants: Option<PathBuf>,
    /// Forecast: TOML file with the laws, as `imfl mechanism forecast fit` writes it
    #[arg(long, value_name = "FILE.toml")]
    forecast: Option<PathBuf>,
    /// Forecast: credits that a percentage point of accuracy, or a nat of loss, is worth
    #[arg(long, allow_negative_numbers = true, value_name = "CREDITS")]
    worth: Option<f64>,
    /// Forecast: what --worth is for
    #[arg(long, value_enum, default_value_t)]
    per: Per,
    /// Bound on the bias: aligned (skews only, the worst case) or mixture (needs the label shares p0, p1, ...)
    #[arg(long, default_value_t)]
    bias: Bias,
    /// What aggregation weights are proportional to: effective (samples) or samples
    #[arg(long, default_value_t)]
    weights: Weights,
    /// The label distribution to train for: uniform, pooled, or a file of shares
    #[arg(long, default_value = "uniform", value_name = "uniform|pooled|FILE")]
    target: String,
}

impl Valuation {
    /// Reads the clients of a file into a market.
    pub fn market(&self, clients: &Path, progress: &Progress) -> Outcome<Market> {
        let within = |value: &Option<f64>, most: f64| value.is_none_or(|value| (0.0..=most).contains(&value));
        let most = imfl_mechanism::objective::MAX_THETA as f64;
        options::check(&[
            ("--theta", within(&self.theta, most), &format!("a number from 0 to {most}")),
            ("--weight", within(&self.weight, 1e12), "a number from 0 to 1e12"),
            ("--worth", within(&self.worth, 1e12), "a number from 0 to 1e12"),
        ])?;
        let target = TargetSource::from(self.target.clone()).read("--target")?;
        let objective: Arc<dyn imfl_mechanism::Objective> = match self.objective {
            Objective::Bound => Arc::new(self.bound(progress)?),
            Objective::Forecast => Arc::new(self.predicted()?),
        };
        let file = open(clients, Kind::Data)?;
        let population = Population::read_csv(file, &clients.display().to_string(), &target)?;
        Ok(Market::with_objective(population, objective)?)
    }

    fn bound(&self, progress: &Progress) -> Outcome<LossModel> {
        let (Some(theta), Some(weight), Some(path)) = (self.theta, self.weight, &self.constants) else {
            let problem = "--objective bound needs --theta, --weight and --constants; or use --objective forecast";
            return Err(Failure::new(Kind::Usage, problem));
        };
        if self.forecast.is_some() || self.worth.is_some() || self.per != Per::Point {
            return Err(Failure::new(Kind::Usage, "--forecast, --worth and --per belong to --objective forecast"));
        }
        let constants: Constants = config::read_as(path)?;
        let named = |error| Failure::new(Kind::Config, format!("{}: {error}", path.display()));
        constants.check().map_err(named)?;
        if !constants.theorem_holds() {
            progress.warn(format!(
                "rate {} is above 1/(4 L h) = {:.3e}: the theorem bounds nothing there, and how the accuracy loss ranks \
                 participants has not been shown",
                constants.rate,
                constants.largest_rate()
            ));
        }
        Ok(LossModel::new(constants, theta, weight, self.bias, self.weights)?)
    }

    fn predicted(&self) -> Outcome<ForecastModel> {
        let (Some(path), Some(worth)) = (&self.forecast, self.worth) else {
            return Err(Failure::new(
                Kind::Usage,
                "--objective forecast needs --forecast FILE.toml and --worth CREDITS",
            ));
        };
        if self.weight.is_some() || self.constants.is_some() {
            return Err(Failure::new(Kind::Usage, "--weight and --constants belong to --objective bound"));
        }
        let worth = match self.per {
            Per::Point => Worth::Point(worth),
            Per::Nat => Worth::Nat(worth),
        };
        Ok(ForecastModel::new(forecast(path)?, worth, self.theta, self.weights)?)
    }
}

/// A forecast from its file.
pub fn forecast(path: &Path) -> Outcome<Forecast> {
    let forecast: Forecast = config::read_as(path)?;
    let named = |error| Failure::new(Kind::Config, format!("{}: {error}", path.display()));
    forecast.check().map_err(named)?;
    Ok(forecast)
}

/// A prior from a file: TOML with a distribution for each cost, or CSV with observed costs.
pub fn prior(path: &Path) -> Outcome<Prior> {
    let named = |error| Failure::new(Kind::Config, format!("{}: {error}", path.display()));
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        let file = open(path, Kind::Config)?;
        return Prior::read_csv(file, "prior").map_err(named);
    }
    let parametric: Parametric = config::read_as(path)?;
    Prior::parametric(parametric).map_err(named)
}

pub fn open(path: &Path, kind: Kind) -> Outcome<std::io::BufReader<impl std::io::Read>> {
    let file =
        File::open(path).map_err(|error| Failure::new(kind, format!("cannot read {}: {error}", path.display())))?;
    Ok(std::io::BufReader::new(limits::bounded(file)))
}
