//! What participants are worth to the server.

use imfl_run::pipeline::Summary;
use maud::{Markup, html};

/// The section of the page.
pub fn section(summary: &Summary) -> Markup {
    let bound = &summary.bound;
    html! {
        h3 { "Accuracy loss" }
        p.quiet {
            "The part of the convergence bound that depends on who takes part, at a weight of " (summary.weight)
            " credits. Measured: g_data " (format!("{:.3}", summary.g_data)) ", sigma " (format!("{:.3}", bound.sigma))
            ", smoothness " (format!("{:.3}", bound.smoothness)) ", " (bound.local_steps) " local steps."
            @if !bound.theorem_holds {
                " The learning rate is above 1/(4 L h): the number ranks participants, but the theorem bounds nothing here."
            }
        }
        table {
            @for (name, value) in bound.terms.named() { tr { td { (name) } td.number { (format!("{value:.4}")) } } }
            tr { th { "sum" } td.number { b { (format!("{:.4}", summary.accuracy_loss)) } } }
        }
    }
}
