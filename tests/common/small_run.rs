//! A run small enough to be repeated many times, and what it leaves behind.

use super::{file, imfl, succeed, text};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A run small enough to be repeated many times.
pub const SMALL: &str = r#"
seed = 5
workers = 1
[partition]
clients = 6
scheme = "dirichlet:0.5+quantity:3"
[training]
model = "mlp"
rounds = 10
batch = 20
[generator]
evaluations = 3
[probe]
points = 2
images_per_class = 4
[costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-3
seconds_for_setup = 0.01
[mechanism]
objective = "bound"
weight = 30.0
information = "complete"
[checkpoints]
keep = 100
"#;

/// In an experiment's settings: few gradients, and costs that do not depend on the machine. The table of the mechanism comes last and is open.
pub const MEASURED: &str = r#"[run.probe]
points = 2
images_per_class = 8
[run.costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-3
seconds_for_setup = 0.01
[run.mechanism]
scenarios = 50
"#;

/// The small configuration, with other settings behind it, over 300 training and 100 test images.
pub fn config(root: &Path, more: &str) -> String {
    let images = root.join("images");
    if !images.exists() {
        let sizes = ["--train", "300", "--test", "100"];
        succeed(&[&["data", "split", "--dataset", "mnist", "--out", text(&images)][..], &sizes].concat());
    }
    file(root, "small.toml", format!("dataset = {images:?}\n{SMALL}{more}"))
}

/// A finished run's folder.
pub fn run(root: &Path, arguments: &[&str]) -> PathBuf {
    let runs = root.join("runs");
    let all = [&["run", "--runs", text(&runs), "--format", "json"], arguments].concat();
    let summary: Value = serde_json::from_str(&succeed(&all)).unwrap();
    PathBuf::from(summary["run_dir"].as_str().unwrap())
}

/// What a run leaves behind and must leave behind the same, however often it was interrupted.
#[derive(Debug, PartialEq)]
pub struct Left {
    /// Bytes of the final model.
    pub model: Vec<u8>,
    /// The whole ledger.
    pub ledger: String,
    /// Lines without wall times.
    pub metrics: Vec<Value>,
    /// Without wall times and folder.
    pub summary: Value,
}

pub fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn left(folder: &Path) -> Left {
    let without = |mut value: Value, keys: &[&str]| {
        keys.iter().for_each(|key| drop(value.as_object_mut().unwrap().remove(*key).unwrap()));
        value
    };
    let without_times = |line: Value| {
        let mut line = without(line, &["seconds"]);
        // A run of one process has none of these.
        ["waiting", "communication"].iter().for_each(|key| drop(line.as_object_mut().unwrap().remove(*key)));
        line
    };
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    Left {
        model: fs::read(folder.join("model.safetensors")).unwrap(),
        ledger: read("ledger.jsonl"),
        metrics: lines(&folder.join("metrics.jsonl")).into_iter().map(without_times).collect(),
        summary: without(serde_json::from_str(&read("summary.json")).unwrap(), &["seconds", "run_dir"]),
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Starts a run whose standard error is read line by line.
pub fn start(root: &Path, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let runs = root.join("runs");
    spawn(imfl().args([&["run", "--runs", text(&runs)], arguments].concat()))
}

/// Starts a command whose standard error is read line by line.
pub fn spawn(command: &mut Command) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap());
    (child, lines)
}

/// Reads until a line contains one of these; what was read.
pub fn wait_for(lines: &mut impl BufRead, wanted: &[&str]) -> String {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "ended without {wanted:?}: {seen}");
        seen.push_str(&line);
        if wanted.iter().any(|wanted| line.contains(wanted)) {
            return seen;
        }
    }
}

/// Sends a signal by its name.
#[cfg(unix)]
pub fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}
