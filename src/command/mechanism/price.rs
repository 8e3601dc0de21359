//! `imfl mechanism price`.

use super::inputs::{self, Valuation};
use super::{outcome, page};
use crate::options::{self, INFORMATION, choice};
use crate::output::{self, Format};
use clap::{Args, ValueEnum};
use imfl_mechanism::posted::{self, Sampling};
use imfl_mechanism::prior::Prior;
use imfl_mechanism::{Market, personal};
use imfl_report::{market, plot};
use imfl_run::config::Information;
use imfl_run::{Failure, Kind, Outcome, Progress};
use serde::Serialize;
use std::path::PathBuf;

/// What prices depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Offers {
    /// One price per effective sample for everyone
    #[default]
    Uniform,
    /// To each client the mode that is best for the server, paid at cost
    Personal,
}

/// `imfl mechanism price`.
#[derive(Args)]
pub struct Price {
    /// CSV file: client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch and, if known, label
    /// shares p0,p1,... or counts n0,n1,...
    #[arg(long, value_name = "FILE.csv")]
    clients: PathBuf,
    #[command(flatten)]
    valuation: Valuation,
    /// What the server knows about costs
    #[arg(long, value_parser = choice(&INFORMATION), default_value = "complete")]
    information: Information,
    /// One price for everyone, or an offer to each
    #[arg(long, value_enum, default_value_t)]
    offers: Offers,
    /// With incomplete information, what the server believes about costs: TOML with distributions or CSV with observed
    /// costs; the costs in the client file, as a distribution, if absent
    #[arg(long, value_name = "FILE.toml|FILE.csv")]
    prior: Option<PathBuf>,
    /// Scenarios drawn from the prior
    #[arg(long, default_value_t = 1000)]
    scenarios: u32,
    /// Seed of the scenarios; drawn and printed if absent
    #[arg(long, env = "IMFL_SEED")]
    seed: Option<u64>,
    /// Personal offers: stop once within this share of the optimum
    #[arg(long, default_value_t = 0.0)]
    gap: f64,
    /// Personal offers: stop after about this many evaluations of a client, about 10^8 a second
    #[arg(long, default_value_t = personal::Options::default().effort)]
    effort: u64,
    /// Also run the benchmark mechanisms
    #[arg(long)]
    compare: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Draw server cost against price, and who plays what over (compute cost, skew)
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write a page: what is bought, for how much, who sells, and how the price was made
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// What the server expects of its price.
#[derive(Serialize)]
struct Expectation {
    server_cost: f64,
    standard_error: f64,
    /// The same price on as many scenarios that it was not chosen on.
    fresh_server_cost: f64,
    fresh_standard_error: f64,
    scenarios: u32,
    seed: u64,
    prior: String,
    sensitivity: Vec<Sensitivity>,
}

/// What happens if all costs are a factor off.
#[derive(Serialize)]
struct Sensitivity {
    cost_factor: f64,
    best_price: f64,
    server_cost_at_best: f64,
    server_cost_at_price: f64,
    regret: f64,
}

/// What a benchmark mechanism does.
#[derive(Serialize)]
struct Comparison {
    mechanism: &'static str,
    participants: usize,
    accuracy_loss: f64,
    payments: f64,
    server_cost: f64,
}

#[derive(Serialize)]
struct Extra {
    information: Information,
    offers: Offers,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Expectation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    benchmarks: Vec<Comparison>,
}

impl Price {
    /// Runs the command.
    pub fn run(self, progress: &Progress) -> Outcome {
        if self.offers == Offers::Personal && self.information == Information::Incomplete {
            let problem =
                "--offers personal needs to know every client's costs: use --information complete, or --offers uniform";
            return Err(Failure::new(Kind::Usage, problem));
        }
        if self.prior.is_some() && self.information == Information::Complete {
            let problem =
                "--prior is what a server believes that does not know the costs: add --information incomplete";
            return Err(Failure::new(Kind::Usage, problem));
        }
        options::check(&[
            ("--gap", (0.0..1.0).contains(&self.gap), "at least 0 and below 1"),
            ("--scenarios", (1..=1_000_000).contains(&self.scenarios), "from 1 to 1000000"),
        ])?;
        let market = self.valuation.market(&self.clients, progress)?;
        let (outcome, expected) = match (self.offers, self.information) {
            (Offers::Personal, _) => {
                (personal::offers(&market, personal::Options { gap: self.gap, effort: self.effort })?, None)
            }
            (Offers::Uniform, Information::Complete) => (posted::complete(&market)?, None),
            (Offers::Uniform, Information::Incomplete) => {
                let (outcome, expected) = self.expect(&market, progress)?;
                (outcome, Some(expected))
            }
        };
        let benchmarks = if self.compare { compare(&market, self.seed.unwrap_or(0))? } else { Vec::new() };
        if let Some(path) = &self.plot {
            output::write(path, plot::market::svg(&market, &outcome)?)?;
        }
        if let Some(path) = &self.report {
            let expected = expected.as_ref().map(|expected| (expected.server_cost, expected.standard_error));
            let told = page::told(self.offers == Offers::Personal, self.information, expected);
            output::write(path, market::page(&market, &outcome, &told)?)?;
        }
        let extra = Extra { information: self.information, offers: self.offers, expected, benchmarks };
        match self.format {
            Format::Json => outcome::json("imfl.price/1", &market, &outcome, &extra),
            Format::Text => output::text(&(outcome::describe(&market, &outcome) + &describe(&outcome, &extra))),
        }
    }

    /// The best price for what the server believes, and how sure that is.
    fn expect(&self, market: &Market, progress: &Progress) -> Outcome<(imfl_mechanism::Outcome, Expectation)> {
        let (known, name) = match &self.prior {
            Some(path) => (inputs::prior(path)?, path.display().to_string()),
            None => {
                progress.note(
                    "no --prior: the server knows the costs of the client file as a distribution, not whose they are",
                );
                (Prior::of(market.population()), "the costs in the client file".into())
            }
        };
        let seed = self.seed.unwrap_or_else(|| {
            let seed = rand::random::<u32>().into();
            progress.note(format!("seed {seed}"));
            seed
        });
        let sampling = Sampling { scenarios: self.scenarios, seed };
        let (outcome, posted::Expectation { chosen, fresh, sensitivity }) = posted::expect(market, &known, sampling)?;
        let sensitivity = sensitivity.into_iter().map(|found| Sensitivity {
            cost_factor: found.factor,
            best_price: found.best.price.to_f64(),
            server_cost_at_best: found.best.server_cost,
            server_cost_at_price: found.kept.server_cost,
            regret: found.regret(),
        });
        let expectation = Expectation {
            server_cost: chosen.server_cost,
            standard_error: chosen.standard_error,
            fresh_server_cost: fresh.server_cost,
            fresh_standard_error: fresh.standard_error,
            scenarios: self.scenarios,
            seed,
            prior: name,
            sensitivity: sensitivity.collect(),
        };
        Ok((outcome, expectation))
    }
}

fn compare(market: &Market, seed: u64) -> Outcome<Vec<Comparison>> {
    let compared = imfl_mechanism::compare(market, seed)?.into_iter().map(|(mechanism, outcome)| Comparison {
        mechanism,
        participants: outcome.participants(),
        accuracy_loss: outcome.phi(),
        payments: outcome.payments.to_f64(),
        server_cost: outcome.server_cost.to_f64(),
    });
    Ok(compared.collect())
}

/// The share of the server cost that lies above its lower bound.
fn savings(outcome: &imfl_mechanism::Outcome) -> f64 {
    let (cost, bound) = (outcome.server_cost.to_f64(), outcome.lower_bound.to_f64());
    if cost > 0.0 { ((cost - bound) / cost).clamp(0.0, 1.0) } else { 0.0 }
}

fn describe(outcome: &imfl_mechanism::Outcome, extra: &Extra) -> String {
    let mut lines = vec![match (extra.offers, extra.information, outcome.exact) {
        (Offers::Uniform, Information::Complete, _) => "no other single price costs less: exact".into(),
        (Offers::Uniform, Information::Incomplete, _) => {
            format!("lower bound     {} credits, the best single price if every cost were known", outcome.lower_bound)
        }
        (Offers::Personal, _, true) => "no other choice of modes costs less: exact".into(),
        (Offers::Personal, _, false) => format!(
            "lower bound     {} credits, certified: at most {:.3} % of the server cost could be saved",
            outcome.lower_bound,
            100.0 * savings(outcome)
        ),
    }];
    if let Some(expected) = &extra.expected {
        lines.push(format!(
            "expected        {:.6} +- {:.6} credits over {} scenarios from {} (seed {}); {:.6} +- {:.6} on fresh ones",
            expected.server_cost,
            expected.standard_error,
            expected.scenarios,
            expected.prior,
            expected.seed,
            expected.fresh_server_cost,
            expected.fresh_standard_error
        ));
        let rows = expected.sensitivity.iter().map(|found| {
            vec![
                format!("{:.2}", found.cost_factor),
                format!("{:.9}", found.best_price),
                format!("{:.6}", found.server_cost_at_best),
                format!("{:.6}", found.server_cost_at_price),
                format!("{:.6}", found.regret),
            ]
        });
        let header = ["costs times", "best price", "its cost", "cost at this price", "regret"];
        lines.push(format!("\nif the prior is off\n{}", output::trimmed(&output::table(&header, 0, rows))));
    }
    if !extra.benchmarks.is_empty() {
        let rows = extra.benchmarks.iter().map(|of| {
            vec![
                of.mechanism.to_owned(),
                of.participants.to_string(),
                format!("{:.6}", of.accuracy_loss),
                format!("{:.6}", of.payments),
                format!("{:.6}", of.server_cost),
            ]
        });
        let header = ["benchmark", "who", "accuracy loss", "payments", "server cost"];
        lines.push(format!("\n{}", output::trimmed(&output::table(&header, 1, rows))));
    }
    lines.join("\n") + "\n"
}
