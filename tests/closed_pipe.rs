//! A reader that goes away, and a disk that is full, on either stream of every command.
#![cfg(unix)]

mod common;

use common::generator::{small, training};
use common::{file, imfl, stderr, succeed, text};
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Output, Stdio};

/// A pipe that nobody reads: its reader is gone before anything is written.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn ran(arguments: &[&str], out: Stdio, error: Stdio) -> Output {
    imfl().args(arguments).stdout(out).stderr(error).output().unwrap()
}

/// Commands that print a result, small enough to be repeated.
fn commands(root: &Path) -> Vec<Vec<String>> {
    let small = small(root);
    let clients = "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch\n1,100,0.5,0.001,0.001,0.01,10\n";
    let clients = file(root, "clients.csv", clients);
    let constants = "g_data = 1.0\nsigma = 1.0\nsmoothness = 1.0\nrate = 0.01\nlocal_steps = 2\n";
    let constants = file(root, "constants.toml", constants);
    let run = "[training]\nmodel = \"mlp\"\nrounds = 1\n[probe]\npoints = 2\nimages_per_class = 2\n[partition]\nclients = 2\n[costs]\nseconds_per_sample = 1e-4\n";
    let run = file(root, "run.toml", run);
    let runs = root.join("runs");
    let quoted = |line: &str| -> Vec<String> {
        let fill = |word: &str| match word {
            "SMALL" => text(&small).to_owned(),
            "CLIENTS" => clients.clone(),
            "CONSTANTS" => constants.clone(),
            "RUN" => run.clone(),
            "RUNS" => text(&runs).to_owned(),
            word => word.to_owned(),
        };
        line.split(' ').map(fill).collect()
    };
    [
        "--help",
        "--version",
        "run --help",
        "devices",
        "devices --format json",
        "data show --dataset SMALL",
        "data show --dataset SMALL --format json",
        "mechanism price --clients CLIENTS --constants CONSTANTS --theta 0.2 --weight 1",
        "mechanism price --clients CLIENTS --constants CONSTANTS --theta 0.2 --weight 1 --format json",
        "bench train --model mlp --shape 1x8x8 --clients 4 --cohort 2 --samples 10 --rounds 1",
        "run --config RUN --dataset SMALL --runs RUNS --seed 1 --generator none",
        "run --config RUN --dataset SMALL --runs RUNS --seed 1 --generator none --format json",
    ]
    .map(quoted)
    .into()
}

#[test]
fn whoever_stops_reading_hurts_nobody_and_a_full_disk_is_told() {
    let root = tempfile::tempdir().unwrap();
    for command in commands(root.path()) {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = ran(&command, closed(), Stdio::piped());
        assert!(output.status.success(), "{command:?}: {}", stderr(&output));
        let output = ran(&command, full(), Stdio::piped());
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {error}");
        assert!(error.contains("error: cannot write to standard output: No space left"), "{command:?}: {error}");
        for nobody in [closed(), full()] {
            let output = ran(&command, Stdio::piped(), nobody);
            assert!(output.status.success() && !output.stdout.is_empty(), "{command:?}");
        }
        let output = ran(&command, closed(), closed());
        assert!(output.status.success(), "{command:?}");
    }
}

#[test]
fn a_mistake_has_its_exit_code_also_when_nobody_hears_of_it() {
    for (arguments, code) in [(&["run", "--rounds", "0"][..], 3), (&["run", "--rounds", "x"], 2), (&[], 2)] {
        for nobody in [closed(), full()] {
            assert_eq!(ran(arguments, Stdio::piped(), nobody).status.code(), Some(code), "{arguments:?}");
        }
    }
}

#[test]
fn a_long_training_goes_on_when_its_log_is_cut_off() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    for (nobody, name) in [(closed(), "closed.safetensors"), (full(), "full.safetensors")] {
        let out = root.path().join(name);
        assert!(ran(&training(&dataset, &out, "4"), Stdio::piped(), nobody).status.success());
        assert!(out.exists());
    }
    // A result that cannot be told is a failure; what was computed is there.
    let out = root.path().join("told.safetensors");
    assert_eq!(ran(&training(&dataset, &out, "4"), full(), Stdio::piped()).status.code(), Some(1));
    assert!(out.exists());
    assert!(
        ran(&training(&dataset, &root.path().join("t2.safetensors"), "4"), closed(), Stdio::piped()).status.success()
    );
}

#[test]
fn a_name_from_a_file_cannot_steer_a_terminal() {
    let root = tempfile::tempdir().unwrap();
    let clients = "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch\n\
                   \u{1b}[31mred\u{7},100,0.5,0.001,0.001,0.01,10\n";
    let clients = file(root.path(), "clients.csv", clients);
    let constants = "g_data = 1.0\nsigma = 1.0\nsmoothness = 1.0\nrate = 0.01\nlocal_steps = 2\n";
    let constants = file(root.path(), "constants.toml", constants);
    let price =
        ["mechanism", "price", "--clients", &clients, "--constants", &constants, "--theta", "0.2", "--weight", "1"];
    let shown = succeed(&price);
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}') && shown.contains("\\u{1b}[31mred"), "{shown:?}");
    let json = succeed(&[&price[..], &["--format", "json"]].concat());
    assert!(!json.contains('\u{1b}') && json.contains("\\u001b[31mred"), "{json:?}");
    // Nor one that is in the way.
    let output = imfl().args(["data", "show", "--dataset", "/no\u{1b}[2J/such"]).output().unwrap();
    assert!(
        !stderr(&output).contains('\u{1b}') && stderr(&output).contains("/no\\u{1b}[2J/such"),
        "{}",
        stderr(&output)
    );
}
