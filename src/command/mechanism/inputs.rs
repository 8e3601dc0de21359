//! What `price` and `auction` are told alike: clients, constants, and how the server values participants.

use clap::Args;
use imfl_mechanism::prior::{Parametric, Prior};
use imfl_mechanism::{Bias, Constants, LossModel, Market, Population, Target, TargetChoice, Weights};
use imfl_run::config;
use imfl_run::{Failure, Kind, Outcome, Progress};
use std::fs::File;
use std::path::{Path, PathBuf};

/// How the server values participants.
#[derive(Args)]
pub struct Valuation {
    /// Quality of generated data: 0 is as good as authentic, 1 as bad as none
    #[arg(long, value_parser = theta, allow_negative_numbers = true)]
    theta: f64,
    /// kappa: credits that a unit of accuracy loss is worth
    #[arg(long, value_parser = weight, allow_negative_numbers = true, value_name = "KAPPA")]
    weight: f64,
    /// TOML file with g_data, sigma, smoothness, rate and local_steps
    #[arg(long, value_name = "FILE.toml")]
    constants: PathBuf,
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

fn theta(text: &str) -> Result<f64, String> {
    number(text, imfl_mechanism::objective::MAX_THETA as f64)
}

fn weight(text: &str) -> Result<f64, String> {
    number(text, 1e12)
}

fn number(text: &str, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=most).contains(&value) => Ok(value),
        Ok(_) => Err(format!("must lie in [0, {most}]")),
        Err(_) => Err("is not a number".into()),
    }
}

impl Valuation {
    /// Reads the clients of a file into a market.
    pub fn market(&self, clients: &Path, progress: &Progress) -> Outcome<Market> {
        let constants: Constants = config::read_as(&self.constants)?;
        let named = |error| Failure::new(Kind::Config, format!("{}: {error}", self.constants.display()));
        constants.check().map_err(named)?;
        let model = LossModel::new(constants, self.theta, self.weight, self.bias, self.weights)?;
        let target = self.target()?;
        let file = open(clients, Kind::Data)?;
        let population = Population::read_csv(file, &clients.display().to_string(), &target)?;
        if !constants.theorem_holds() {
            progress.warn(format!(
                "rate {} is above 1/(4 L h) = {:.3e}: the accuracy loss still ranks participants, but the theorem bounds \
                 nothing",
                constants.rate,
                constants.largest_rate()
            ));
        }
        Ok(Market::new(population, model)?)
    }

    fn target(&self) -> Outcome<TargetChoice> {
        match self.target.as_str() {
            "uniform" => Ok(TargetChoice::Uniform),
            "pooled" => Ok(TargetChoice::Pooled),
            path => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let problem =
                        format!("--target {path}: neither `uniform`, `pooled` nor a file that can be read ({error})");
                    Failure::new(Kind::Config, problem)
                })?;
                let named = |error| Failure::new(Kind::Config, format!("{path}: {error}"));
                Ok(TargetChoice::Shares(Target::parse(&text).map_err(named)?))
            }
        }
    }
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

fn open(path: &Path, kind: Kind) -> Outcome<std::io::BufReader<File>> {
    let file =
        File::open(path).map_err(|error| Failure::new(kind, format!("cannot read {}: {error}", path.display())))?;
    Ok(std::io::BufReader::new(file))
}
