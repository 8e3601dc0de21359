//! How outcomes are printed: JSON for programs, tables for people.

use crate::output::{print, table, trimmed};
use imfl_mechanism::{Credits, Market, Mode, Printable, Terms};
use imfl_run::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;

/// Clients that a person is shown; JSON has all of them.
const SHOWN: usize = 40;

/// One client's part.
#[derive(Serialize)]
struct Award<'a> {
    client: &'a str,
    mode: Mode,
    payment: f64,
    cost: f64,
    utility: f64,
    effective_samples: f64,
    weight: f64,
}

/// An outcome the way it is printed; money in credits, exact to the micro-credit.
#[derive(Serialize)]
struct Document<'a, E: Serialize> {
    schema: &'static str,
    price: Option<f64>,
    clients: Vec<Award<'a>>,
    objective: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<Predicted>,
    accuracy_loss: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    terms: BTreeMap<&'static str, f64>,
    weighted_accuracy_loss: f64,
    payments: f64,
    server_cost: f64,
    lower_bound: f64,
    gap: f64,
    exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    theorem_holds: Option<bool>,
    #[serde(flatten)]
    extra: &'a E,
}

/// What the server may expect of the trained model, and how far off that was on pilots that it had not seen.
#[derive(Serialize)]
struct Predicted {
    accuracy: f64,
    loss: f64,
    error_points: Option<f64>,
}

fn predicted(market: &Market, outcome: &imfl_mechanism::Outcome) -> Option<Predicted> {
    let prediction = outcome.appraisal.prediction()?;
    let fitted = market.forecast().and_then(|model| model.forecast().fitted.as_ref());
    let error_points = fitted.map(|fitted| fitted.error.usual());
    Some(Predicted { accuracy: prediction.accuracy(), loss: prediction.loss, error_points })
}

/// Prints an outcome as one JSON object; `extra` are the command's own fields.
pub fn json(
    schema: &'static str,
    market: &Market,
    outcome: &imfl_mechanism::Outcome,
    extra: &impl Serialize,
) -> Outcome {
    let weights = market.aggregation_weights(&outcome.modes());
    let clients = market.clients().iter().zip(&outcome.awards).zip(weights).enumerate();
    let clients = clients.map(|(index, ((client, award), weight))| Award {
        client: client.id(),
        mode: award.mode,
        payment: award.payment.to_f64(),
        cost: award.cost.to_f64(),
        utility: award.utility().to_f64(),
        effective_samples: market.effective_samples(index, award.mode),
        weight,
    });
    print(&Document {
        schema,
        price: outcome.price.map(|price| price.to_f64()),
        clients: clients.collect(),
        objective: market.objective().name(),
        worth: market.forecast().map(|model| model.worth().credits()),
        predicted: predicted(market, outcome),
        accuracy_loss: outcome.phi(),
        terms: outcome.terms().iter().flat_map(Terms::named).collect(),
        weighted_accuracy_loss: outcome.accuracy_loss.to_f64(),
        payments: outcome.payments.to_f64(),
        server_cost: outcome.server_cost.to_f64(),
        lower_bound: outcome.lower_bound.to_f64(),
        gap: outcome.gap(),
        exact: outcome.exact,
        theorem_holds: market.bound().map(|bound| bound.constants().theorem_holds()),
        extra,
    })
}

/// The outcome as a person reads it: who does what for how much, where the accuracy loss comes from, what it all costs.
pub fn describe(market: &Market, outcome: &imfl_mechanism::Outcome) -> String {
    let mut lines = Vec::new();
    let fixed = |credits: Credits| format!("{:.6}", credits.to_f64());
    let rows = market.clients().iter().zip(&outcome.awards).enumerate().take(SHOWN).map(|(index, (client, award))| {
        vec![
            Printable(client.id()).to_string(),
            award.mode.to_string(),
            client.samples().to_string(),
            format!("{:.4}", client.skew()),
            format!("{:.2}", market.effective_samples(index, award.mode)),
            fixed(award.payment),
            fixed(award.cost),
            fixed(award.utility()),
        ]
    });
    let header = ["client", "mode", "samples", "skew", "effective", "payment", "cost", "utility"];
    lines.push(trimmed(&table(&header, 2, rows)));
    if market.len() > SHOWN {
        lines.push(format!("... and {} more clients; --format json has all of them", market.len() - SHOWN));
    }
    let count = |mode| outcome.awards.iter().filter(|award| award.mode == mode).count();
    let [out, local, augmented] = Mode::ALL.map(count);
    lines.push(String::new());
    if let Some(price) = outcome.price {
        lines.push(format!("price           {price} credits per effective sample"));
    }
    lines.push(format!("who             {augmented} augmented, {local} local, {out} out"));
    lines.push(valued(market, outcome));
    lines.join("\n") + "\n"
}

/// What participants are worth, and what that costs with their payments.
fn valued(market: &Market, outcome: &imfl_mechanism::Outcome) -> String {
    let (cost, loss, paid) = (outcome.server_cost, outcome.accuracy_loss, outcome.payments);
    match predicted(market, outcome) {
        Some(Predicted { accuracy, loss: nats, error_points }) => {
            let known = error_points.map_or(String::new(), |points| format!(" +- {points:.2} points"));
            format!(
                "predicted       accuracy {:.2} %{known}, loss {nats:.4}\n\
                 server cost     {cost} credits = {loss} for what is missing + {paid} in payments",
                100.0 * accuracy
            )
        }
        None => {
            let terms = outcome.terms();
            let terms = terms.iter().flat_map(Terms::named).map(|(name, value)| format!("{name} {value:.4}"));
            let terms: Vec<String> = terms.collect();
            format!(
                "accuracy loss   {:.6} = {}\n\
                 server cost     {cost} credits = {loss} for the accuracy loss + {paid} in payments",
                outcome.phi(),
                terms.join(" + ")
            )
        }
    }
}
