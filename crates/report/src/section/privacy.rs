//! What the run has told of any one client, and what is in no account.

use super::Material;
use imfl_run::privacy::Told;
use maud::{Markup, html};

/// Nothing for a run that is not private.
pub fn section(material: &Material) -> Markup {
    html! { @if let Some(told) = &material.finished.summary.privacy { (guarantee(told)) } }
}

fn guarantee(told: &Told) -> Markup {
    let rows = [
        ("epsilon spent, by privacy loss distributions", format!("{:.4}", told.epsilon)),
        ("the same by Rényi divergences", format!("{:.4}", told.epsilon_rdp)),
        ("epsilon that could be spent", format!("{:.4}", told.budget)),
        ("delta", format!("{:e}", told.delta)),
        ("deviation of the noise, in clipping bounds", format!("{:.4}", told.noise)),
        ("clipping bound", format!("{:.4}", told.clip)),
        ("rounds in the account", told.rounds.to_string()),
        ("probability that a client takes part in a round", format!("{:.4}", told.rate)),
    ];
    html! {
        h2 { "Privacy" }
        @if let Some(void) = told.void { p { b { "The guarantee is void: " (void) "." } } }
        p.quiet {
            "Differential privacy at the level of clients (" (told.mechanism) ", neighbours differ by one client), against whoever sees "
            "the models of all rounds; the server itself is trusted."
        }
        table { @for (name, value) in &rows { tr { td { (name) } td.number { (value) } } } }
        h3 { "What is remembered" }
        table {
            tr {
                td { "membership inference on the final model, hits less false alarms" }
                td.number { (format!("{:.4}", told.remembered.membership)) }
            }
            tr {
                td { "the most that any attack on a client can have, by epsilon" }
                td.number { (format!("{:.4}", told.membership_at_most)) }
            }
            @if let Some(generator) = &told.remembered.generator {
                tr {
                    td { "generated images that are copies of one that the generator learnt from" }
                    td.number { (format!("{:.4}", generator.memorised)) }
                }
                tr {
                    td { "the same among images that it did not learn from" }
                    td.number { (format!("{:.4}", generator.by_chance)) }
                }
            }
        }
        p.quiet {
            "The attack calls an image a participant's if the model is right about it. The generator learnt from images that no client holds."
        }
        p.quiet { "Outside of it, since these look at clients' data and are in no account:" }
        ul { @for thing in &told.outside { li.quiet { (thing) } } }
    }
}
