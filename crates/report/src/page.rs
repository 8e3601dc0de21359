//! The page itself: no script, nothing loaded from elsewhere.

use crate::figure::Figure;
use base64::{Engine, engine::general_purpose::STANDARD};
use imfl_run::pipeline::{Summary, over_floor};
use imfl_run::privacy::Told;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// How every page of this program looks.
const STYLE: &str = "
body { font: 16px/1.5 system-ui, sans-serif; color: #202428; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.fact { border: 1px solid #dde1e5; border-radius: .5rem; padding: .6rem .8rem; }
.fact b { display: block; font-size: 1.35rem; } .fact span, figcaption, .quiet { color: #5a636b; font-size: .9rem; }
figure { margin: 1rem 0; } figure svg, figure img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { padding: .15rem 1.2rem .15rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f5f7f9; padding: 1rem; overflow-x: auto; border-radius: .5rem; font-size: .85rem; }
";

/// A page of its own around this content: one file, no script, nothing loaded.
pub fn document(title: &str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (content)
            }
        }
    }
    .into_string()
}

/// The whole document.
pub fn render(summary: &Summary, figures: &[Figure], grid: Option<&[u8]>, config: &str) -> String {
    let content = html! {
        p.quiet {
            (summary.clients) " clients, " (summary.rounds) " rounds on " (summary.device) ", seed " (summary.seed)
        }
        (facts(summary))
        @for figure in figures {
            figure { (PreEscaped(&figure.svg)) figcaption { (figure.caption) } }
        }
        @if let Some(grid) = grid {
            figure {
                img alt="generated images, one row a class" src=(format!("data:image/png;base64,{}", STANDARD.encode(grid)));
                figcaption { "Images that were generated for clients, one row for each class that some client missed." }
            }
        }
        (accuracy_loss(summary))
        @if let Some(told) = &summary.privacy { (privacy(told)) }
        (costs(summary))
        h2 { "Configuration" }
        p.quiet { "As it was resolved; " code { "imfl run --config config.toml" } " repeats the run." }
        pre { (config) }
    };
    document(&format!("imfl run: {}", summary.dataset), &content)
}

fn facts(summary: &Summary) -> Markup {
    let modes = &summary.modes;
    let theta = summary.theta.map_or("none".into(), |theta| format!("{theta:.3}"));
    let floor = summary.theta.zip(summary.theta_floor);
    let floor = floor.map_or("no generator".into(), |(theta, floor)| format!("theta, {}", over_floor(theta, floor)));
    let facts = [
        (format!("{:.2} %", summary.accuracy * 100.0), "test accuracy".to_string()),
        (theta, floor),
        (format!("{} / {} / {}", modes.out, modes.local, modes.augmented), "out / local / augmented".into()),
        (format!("{:.4}", summary.payments), "credits paid".into()),
        (format!("{:.4}", summary.server_cost), "credits of server cost".into()),
        (format!("{:.3e}", summary.price), "credits per effective sample".into()),
    ];
    html! {
        div.facts { @for (value, meaning) in &facts { div.fact { b { (value) } span { (meaning) } } } }
    }
}

fn accuracy_loss(summary: &Summary) -> Markup {
    let bound = &summary.bound;
    html! {
        h2 { "Accuracy loss" }
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

/// What the run has told of any one client, and what is in no account.
fn privacy(told: &Told) -> Markup {
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
        p.quiet { "Outside of it, since these look at clients' data and are in no account:" }
        ul { @for thing in &told.outside { li.quiet { (thing) } } }
    }
}

fn costs(summary: &Summary) -> Markup {
    let rows = [
        ("training on one sample once", summary.costs.seconds_per_sample),
        ("generating one image", summary.costs.seconds_per_image),
        ("getting the generator ready", summary.costs.seconds_for_setup),
    ];
    html! {
        h2 { "Costs" }
        p.quiet { "Seconds of one thread of this device, from which clients' costs follow." }
        table {
            @for (work, seconds) in rows { tr { td { (work) } td.number { (format!("{:.3} ms", seconds * 1e3)) } } }
        }
        p.quiet {
            "Generator: " (summary.generator.as_ref().map_or("none".into(), ToString::to_string)) "."
            @if let Some(filling) = &summary.filling { " Filling in " (filling) "." }
        }
        p.quiet {
            (summary.generated_images) " images were generated for clients; " (summary.withheld_images)
            " training images were kept from clients, because the generator learnt from them or the test holds them."
        }
        h2 { "Time" }
        table {
            @for (stage, seconds) in &summary.seconds { tr { td { (stage) } td.number { (format!("{seconds:.2} s")) } } }
        }
    }
}
