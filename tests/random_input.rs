//! Random command lines and configurations: whatever is typed, the program ends by itself with a known exit code, or says what it is
//! doing; it never panics, is never aborted, and takes no more memory than it may.
#![cfg(unix)]

mod common;

use common::generator::{small, trained};
use common::{file, text};
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;
use rand::seq::IndexedRandom;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// By then it has said what it does.
const SILENT: Duration = Duration::from_secs(10);
/// Address space, in kilobytes: what takes more is aborted.
const MEMORY: u64 = 4_000_000;

/// Numbers, words and names at and beyond every edge.
const VALUES: [&str; 40] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "1000000000",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "4294967296",
    "0.5",
    "0.0",
    "1e-300",
    "1e300",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "",
    " ",
    "auto",
    "none",
    "train",
    "mnist",
    "/dev/null",
    "/dev/zero",
    "/no/such",
    ".",
    "..",
    "-",
    "--",
    "\u{1b}[2J",
    "é",
    "iid",
    "shards:2",
    "dirichlet:0.3",
    "mean",
    "krum:1",
    "latest",
];

struct Room {
    dataset: PathBuf,
    generator: PathBuf,
    root: PathBuf,
}

impl Room {
    /// A command with random flags. What it writes stays in the room.
    fn command(&self, number: u64) -> Vec<String> {
        let mut random = keyed(7, Purpose::Benchmark, 1, number, 0);
        let owned = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<String>>();
        let (data, own) = (text(&self.dataset), text(&self.generator));
        let out = self.root.join(format!("out-{number}"));
        let out = text(&out);
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism");
        let (clients, bids, constants) =
            (format!("{assets}/clients.csv"), format!("{assets}/bids.csv"), format!("{assets}/constants.toml"));
        let quick = text(&self.root.join("quick.toml")).to_string();
        let valued = ["--constants", &constants, "--theta", "0.2", "--weight", "1"];
        let (mut words, flags): (Vec<String>, &[&str]) = match random.random_range(0..14) {
            0..=3 => (
                owned(&["run", "--config", &quick, "--dataset", data, "--runs", out]),
                &[
                    "--rounds",
                    "--clients",
                    "--batch",
                    "--local-epochs",
                    "--rate",
                    "--momentum",
                    "--weight-decay",
                    "--model",
                    "--cohort",
                    "--sampling",
                    "--partition",
                    "--schedule",
                    "--algorithm",
                    "--aggregation",
                    "--quorum",
                    "--attack",
                    "--hostile",
                    "--drop-out",
                    "--server",
                    "--server-rate",
                    "--generator",
                    "--rule",
                    "--information",
                    "--weight",
                    "--costs",
                    "--resume",
                    "--checkpoint-every",
                    "--keep",
                    "--workers",
                    "--chunk",
                    "--device",
                    "--seed",
                    "--name",
                    "--format",
                    "--memory",
                    "--config",
                    "--log",
                    "--init",
                    "--set",
                ],
            ),
            4 => (
                owned(&["aigc", "sample", "--generator", own, "--out", out, "--count", "1"]),
                &[
                    "--classes",
                    "--first",
                    "--seed",
                    "--steps",
                    "--method",
                    "--sigma-min",
                    "--sigma-max",
                    "--rho",
                    "--guidance",
                    "--workers",
                ],
            ),
            5 => (
                owned(&["aigc", "train", "--dataset", data, "--out", &format!("{out}.safetensors"), "--width", "8"]),
                &[
                    "--images",
                    "--steps",
                    "--batch",
                    "--shards",
                    "--rate",
                    "--average",
                    "--label-dropout",
                    "--noise-mean",
                    "--seed",
                    "--every",
                    "--start",
                ],
            ),
            6 => (
                owned(&["bench", "train", "--model", "mlp", "--shape", "1x8x8", "--clients", "4", "--cohort", "2"]),
                &[
                    "--samples",
                    "--batch",
                    "--local-epochs",
                    "--rate",
                    "--momentum",
                    "--algorithm",
                    "--rounds",
                    "--chunk",
                    "--workers",
                    "--seed",
                ],
            ),
            7 => (
                owned(&[&["mechanism", "price", "--clients", &clients], &valued[..]].concat()),
                &[
                    "--information",
                    "--offers",
                    "--prior",
                    "--scenarios",
                    "--seed",
                    "--gap",
                    "--effort",
                    "--bias",
                    "--weights",
                    "--target",
                ],
            ),
            8 => (
                owned(&[&["mechanism", "auction", "--bids", &bids], &valued[..]].concat()),
                &["--rule", "--budget", "--bias", "--weights", "--target", "--prior", "--format"],
            ),
            9 => (
                owned(&["data", "split", "--dataset", data, "--out", out]),
                &["--train", "--test", "--corpus", "--seed"],
            ),
            10 => (
                owned(&["aigc", "assess", "--generator", own, "--dataset", data, "--model", "mlp", "--epochs", "1"]),
                &[
                    "--images",
                    "--neighbours",
                    "--points",
                    "--images-per-class",
                    "--seed",
                    "--on",
                    "--learnt",
                    "--steps",
                    "--workers",
                ],
            ),
            11 => (
                owned(&["sweep", "--config", &quick, "--dataset", data, "--folder", out, "--seeds", "1"]),
                &["--grid", "--seeds", "--name", "--rounds", "--rate", "--workers", "--format", "--costs", "--set"],
            ),
            12 => (
                owned(&match random.random_range(0..4) {
                    0 => vec!["completions"],
                    1 => vec!["manual", "--out", out],
                    2 => vec!["report"],
                    _ => vec!["devices"],
                }),
                &["--out", "--format", "--quiet", "--verbose", "--memory"],
            ),
            _ => (
                owned(&["bench", "generate", "--side", "8", "--width", "8"]),
                &["--channels", "--batch", "--shards", "--steps", "--images", "--repeats", "--workers"],
            ),
        };
        for _ in 0..random.random_range(0..=3) {
            words.extend(flags.choose(&mut random).map(|flag| flag.to_string()));
            words.extend(VALUES.choose(&mut random).map(|value| value.to_string()));
        }
        words
    }

    /// Runs it: an error if it did what it must not do.
    fn try_out(&self, words: &[String], patience: Duration) -> Result<(), String> {
        let mut command = Command::new("bash");
        command
            .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_imfl")])
            .args(words);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("IMFL_")) {
            command.env_remove(name);
        }
        command.env("IMFL_ASSETS", concat!(env!("CARGO_MANIFEST_DIR"), "/assets")).current_dir(&self.root);
        // What the machine has and may be taken is another matter; here it is what the address space has room for.
        command.env("IMFL_MEMORY", "2G");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let spoke = Arc::new(AtomicBool::new(false));
        let mut stream = child.stderr.take().unwrap();
        let heard = spoke.clone();
        let listener = std::thread::spawn(move || {
            let (mut all, mut piece) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                heard.store(true, Ordering::Relaxed);
                all.extend_from_slice(&piece[..read]);
            }
            String::from_utf8_lossy(&all).into_owned()
        });
        let started = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if started.elapsed() > patience && spoke.load(Ordering::Relaxed) => break None,
                None if started.elapsed() > SILENT => break None,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let spoke = spoke.load(Ordering::Relaxed);
        if status.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let said = listener.join().unwrap();
        let known = |code| (0..=7).contains(&code) || code == 130;
        match status {
            _ if said.contains("panicked") => Err(format!("{words:?} panicked: {said}")),
            None if !spoke => Err(format!("{words:?} said nothing for {SILENT:?}")),
            Some(status) if !status.code().is_some_and(known) => Err(format!("{words:?} ended with {status}: {said}")),
            Some(status) if !status.success() && !said.contains("error:") => {
                Err(format!("{words:?} failed without a word: {said}"))
            }
            _ => Ok(()),
        }
    }
}

/// Tries so many command lines, two at a time; each may go on for `patience` once it has said something.
fn try_out(count: u64, patience: Duration) {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let quick = "[training]\nmodel = \"mlp\"\nrounds = 1\n[partition]\nclients = 3\n[probe]\npoints = 2\nimages_per_class = 2\n\
                 [generator]\nsource = \"none\"\n[costs]\nseconds_per_sample = 1e-4\n";
    file(root.path(), "quick.toml", quick);
    let room = Room { dataset, generator, root: root.path().to_path_buf() };
    let next = AtomicU64::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return wrong;
                }
                wrong.extend(room.try_out(&room.command(number), patience).err());
            }
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The dataset is where it was, with what it had.
#[test]
fn no_random_command_line_panics_is_aborted_or_keeps_silent() {
    try_out(300, Duration::from_millis(300));
}

#[test]
#[ignore = "takes an hour: cargo test --release --test random_input 10000 -- --ignored"]
fn no_random_command_line_of_10000_panics_is_aborted_or_keeps_silent() {
    try_out(10_000, Duration::from_secs(1));
}

/// Random values in the places of a configuration's own.
#[test]
fn no_random_configuration_panics_is_aborted_or_keeps_silent() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = dataset.join("none");
    let room = Room { dataset, generator, root: root.path().to_path_buf() };
    let mut wrong = Vec::new();
    for number in 0..60u64 {
        let config = configuration(&room.dataset, number);
        let path = file(root.path(), &format!("{number}.toml"), config);
        let runs = root.path().join("runs");
        let words = ["run", "--config", &path, "--runs", text(&runs)].map(String::from);
        wrong.extend(room.try_out(&words, Duration::from_millis(300)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn configuration(dataset: &Path, number: u64) -> String {
    let mut random = keyed(8, Purpose::Benchmark, 2, number, 0);
    let values = [
        "0",
        "1",
        "3",
        "-1",
        "0.5",
        "1e300",
        "-0.0",
        "nan",
        "inf",
        "9223372036854775807",
        "\"auto\"",
        "\"\"",
        "[]",
        "true",
    ];
    let mut lines = Vec::new();
    for (table, keys) in [
        (
            "training",
            &["rounds", "batch", "local_epochs", "rate", "momentum", "weight_decay", "quorum", "cohort", "hostile"][..],
        ),
        ("probe", &["points", "images_per_class"]),
        ("partition", &["clients", "scheme"]),
        ("costs", &["credits_per_second", "seconds_per_sample", "seconds_per_image"]),
        ("mechanism", &["weight", "scenarios", "bias", "target"]),
        ("checkpoints", &["every", "keep"]),
    ] {
        lines.push(format!("[{table}]"));
        for key in keys {
            if random.random_range(0..4) == 0 {
                lines.push(format!("{key} = {}", values.choose(&mut random).unwrap()));
            } else if *key == "clients" {
                lines.push("clients = 3".into());
            }
        }
    }
    format!("dataset = {dataset:?}\ngenerator.source = \"none\"\ntraining.model = \"mlp\"\n{}", lines.join("\n"))
        .replace("training.model = \"mlp\"\n[training]", "[training]\nmodel = \"mlp\"")
}
