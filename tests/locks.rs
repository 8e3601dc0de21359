//! One process at a time writes a run, or a generator in training; the others hear who has it.
#![cfg(unix)]

mod common;

use common::generator::{small, training};
use common::small_run::{config, lines, signal, spawn, start, wait_for};
use common::{fail, imfl, stderr, succeed, text};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};

const CHECKPOINT: i32 = 7;
/// Processes that resume at once.
const AT_ONCE: usize = 20;

fn resume(root: &Path) -> Child {
    let mut command = imfl();
    command.args(["run", "--resume", "latest", "--runs", text(&root.join("runs"))]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Many resume a long run at once: one goes on until it is told to stop, the others name it and end with exit code 7.
fn contend(times: usize) {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let (mut child, mut output) =
        start(root.path(), &["--config", &config, "--rounds", "100000", "--weight", "1e6", "--generator", "none"]);
    wait_for(&mut output, &["round 2 of"]);
    signal(child.id(), "-INT");
    output.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for time in 0..times {
        let mut all: Vec<Child> = (0..AT_ONCE).map(|_| resume(root.path())).collect();
        let mut refused = Vec::new();
        // The one that goes on does not end; all others do.
        while all.len() > 1 {
            let ended = all.iter_mut().position(|child| child.try_wait().unwrap().is_some());
            match ended {
                Some(place) => refused.push(all.remove(place).wait_with_output().unwrap()),
                None => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        }
        let mut holder = all.remove(0);
        let process = holder.id();
        // It may still be reading what it goes on from, when a signal would end it at once.
        let mut said = std::io::BufReader::new(holder.stderr.take().unwrap());
        wait_for(&mut said, &[", saved"]);
        signal(process, "-INT");
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(holder.wait().unwrap().code(), Some(130), "{rest}");
        for output in refused {
            let error = stderr(&output);
            assert_eq!(output.status.code(), Some(CHECKPOINT), "{time}: {error}");
            assert!(error.contains("0001-run is in use by process"), "{error}");
            assert!(error.contains(&format!("process {process} ")) && error.contains(" since 2"), "{process}: {error}");
        }
    }
    let folder = root.path().join("runs/0001-run");
    let ledger = lines(&folder.join("ledger.jsonl"));
    let ids: BTreeSet<&str> = ledger.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), ledger.len(), "somebody was paid twice");
    let metrics = lines(&folder.join("metrics.jsonl"));
    assert!(metrics.len() > 2 + times && ledger.len() > metrics.len(), "hardly anything was done");
    assert!(metrics.iter().map(|line| line["round"].as_u64().unwrap()).eq(1..=metrics.len() as u64));
    assert!(!folder.join(".lock").exists());
}

#[test]
fn of_20_that_resume_a_run_at_once_one_goes_on_and_the_others_say_who() {
    contend(3);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test locks 100_times -- --ignored"]
fn of_20_that_resume_a_run_at_once_one_goes_on_100_times() {
    contend(100);
}

#[test]
fn a_run_in_progress_is_not_resumed_and_a_killed_one_is() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let more = ["--config", &config, "--rounds", "100000", "--generator", "none", "--weight", "1e6"];
    let (mut child, mut output) = start(root.path(), &more);
    wait_for(&mut output, &["round 2 of"]);
    let runs = root.path().join("runs");
    let folder = runs.join("0001-run");
    let resume = ["run", "--resume", text(&folder)];
    let error = fail(&resume, CHECKPOINT);
    assert!(error.contains(&format!("in use by process {}", child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    // Its lock is left behind, and in nobody's way.
    assert!(folder.join(".lock").exists());
    let (mut child, mut output) = spawn(imfl().args(resume));
    wait_for(&mut output, &["going on after round"]);
    wait_for(&mut output, &[", saved"]);
    signal(child.id(), "-INT");
    output.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_generator_in_training_is_left_alone_and_one_whose_training_was_killed_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let out = root.path().join("g.safetensors");
    let (mut child, mut output) = spawn(imfl().args(training(&dataset, &out, "1000000")));
    wait_for(&mut output, &["step 2 of"]);
    for more in ["--resume", "--restart"] {
        let error = fail(&[training(&dataset, &out, "4"), vec![more]].concat(), CHECKPOINT);
        assert!(error.contains(&format!("in use by process {}", child.id())), "{error}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    succeed(&[training(&dataset, &out, "4"), vec!["--restart"]].concat());
    assert!(out.exists() && !root.path().join("g.safetensors.lock").exists());
}
