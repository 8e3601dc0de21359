//! Who took part, in which way, for how much.

use super::Material;
use crate::page;
use crate::palette::{hex, mode_colour};
use crate::sound;
use crate::table::Table;
use imfl_engine::data::Kind;
use imfl_mechanism::Mode;
use maud::{Markup, html};
use serde_json::Value;

pub fn section(material: &Material) -> Markup {
    let modes = &material.finished.summary.modes;
    let listed = [
        (
            Mode::Augmented,
            modes.augmented,
            "augmented: train on their own images, and on generated ones of classes they lack",
        ),
        (Mode::Local, modes.local, "local: train on their own images alone"),
        (Mode::Out, modes.out, "out: the offer does not cover what taking part would cost them"),
    ];
    html! {
        h2 { "Who took part" }
        ul.modes {
            @for (mode, count, meaning) in listed {
                li { span.swatch style=(format!("background:{}", hex(mode_colour(mode)))) {} b { (count) } " " (meaning) }
            }
        }
        @if material.finished.training.elsewhere {
            p {
                "These clients are machines elsewhere. Their costs stayed with them: what is called a client's cost here is the middle of what the "
                "server believes, and accuracies on their images are what they say."
            }
        }
        (flagged(material.summary))
        (material.plot("pay"))
        (page::folded(&clients(material)))
        h3 { "What they hold and what they train on" }
        p {
            "A client that misses classes pulls the model astray. Whoever is augmented replaces surplus images by generated ones "
            "of the classes that it misses, so that its bar on the right is mixed more evenly."
        }
        (material.plot("shares"))
        @if let Some(images) = material.generated {
            @if matches!(material.finished.setup.train.kind.as_ref(), Kind::Sound(_)) {
                (page::image(images, "Spectrograms of generated sounds, one row for each class",
                    "Spectrograms of sounds that were generated for clients, one row for each class that some client missed. Time runs to the right, \
                     high notes are at the top."))
            } @else {
                (page::image(images, "Generated images, one row for each class",
                    "Images that were generated for clients, one row for each class that some client missed."))
            }
        }
        @if let Some(players) = sound::players(&material.finished.setup.train, material.finished.training.generated.as_deref()) {
            (players)
        }
        @if let Some(texts) = material.texts { (page::table(texts)) }
    }
}

/// Clients whose claims were not borne out, where the run looked for them.
fn flagged(summary: &Value) -> Markup {
    let found = summary["flagged"].as_array().map_or(&[][..], Vec::as_slice);
    let count = |client: &Value, key: &str| client[key].as_u64().map_or("?".into(), |count| count.to_string());
    html! {
        @for client in found {
            p.flagged {
                b { "Client " (count(client, "client")) " was flagged. " }
                "It claims " (count(client, "claimed")) " samples; its gradient bears out " (count(client, "believed"))
                @if summary["elsewhere"].as_bool() == Some(true) { ": it was offered nothing." } @else { ", and no more is paid for." }
                @if let Some((distance, allowed)) = client["distance"].as_f64().zip(client["allowed"].as_f64()) {
                    " The labels that it claims are off by " (format!("{distance:.3}")) "; an honest client's would be by at most "
                    (format!("{allowed:.3}")) "."
                }
            }
        }
    }
}

fn clients(material: &Material) -> Table {
    let finished = material.finished;
    let rows = finished.allocation.outcome.awards.iter().enumerate().map(|(client, award)| {
        let held = finished.profile.clients.get(client).map_or(0, |profile| profile.histogram.iter().sum::<usize>());
        let accuracy = finished.training.on_clients.get(client);
        let accuracy = accuracy.filter(|own| own.samples > 0).map(|evaluation| evaluation.accuracy());
        vec![
            client.to_string(),
            award.mode.to_string(),
            held.to_string(),
            award.payment.to_string(),
            award.cost.to_string(),
            award.utility().to_string(),
            accuracy.map_or("-".into(), |accuracy| format!("{:.1} %", accuracy * 100.0)),
        ]
    });
    let header = ["client", "takes part", "samples", "paid", "its cost", "its gain", "accuracy on its images"];
    Table { title: "Clients, money in credits".into(), header: header.map(str::to_string).into(), rows: rows.collect() }
}
