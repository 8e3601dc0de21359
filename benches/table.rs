//! One table of what this machine makes of each model and of the generator, beside what it could: `cargo bench`.
//!
//! With `PEER_PYTHON=PYTHON`, a Python that has torch (and pfl, if whole rounds are to be compared), the same work is done by
//! `examples/peers/peers.py` in turn with ours, and stands beside it with the ratio.

use comfy_table::{CellAlignment, Table, presets};
use imfl_engine::data::ImageShape;
use imfl_engine::device::Compute;
use imfl_engine::federated::LocalSgd;
use imfl_engine::model::Architecture;
use imfl_engine::{peak, worker};
use imfl_experiment::bench::roofline::Roofline;
use imfl_experiment::bench::{generate, train};
use imfl_run::Outcome;
use imfl_statistics::median;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Times in turn; the median counts.
const TURNS: usize = 3;
const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const MODELS: [Architecture; 4] =
    [Architecture::Mlp, Architecture::SimpleCnn, Architecture::FedAvgCnn, Architecture::ResNet8Gn];

fn main() -> Outcome {
    // `cargo test --benches` runs it too, and wants no figures.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let compute = Compute { workers: worker::available(), ..Compute::cpu() };
    let peers = Peers::found();
    println!(
        "{} workers; rounds of 50 clients with 50 images of {SHAPE}, batches of 10; the median of {TURNS} turns, in each of which matrix \
         products are timed, too\n",
        compute.workers
    );
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "",
        "imfl, /s",
        "GFLOP/s",
        "peak",
        "of peak",
        "of limit",
        "bound by",
        "PyTorch, /s",
        "ratio",
        "pfl, /s",
        "ratio",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut limits = String::new();
    for model in MODELS {
        let setting = setting(model, &compute);
        let (mut own, mut bare, mut rounds, mut peaks, mut flops) = (vec![], vec![], vec![], vec![], 0.0);
        for _ in 0..TURNS {
            // The speed of a machine that is shared changes: its peak belongs to the minute of the measurement.
            peaks.push(peak::gflops(&compute));
            let measured = setting.measure()?;
            own.push(measured.samples as f64 / measured.median());
            flops = measured.flops / measured.samples as f64;
            let [bare_loop, pfl] = ["model", "pfl"].map(|what| peers.ask(&[what, model.name()], compute.workers));
            bare.extend(figure(&bare_loop, "samples_per_second"));
            rounds.extend(figure(&pfl, "samples_per_second"));
        }
        let (rate, peak) = (median(&own), median(&peaks));
        let roof = Roofline::of(&setting, flops, peak)?;
        let bound = if roof.by_memory < roof.by_arithmetic { "weights" } else { "arithmetic" };
        limits += &format!(
            "{}: {:.1} MFLOP and {:.0} kB of weights a sample; at {:.0} GB/s and the peak {:.0} samples/s at most, {:.0} if one waits for the other\n",
            model.name(),
            flops * 1e-6,
            roof.bytes * 1e-3,
            roof.bandwidth,
            roof.most(),
            roof.in_turn()
        );
        let reached = rate * flops * 1e-9;
        let [of_peak, of_limit] = [reached / peak, rate / roof.most()].map(percent);
        let shares = [format!("{reached:.0}"), format!("{peak:.0}"), of_peak, of_limit, bound.into()];
        let row = [model.name().into(), format!("{rate:.0}")].into_iter().chain(shares);
        table.add_row(row.chain(beside(rate, &bare)).chain(beside(rate, &rounds)));
    }
    let (mut own, mut others) = ([vec![], vec![]], [vec![], vec![]]);
    for _ in 0..TURNS {
        let (side, channels, width) = (28, 1, 32);
        let setting =
            generate::Setting { side, channels, width, batch: 64, shards: None, steps: 20, images: 200, repeats: 1 };
        let measured = setting.measure(&compute)?;
        own[0].push(measured.trained);
        own[1].push(measured.drawn * measured.sampling.evaluations() as f64);
        let theirs = peers.ask(&["denoiser"], compute.workers);
        others[0].extend(figure(&theirs, "samples_per_second"));
        others[1].extend(figure(&theirs, "evaluations_per_second"));
    }
    let [trained, evaluated] = own;
    let [their_training, their_evaluations] = others;
    for (what, own, theirs) in
        [("generator, trained on", trained, their_training), ("generator, evaluations", evaluated, their_evaluations)]
    {
        let rate = median(&own);
        let row = [what.to_string(), format!("{rate:.0}")].into_iter().chain((0..5).map(|_| String::new()));
        table.add_row(row.chain(beside(rate, &theirs)).chain(beside(rate, &[])));
    }
    println!("{table}\n\n{limits}");
    Ok(())
}

/// pfl-research's benchmark with a model.
fn setting(model: Architecture, compute: &Compute) -> train::Setting {
    let (clients, cohort, samples, rounds, seed) = (1000, 50, 50, 3, 0);
    let (local, private) = (LocalSgd::default(), None);
    train::Setting {
        model,
        shape: SHAPE,
        clients,
        cohort,
        samples,
        local,
        rounds,
        private,
        seed,
        compute: compute.clone(),
    }
}

/// A Python that has others' frameworks.
struct Peers(Option<String>);

impl Peers {
    fn found() -> Self {
        Self(std::env::var("PEER_PYTHON").ok())
    }

    /// What a peer measured; nothing without a Python, or where it says that something is missing.
    fn ask(&self, what: &[&str], threads: usize) -> Option<Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/peers/peers.py");
        let output = Command::new(self.0.as_ref()?).arg(script).args(what).arg(threads.to_string()).output();
        let output = output.inspect_err(|error| eprintln!("PEER_PYTHON does not start: {error}")).ok()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let found = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
        if found.is_none() {
            let problem = String::from_utf8_lossy(&output.stderr);
            eprintln!("{}: no figure: {}", what.join(" "), problem.lines().last().unwrap_or("it said nothing"));
        }
        found
    }
}

/// One figure of what a peer measured.
fn figure(measured: &Option<Value>, key: &str) -> Option<f64> {
    measured.as_ref()?[key].as_f64()
}

/// A peer's median, and how many times ours is of it; nothing where there is no peer.
fn beside(own: f64, theirs: &[f64]) -> [String; 2] {
    match median(theirs) {
        theirs if theirs.is_nan() => Default::default(),
        theirs => [format!("{theirs:.0}"), format!("{:.1}", own / theirs)],
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
