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
    "/proc/no/such",
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

/// A command, and the words that it needs to do anything at all.
struct Subject {
    words: Vec<String>,
    /// Its options, by its own `--help`: none can be forgotten here.
    options: Vec<String>,
}

struct Room {
    dataset: PathBuf,
    generator: PathBuf,
    /// Where commands run: its parent is the test's own too.
    inside: PathBuf,
}

impl Room {
    fn new(root: &Path) -> Self {
        let dataset = small(root);
        let generator = trained(root, &dataset);
        let inside = root.join("inside");
        std::fs::create_dir(&inside).unwrap();
        let quick = "[training]\nmodel = \"mlp\"\nrounds = 1\n[partition]\nclients = 3\n[probe]\npoints = 2\nimages_per_class = 2\n\
                     [generator]\nsource = \"none\"\n[costs]\nseconds_per_sample = 1e-4\n";
        file(&inside, "quick.toml", quick);
        Self { dataset, generator, inside }
    }

    /// Every command; `{out}` is a name of its own for each use. Runs stand first and several times: they read the most.
    fn subjects(&self) -> Vec<Subject> {
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism");
        let valued = format!("--constants {assets}/constants.toml --theta 0.2 --weight 1");
        let (data, own) = (text(&self.dataset), text(&self.generator));
        let run = format!("run --config quick.toml --dataset {data} --runs {{out}}");
        let lines = [
            run.clone(),
            run.clone(),
            run,
            format!("aigc sample --generator {own} --out {{out}} --count 1"),
            format!("aigc train --dataset {data} --out {{out}}.safetensors --width 8"),
            format!("aigc configure --generator {own}"),
            format!("aigc assess --generator {own} --dataset {data} --model mlp --epochs 1"),
            "bench train --model mlp --shape 1x8x8 --clients 4 --cohort 2".into(),
            "bench generate --side 8 --width 8".into(),
            format!("mechanism price --clients {assets}/clients.csv {valued}"),
            format!("mechanism auction --bids {assets}/bids.csv {valued}"),
            format!("forecast fit --dataset {data} --config quick.toml --out {{out}}.toml"),
            "forecast show".into(),
            format!("data split --dataset {data} --out {{out}}"),
            format!("sweep --config quick.toml --dataset {data} --folder {{out}} --seeds 1"),
            "reproduce cost".into(),
            "privacy account --rounds 3".into(),
            "bench ranks".into(),
            format!("data show --dataset {data}"),
            "mechanism verify".into(),
            "completions".into(),
            "manual --out {out}".into(),
            "report".into(),
            "devices".into(),
        ];
        lines.iter().map(|line| Subject { words: words(line), options: options(line) }).collect()
    }

    /// A command with random options. What it writes stays in the room.
    fn command(&self, subjects: &[Subject], number: u64) -> Vec<String> {
        let mut random = keyed(7, Purpose::Benchmark, 1, number, 0);
        let subject = subjects.choose(&mut random).unwrap();
        let out = text(&self.inside.join(format!("out-{number}"))).to_string();
        let mut words: Vec<String> = subject.words.iter().map(|word| word.replace("{out}", &out)).collect();
        for _ in 0..random.random_range(0..=3) {
            words.extend(subject.options.choose(&mut random).cloned());
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
        command.env("IMFL_ASSETS", concat!(env!("CARGO_MANIFEST_DIR"), "/assets")).current_dir(&self.inside);
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

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

/// The long options of the command that a line calls, from its help.
fn options(line: &str) -> Vec<String> {
    let command = line.split_whitespace().take_while(|word| !word.starts_with("--"));
    let help = Command::new(env!("CARGO_BIN_EXE_imfl")).args(command).arg("--help").output().unwrap();
    assert!(help.status.success(), "{line}: {}", String::from_utf8_lossy(&help.stderr));
    let help = String::from_utf8(help.stdout).unwrap();
    let option = |line: &str| {
        let from = line.trim_start().starts_with('-').then(|| line.find("--")).flatten()?;
        let name = line[from + 2..].split(|letter: char| !letter.is_ascii_lowercase() && letter != '-').next()?;
        (!name.is_empty() && name != "help").then(|| format!("--{name}"))
    };
    let options: Vec<String> = help.lines().filter_map(option).collect();
    assert!(!options.is_empty(), "{line}: no option in its help");
    options
}

/// Tries so many command lines, two at a time; each may go on for `patience` once it has said something.
fn try_out(count: u64, patience: Duration) {
    let root = tempfile::tempdir().unwrap();
    let room = Room::new(root.path());
    let subjects = room.subjects();
    let next = AtomicU64::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return wrong;
                }
                wrong.extend(room.try_out(&room.command(&subjects, number), patience).err());
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
    let room = Room::new(root.path());
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
