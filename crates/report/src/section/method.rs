//! How the price was made, what it rests on, and how the run is repeated.

use super::Material;
use crate::worth;
use imfl_run::pipeline::{Summary, over_floor};
use maud::{Markup, html};

pub fn section(material: &Material) -> Markup {
    let summary = &material.finished.summary;
    html! {
        h2 { "How the price was made" }
        p {
            "The server pays one price for each effective sample, the same to everybody. Each client takes the offer if it gains by "
            "it. The server picks the price at which what it pays and what missing accuracy is worth to it are least together."
        }
        (material.plot("price"))
        (worth::section(summary))
        (generator(summary))
        (costs(summary))
        h2 { "How to repeat it" }
        p { "This is the configuration as it was resolved; " code { "imfl run --config config.toml" } " repeats the run." }
        details { summary { "Configuration" } pre tabindex="0" { (material.config) } }
    }
}

fn generator(summary: &Summary) -> Markup {
    let quality = summary.theta.zip(summary.theta_floor);
    html! {
        h3 { "Generated samples" }
        p.quiet {
            "Generator: " (summary.generator.as_ref().map_or("none".into(), ToString::to_string)) "."
            @if let Some((theta, floor)) = quality {
                " Its theta is " (format!("{theta:.3}")) ", " (over_floor(theta, floor))
                ": the smaller, the more a generated sample teaches what a real one does."
            }
            @if let Some(filling) = &summary.filling { " Filling in " (filling) "." }
        }
        p.quiet {
            (summary.generated_images) " samples were generated for clients; " (summary.withheld_images)
            " training samples were kept from clients, because the generator learnt from them or the test holds them."
        }
    }
}

fn costs(summary: &Summary) -> Markup {
    let rows = [
        ("training on one sample once", summary.costs.seconds_per_sample),
        ("generating one sample", summary.costs.seconds_per_image),
        ("getting the generator ready", summary.costs.seconds_for_setup),
    ];
    html! {
        h3 { "What work costs" }
        p.quiet { "Seconds of one thread of this device, from which clients' costs follow." }
        table {
            @for (work, seconds) in rows { tr { td { (work) } td.number { (format!("{:.3} ms", seconds * 1e3)) } } }
        }
        h3 { "Where the time went" }
        table {
            @for (stage, seconds) in &summary.seconds { tr { td { (stage) } td.number { (format!("{seconds:.2} s")) } } }
        }
    }
}
