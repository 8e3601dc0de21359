//! What a simulated network made of the run: time, bytes, and who was waited for.

use super::Material;
use maud::{Markup, html};

pub fn section(material: &Material) -> Markup {
    let Some(network) = &material.finished.summary.network else { return html! {} };
    html! {
        h2 { "Time and bytes" }
        p {
            "Clients were on a simulated network: " (network) ". Accuracy counts by the clock and by what was sent, and the last plot shows "
            "who was waited for."
        }
        (material.plot("accuracy-time"))
        (material.plot("accuracy-bytes"))
        (material.plot("timeline"))
    }
}
