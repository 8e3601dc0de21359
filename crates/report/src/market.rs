//! The page of a market: what is bought, for how much, whether it could cost less; then who sells, then how prices were made.

use crate::page;
use crate::palette::{hex, mode_colour};
use crate::plot;
use crate::scale::number;
use crate::section;
use crate::table::Table;
use imfl_mechanism::{Credits, Market, Mode, Outcome, Printable, Terms};
use maud::{Markup, html};

/// Clients with a bar of their own; of more there is the table alone.
const BARS: usize = 100;
/// Clients in the table.
const ROWS: usize = 1000;

/// What a page says beside a market and what came of it.
pub struct Told<'a> {
    /// Over the page.
    pub title: &'a str,
    /// The rule's name, in two or three words.
    pub rule: &'a str,
    /// How payments are made, in one or two sentences.
    pub how: &'a str,
    /// What the lower bound on the server cost is, as in "the best single price if every cost were known".
    pub bound: &'a str,
    /// Mean and standard error of the server cost in credits, where the server knows costs in distribution only.
    pub expected: Option<(f64, f64)>,
    /// What the rule promises.
    pub promises: &'a [String],
    /// Where the rule is from.
    pub source: Option<&'a str>,
}

/// The page.
///
/// # Errors
/// What the mechanism fails with when it follows the price.
pub fn page(market: &Market, outcome: &Outcome, told: &Told) -> imfl_run::Outcome<String> {
    let [price, players] = plot::market::figures(market, outcome, told.rule, told.expected.is_none())?;
    let content = html! {
        (answer(market, outcome, told))
        (page::figure(&price))
        (people(market, outcome))
        (page::figure(&players))
        (method(market, outcome, told))
        (section::words(|word| !["Federated learning", "Theta"].contains(&word)))
    };
    Ok(page::document(told.title, &content))
}

fn answer(market: &Market, outcome: &Outcome, told: &Told) -> Markup {
    let playing = outcome.participants();
    let who = match playing {
        0 => "Nobody takes part".into(),
        1 => "One takes part".into(),
        _ => format!("{playing} take part"),
    };
    let facts = [bought(market, outcome), paid(outcome), least(outcome, told), cost(outcome)];
    html! {
        p.lead {
            "A server wants a model and asks " (market.len()) " clients to train it on data that they keep. " (told.how) " " (who) ", for "
            b { (number(outcome.payments.to_f64())) } " credits."
        }
        dl.facts {
            @for (question, value, note) in facts {
                div.fact { dt { (question) } dd.value { (value) } dd.note { (note) } }
            }
        }
    }
}

type Fact = (&'static str, String, String);

fn bought(market: &Market, outcome: &Outcome) -> Fact {
    let question = "What is bought";
    match outcome.appraisal.prediction() {
        Some(prediction) => {
            let fitted = market.forecast().and_then(|model| model.forecast().fitted.as_ref());
            let off =
                fitted.map_or(String::new(), |fitted| format!("; usually off by {:.2} points", fitted.error.error));
            (
                question,
                format!("{:.2} %", 100.0 * prediction.accuracy()),
                format!("accuracy on test samples, as forecast{off}"),
            )
        }
        None => (
            question,
            number(outcome.phi()),
            "accuracy loss, a bound on how far training stays from its aim: less is better. Accuracy was not forecast"
                .into(),
        ),
    }
}

fn paid(outcome: &Outcome) -> Fact {
    let costs: f64 = outcome.awards.iter().map(|award| award.cost.to_f64()).sum();
    let gain = outcome.payments.to_f64() - costs;
    (
        "For how much",
        number(outcome.payments.to_f64()),
        format!("credits: {} of costs, {} of gain for clients", number(costs), number(gain)),
    )
}

fn least(outcome: &Outcome, told: &Told) -> Fact {
    let (cost, bound) = (outcome.server_cost.to_f64(), outcome.lower_bound.to_f64());
    let above = if cost > 0.0 { (100.0 * (cost - bound) / cost).clamp(0.0, 100.0) } else { 0.0 };
    let question = "Could it cost less?";
    if above < 5e-4 {
        return (question, "no".into(), format!("it is what {} costs", told.bound));
    }
    (
        question,
        format!("at most {} % less", number(above)),
        format!("{} would leave the server with {} credits or more", told.bound, number(bound)),
    )
}

fn cost(outcome: &Outcome) -> Fact {
    let missing = outcome.accuracy_loss.to_f64();
    (
        "What it costs the server",
        number(outcome.server_cost.to_f64()),
        format!("credits: payments, and {} for accuracy that is missing", number(missing)),
    )
}

fn people(market: &Market, outcome: &Outcome) -> Markup {
    let meaning = |mode| match mode {
        Mode::Augmented => "augmented: train on their own samples, and on generated ones of classes they lack",
        Mode::Local => "local: train on their own samples alone",
        Mode::Out => "out: taking part would cost them more than it brings, or the server more than they are worth",
    };
    html! {
        h2 { "Who takes part" }
        ul.modes {
            @for mode in [Mode::Augmented, Mode::Local, Mode::Out] {
                li {
                    span.swatch style=(format!("background:{}", hex(mode_colour(mode)))) {}
                    b { (outcome.awards.iter().filter(|award| award.mode == mode).count()) } " " (meaning(mode))
                }
            }
        }
        @if market.len() <= BARS { (page::figure(&plot::pay(&outcome.awards))) }
        (page::table(&payments(market, outcome)))
        @if market.len() > ROWS {
            p.quiet { "And " (market.len() - ROWS) " more clients; " code { "--format json" } " has all of them." }
        }
    }
}

fn payments(market: &Market, outcome: &Outcome) -> Table {
    let rows = market.clients().iter().zip(&outcome.awards).enumerate().take(ROWS).map(|(index, (client, award))| {
        let credits = |amount: Credits| format!("{:.6}", amount.to_f64());
        vec![
            index.to_string(),
            Printable(client.id()).to_string(),
            award.mode.to_string(),
            client.samples().to_string(),
            format!("{:.3}", client.skew()),
            format!("{:.2}", market.effective_samples(index, award.mode)),
            credits(award.payment),
            credits(award.cost),
            credits(award.utility()),
        ]
    });
    let header =
        ["number", "client", "takes part", "samples", "skew", "effective samples", "paid", "its cost", "its gain"];
    Table { title: "Payments, in credits".into(), header: header.map(str::to_string).into(), rows: rows.collect() }
}

fn method(market: &Market, outcome: &Outcome, told: &Told) -> Markup {
    html! {
        h2 { "How payments were made" }
        p { "The rule: " (told.rule) "." @if let Some(price) = outcome.price { " The price is " b { (number(price.to_f64())) } " credits for each effective sample." } }
        @if let Some((cost, error)) = told.expected {
            p {
                "The server knows costs as a distribution. It expected " (number(cost)) " credits of server cost"
                @if error.is_finite() { ", give or take " (number(error)) }
                "; with the costs of these clients it is " (number(outcome.server_cost.to_f64())) "."
            }
        }
        @if !told.promises.is_empty() { p { "What the rule promises: " (told.promises.join(", ")) "." } }
        @if let Some(source) = told.source { p.quiet { "Source: " (source) "." } }
        (valued(market, outcome))
    }
}

/// What participants are worth to the server, and from which terms that comes.
fn valued(market: &Market, outcome: &Outcome) -> Markup {
    html! {
        h3 { "What missing accuracy is worth" }
        @match (market.forecast(), outcome.appraisal.prediction()) {
            (Some(model), Some(prediction)) => p {
                "A forecast says that these clients will reach " (format!("{:.2} %", 100.0 * prediction.accuracy())) " and a loss of "
                (format!("{:.4}", prediction.loss)) ". What is missing is worth " (number(model.worth().credits()))
                " credits for each point, or nat of loss: " (number(outcome.accuracy_loss.to_f64())) " in all."
            },
            _ => {
                p { "The accuracy loss is the part of a convergence bound that depends on who takes part." }
                table {
                    @for (name, value) in outcome.terms().iter().flat_map(Terms::named) {
                        tr { td { (name) } td.number { (format!("{value:.4}")) } }
                    }
                    tr { th { "accuracy loss" } td.number { b { (format!("{:.4}", outcome.phi())) } } }
                    tr { td { "in credits" } td.number { (format!("{:.4}", outcome.accuracy_loss.to_f64())) } }
                }
                @if market.bound().is_some_and(|bound| !bound.constants().theorem_holds()) {
                    p.quiet { "The learning rate is above 1/(4 L h): the theorem bounds nothing here, and the number need not rank participants." }
                }
            }
        }
    }
}
