//! `imfl devices`: what this build can compute on, on this machine, and how its GPUs compute convolutions fastest.

mod tune;

use crate::output::{self, Format};
use clap::Args;
use imfl_engine::device::{self, Adapter};
use imfl_engine::worker;
use imfl_run::{Host, Outcome};
use serde_json::json;

/// `imfl devices`.
#[derive(Args)]
pub struct Devices {
    #[command(flatten)]
    tune: tune::Tune,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The backends that a build can have, and whether this one has them.
const BACKENDS: [(&str, bool); 4] = [
    ("flex", true),
    ("ndarray", cfg!(feature = "ndarray")),
    ("wgpu", cfg!(feature = "wgpu")),
    ("cuda", cfg!(feature = "cuda")),
];

impl Devices {
    /// Prints the devices, the one that `auto` takes first, or tunes one.
    pub fn run(self, host: &Host) -> Outcome {
        if self.tune.is_asked() {
            return self.tune.run(host, self.format);
        }
        let present = device::present();
        let (built, missing): (Vec<_>, Vec<_>) = BACKENDS.iter().partition(|(_, built)| *built);
        let names = |backends: Vec<&(&'static str, bool)>| backends.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let (built, missing) = (names(built), names(missing));
        if self.format == Format::Json {
            let cores = worker::available();
            let devices: Vec<String> = present.iter().map(|adapter| adapter.name.to_string()).collect();
            let kinds: Vec<String> = present.iter().map(|adapter| adapter.kind.to_string()).collect();
            return output::print(&json!({
                "schema": "imfl.devices/1", "devices": devices, "kinds": kinds, "cores": cores, "built": built, "missing": missing,
            }));
        }
        let mut text = String::new();
        for (index, Adapter { name, kind }) in present.iter().enumerate() {
            text += &format!("{name}  {kind}{}\n", if index == 0 { "  (auto)" } else { "" });
        }
        text += &format!("{} cores; this build has the backends {}\n", worker::available(), built.join(", "));
        if !missing.is_empty() {
            text += &format!("others need another build: --features {}\n", missing.join(" or "));
        }
        output::text(&text)
    }
}
