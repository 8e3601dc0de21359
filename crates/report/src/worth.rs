//! What participants are worth to the server: in points of accuracy, or by the convergence bound.

use imfl_run::pipeline::{Predicted, Summary};
use maud::{Markup, html};

/// The section of the page.
pub fn section(summary: &Summary) -> Markup {
    match (&summary.predicted, summary.worth) {
        (Some(predicted), Some(worth)) => accuracy(summary, predicted, worth),
        _ => accuracy_loss(summary),
    }
}

fn accuracy(summary: &Summary, predicted: &Predicted, worth: f64) -> Markup {
    let off = 100.0 * (summary.accuracy - predicted.accuracy);
    let rows = [
        ("accuracy", format!("{:.2} %", 100.0 * predicted.accuracy), format!("{:.2} %", 100.0 * summary.accuracy)),
        ("loss", format!("{:.4}", predicted.loss), format!("{:.4}", summary.loss)),
    ];
    html! {
        h3 { "Accuracy bought" }
        p.quiet {
            "Predicted before training from how many samples of each class the participants train on, by laws that were fitted to pilots on images "
            "that the server holds. The prediction was off by " (format!("{off:+.2}")) " points"
            @if let Some(points) = predicted.error_points { "; on pilots that it had not seen by " (format!("{points:.2}")) " on average" }
            "."
        }
        table {
            tr { th {} th { "predicted" } th { "reached" } }
            @for (name, before, after) in &rows { tr { td { (name) } td.number { (before) } td.number { (after) } } }
        }
        p.quiet { (format!("{:.2} points were expected to be missing, at {worth} credits each.", predicted.missing())) }
        table {
            tr { td { "missing accuracy" } td.number { (format!("{:.4}", worth * predicted.missing())) } }
            tr { td { "payments" } td.number { (format!("{:.4}", summary.payments)) } }
            tr { th { "server cost, credits" } td.number { b { (format!("{:.4}", summary.server_cost)) } } }
        }
    }
}

fn accuracy_loss(summary: &Summary) -> Markup {
    let (Some(bound), Some(total), Some(weight)) = (&summary.bound, summary.accuracy_loss, summary.weight) else {
        return html! {};
    };
    html! {
        h3 { "Accuracy loss" }
        p.quiet {
            "The part of the convergence bound that depends on who takes part, at a weight of " (weight)
            " credits. Measured: g_data " (format!("{:.3}", summary.g_data)) ", sigma " (format!("{:.3}", bound.sigma))
            ", smoothness " (format!("{:.3}", bound.smoothness)) ", " (bound.local_steps) " local steps."
            @if !bound.theorem_holds {
                " The learning rate is above 1/(4 L h): the theorem bounds nothing here, and the number need not rank participants."
            }
        }
        table {
            @for (name, value) in bound.terms.named() { tr { td { (name) } td.number { (format!("{value:.4}")) } } }
            tr { th { "sum" } td.number { b { (format!("{total:.4}")) } } }
        }
    }
}
