//! `imfl mechanism auction`.

use super::inputs::{self, Valuation};
use super::outcome;
use crate::output::{self, Format};
use clap::{Args, ValueEnum};
use imfl_mechanism::Credits;
use imfl_mechanism::auction::{Call, Held};
use imfl_mechanism::personal::Options;
use imfl_report::market;
use imfl_run::{Failure, Kind, Outcome, Progress};
use serde::Serialize;
use std::path::PathBuf;

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Rule {
    /// Vickrey-Clarke-Groves over modes: the cheapest allocation, everyone paid its externality
    Vcg,
    /// The lowest expected server cost under a prior over training costs (Myerson)
    Optimal,
    /// As many effective samples as a budget buys (Chen, Gravin, Lu: at least 1/(2 + sqrt 2) of the optimum)
    Budget,
}

impl Rule {
    /// Its name, and how it pays, for who meets it first.
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Vcg => (
                "VCG auction",
                "Each bids what taking part costs it. The cheapest choice of who does what is made, and whoever is in it gets what the \
                 others would lose without it.",
            ),
            Self::Optimal => (
                "optimal auction",
                "Each bids what training costs it. Who takes part is chosen so that the server's cost is the lowest to be expected, and a \
                 winner gets the highest bid with which it would still have won.",
            ),
            Self::Budget => (
                "budget auction",
                "Each bids what taking part costs it. The server buys as many effective samples as a budget allows, and a winner gets the \
                 highest bid with which it would still have won.",
            ),
        }
    }
}

/// `imfl mechanism auction`.
#[derive(Args)]
pub struct Auction {
    /// How winners and payments are decided
    #[arg(long, value_enum)]
    rule: Rule,
    /// CSV file of bids, with the columns of a client file; the costs are what clients ask
    #[arg(long, value_name = "FILE.csv")]
    bids: PathBuf,
    #[command(flatten)]
    valuation: Valuation,
    /// The optimal auction's belief about compute_cost: TOML with a distribution or CSV with observed costs
    #[arg(long, value_name = "FILE.toml|FILE.csv")]
    prior: Option<PathBuf>,
    /// The most that the budget-feasible auction pays in all, in credits
    #[arg(long, value_name = "CREDITS", allow_negative_numbers = true)]
    budget: Option<String>,
    /// Stop each search for an allocation after about this many evaluations of a client, about 10^8 a second
    #[arg(long, default_value_t = Options::default().effort)]
    effort: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write a page: what is bought, for how much, who sells, and how payments were made
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Extra {
    rule: Rule,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ironed: Option<bool>,
    information: &'static str,
    guarantees: Vec<String>,
    source: &'static str,
}

impl Auction {
    /// Runs the command.
    pub fn run(self, progress: &Progress) -> Outcome {
        let budget = self.budget()?;
        let market = self.valuation.market(&self.bids, progress)?;
        let options = Options { effort: self.effort, ..Options::default() };
        let call = match self.rule {
            Rule::Vcg => Call::Vcg,
            Rule::Budget => Call::Budget(budget.unwrap_or_default()),
            Rule::Optimal => Call::Optimal(self.prior.as_deref().map(inputs::prior).transpose()?),
        };
        if call == Call::Optimal(None) {
            progress.warn(
                "no --prior: the bids themselves serve as the prior, so a bid moves the payments and truthfulness is \
                 not guaranteed; give --prior with what was known before anyone bid",
            );
        }
        let Held { outcome, facts, ironed } = call.hold(&market, options)?;
        if !outcome.exact {
            progress.warn(format!(
                "the allocation is within {:.3} % of the optimum, not exact: nobody can gain more than that gap by lying",
                100.0 * outcome.gap()
            ));
        }
        let extra = Extra {
            rule: self.rule,
            budget: budget.map(Credits::to_f64),
            ironed,
            information: facts.information,
            guarantees: facts.guarantees.iter().map(ToString::to_string).collect(),
            source: facts.source,
        };
        if let Some(path) = &self.report {
            let (rule, how) = self.rule.told();
            let told = market::Told {
                title: "imfl mechanism auction",
                rule,
                how,
                bound: "paying everyone its bid and no more",
                expected: None,
                promises: &extra.guarantees,
                source: Some(extra.source),
            };
            output::write(path, market::page(&market, &outcome, &told)?)?;
        }
        match self.format {
            Format::Json => outcome::json("imfl.auction/1", &market, &outcome, &extra),
            Format::Text => {
                let mut text = outcome::describe(&market, &outcome);
                text +=
                    &format!("lower bound     {} credits: everyone's bid as a personal offer\n", outcome.lower_bound);
                text += &format!("rule            {}\n                {}\n", extra.source, extra.information);
                text += &format!("promises        {}\n", extra.guarantees.join(", "));
                output::text(&text)
            }
        }
    }

    fn budget(&self) -> Outcome<Option<Credits>> {
        let usage = |problem: String| Failure::new(Kind::Usage, problem);
        match (self.rule, &self.budget) {
            (Rule::Budget, None) => {
                Err(usage("--rule budget needs --budget CREDITS, the most that it may pay in all".into()))
            }
            (Rule::Budget, Some(text)) => match text.parse::<Credits>() {
                Ok(budget) if budget >= Credits::ZERO => Ok(Some(budget)),
                Ok(budget) => Err(usage(format!("--budget {budget} is negative"))),
                Err(error) => Err(usage(format!("--budget {error}"))),
            },
            (_, Some(_)) => Err(usage("--budget belongs to --rule budget".into())),
            (_, None) => Ok(None),
        }
    }
}
