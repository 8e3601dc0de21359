//! The question first: what was bought, for how much, and was it what was predicted?

use super::Material;
use crate::scale::number;
use maud::{Markup, html};

pub fn section(material: &Material) -> Markup {
    let summary = &material.finished.summary;
    let modes = &summary.modes;
    let playing = modes.local + modes.augmented;
    html! {
        p.quiet {
            (summary.clients) " clients, " (counted(summary.rounds, "round")) " on " (summary.device) ", seed " (summary.seed)
        }
        p.lead {
            "A server wants a model and asks " (summary.clients) " clients to train it on data that they keep. It offers "
            (number(summary.price)) " credits for each effective sample. "
            (taking_part(playing)) ", " (counted(summary.rounds, "round")) " were trained for " (number(summary.paid))
            " credits, and the model now gets " b { (format!("{:.2} %", summary.accuracy * 100.0)) } " of the test samples right."
        }
        (facts(material))
        (material.plot("accuracy"))
    }
}

fn taking_part(playing: usize) -> String {
    match playing {
        0 => "Nobody accepted".into(),
        1 => "One client accepted".into(),
        _ => format!("{playing} of them accepted"),
    }
}

fn counted(count: u64, name: &str) -> String {
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

fn facts(material: &Material) -> Markup {
    let summary = &material.finished.summary;
    let promised = match summary.paid < summary.payments {
        true => format!("of {} credits promised; who did not deliver was not paid", number(summary.payments)),
        false => "credits, all that was promised".into(),
    };
    let facts = [
        (
            "What was bought",
            format!("{:.2} %", summary.accuracy * 100.0),
            format!("accuracy on test samples; loss {:.4}", summary.loss),
        ),
        ("For how much", number(summary.paid), promised),
        predicted(material),
        (
            "What it cost the server",
            number(summary.server_cost),
            "credits: payments, and what the missing accuracy is worth to it".into(),
        ),
    ];
    html! {
        dl.facts {
            @for (question, value, note) in &facts {
                div.fact { dt { (question) } dd.value { (value) } dd.note { (note) } }
            }
        }
    }
}

/// The forecast of accuracy; else what the server expected to pay; else that nothing was said before.
fn predicted(material: &Material) -> (&'static str, String, String) {
    let question = "Was it what was predicted?";
    let summary = &material.finished.summary;
    if let Some(accuracy) = material.number("/predicted/accuracy") {
        let off = 100.0 * (summary.accuracy - accuracy);
        let usual = material.number("/predicted/error_points");
        let usual = usual.map_or(String::new(), |points| format!("; usually {points:.2}"));
        let note = format!("{:.2} % predicted, {:.2} % reached{usual}", accuracy * 100.0, summary.accuracy * 100.0);
        return (question, format!("{off:+.2} points"), note);
    }
    match summary.expected_server_cost.filter(|cost| *cost > 0.0) {
        Some(expected) => {
            let off = 100.0 * (summary.server_cost / expected - 1.0);
            let note =
                format!("server cost against the {} credits expected; accuracy was not forecast", number(expected));
            (question, format!("{off:+.1} %"), note)
        }
        None => (
            question,
            "not forecast".into(),
            "the price rests on a bound that ranks who takes part and says nothing of accuracy".into(),
        ),
    }
}
