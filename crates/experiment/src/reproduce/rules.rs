//! One rule on one market, and what is kept of it.

use super::column::{Column, Groups, object};
use super::world::Place;
use imfl_mechanism::personal::Options;
use imfl_mechanism::{Knowledge, Mode, RuleChoice};
use imfl_report::plot::{INK, class_colour};
use imfl_run::failure::Outcome;
use plotters::style::RGBColor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a rule decided. Money is in credits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// J = kappa Phi + payments.
    pub server_cost: f64,
    /// kappa Phi.
    pub accuracy_loss: f64,
    /// Sum of payments.
    pub payments: f64,
    /// What the participants' work costs them.
    pub costs: f64,
    /// The mode of each client.
    pub modes: Vec<Mode>,
    /// Whether the rule's search was carried to the end.
    pub exact: bool,
}

impl Decided {
    /// Clients in local mode.
    pub fn local(&self) -> usize {
        self.modes.iter().filter(|mode| **mode == Mode::Local).count()
    }

    /// Clients in augmented mode.
    pub fn augmented(&self) -> usize {
        self.modes.iter().filter(|mode| **mode == Mode::Augmented).count()
    }
}

impl From<&imfl_mechanism::Outcome> for Decided {
    fn from(outcome: &imfl_mechanism::Outcome) -> Self {
        Self {
            server_cost: outcome.server_cost.to_f64(),
            accuracy_loss: outcome.accuracy_loss.to_f64(),
            payments: outcome.payments.to_f64(),
            costs: outcome.awards.iter().map(|award| award.cost.to_f64()).sum(),
            modes: outcome.modes(),
            exact: outcome.exact,
        }
    }
}

/// Runs a rule with so much effort for each allocation problem.
pub fn decide(rule: RuleChoice, place: &Place, effort: u64) -> Outcome<Decided> {
    let options = Options { effort, ..Options::default() };
    let knowledge = Knowledge { options, ..place.knowledge.clone() };
    let outcome = rule.mechanism(&place.market, &knowledge)?.run(&place.market)?;
    Ok((&outcome).into())
}

/// A JSON object for each group: its key under `name`, then what each rule's columns have.
pub fn points<R>(
    name: &str,
    groups: &Groups<f64, BTreeMap<RuleChoice, R>>,
    rules: &[RuleChoice],
    columns: &[Column<R>],
) -> Value {
    let point = |(key, results): &(f64, Vec<&BTreeMap<RuleChoice, R>>)| {
        let of = |rule: &RuleChoice| {
            let mut of = object(columns, &results.iter().map(|rules| &rules[rule]).collect::<Vec<&R>>());
            of.insert("rule".into(), json!(rule));
            Value::Object(of)
        };
        json!({ name: key, "rules": rules.iter().map(of).collect::<Value>() })
    };
    groups.0.iter().map(point).collect()
}

/// The colour of a rule, in every figure.
pub fn colour(rule: RuleChoice) -> RGBColor {
    match rule {
        RuleChoice::PostedPrice => INK,
        RuleChoice::PostedPriceComplete => RGBColor(52, 107, 163),
        RuleChoice::OptimalAuction => RGBColor(222, 118, 48),
        RuleChoice::Vcg => RGBColor(150, 60, 140),
        RuleChoice::PersonalOffers => RGBColor(90, 90, 90),
        RuleChoice::BudgetFeasible(_) => RGBColor(70, 140, 120),
        // Yellow is no colour for a thin line.
        RuleChoice::EveryoneAugmented => class_colour(1),
        // The benchmarks, in their order; the first two class colours are too close to those above.
        benchmark => class_colour(benchmark.ordinal() + 2),
    }
}
