//! What a person meets around a run: how much is said, a first configuration file, completions and the manual.

mod common;

use common::small_run::config;
use common::{fail, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;

const USAGE: i32 = 2;
const CONFIG: i32 = 3;

#[test]
fn quiet_says_nothing_and_verbose_says_stages_and_clients() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let runs = root.path().join("runs");
    let run = |more: &[&str]| {
        let all = [&["run", "--config", &config, "--runs", text(&runs), "--rounds", "2"], more].concat();
        let output = imfl().args(all).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        (stderr(&output), String::from_utf8(output.stdout).unwrap())
    };
    let (said, result) = run(&[]);
    assert!(said.contains("round 1 of 2: accuracy 0.") && said.contains(" samples/s, saved"), "{said}");
    assert!(!said.contains("stage "), "{said}");
    assert!(result.contains(" credits promised, ") && result.contains(" earned\n"), "{result}");
    let stages = ["open", "partition", "profile", "assess", "allocate", "generate", "train", "report"];
    let time = result.lines().find(|line| line.starts_with("time ")).unwrap();
    let places: Vec<usize> = stages.iter().map(|stage| time.find(stage).expect(stage)).collect();
    assert!(places.is_sorted(), "{time}");
    let (said, _) = run(&["--quiet"]);
    assert!(said.lines().all(|line| line.starts_with("warning: ")), "{said}");
    let (said, result) = run(&["-v", "--format", "json"]);
    assert!(said.contains("\nstage generate: ") && said.contains("asked "), "{said}");
    let summary: Value = serde_json::from_str(&result).unwrap();
    assert!(stages.iter().all(|stage| summary["seconds"][stage].as_f64().unwrap() >= 0.0), "{summary}");
    let (said, _) = run(&["--drop-out", "1"]);
    assert!(said.contains("round 2 of 2: skipped, too few updates, accuracy "), "{said}");
    assert!(fail(&["run", "--dataset", ""], USAGE).contains("a value is required for '--dataset"));
    assert!(fail(&["devices", "-q", "-v"], USAGE).contains("cannot be used with"));
}

/// A file that is written, read again and changed is a run like any other.
#[test]
fn init_writes_a_configuration_that_a_run_takes() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("my.toml");
    let shown = succeed(&["run", "--init", text(&path), "--rounds", "7", "--set", "probe.points=3", "--seed", "4"]);
    assert_eq!(shown.trim(), text(&path));
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains("\n# Rounds of federated training (default: 15; --rounds)\nrounds = 7\n"), "{written}");
    assert!(written.contains("\nseed = 4\n") && written.contains("\npoints = 3\n"), "{written}");
    let again = fail(&["run", "--init", text(&path)], USAGE);
    assert!(again.contains("is there already"), "{again}");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    // What is wrong in it is found by its line.
    fs::write(&path, written.replace("\nrounds = 7\n", "\nrounds = \"seven\"\n")).unwrap();
    assert!(fail(&["run", "--config", text(&path)], CONFIG).contains("my.toml:"));
    let wrong = root.path().join("wrong.toml");
    assert!(fail(&["run", "--init", text(&wrong), "--rounds", "0"], CONFIG).contains("`training.rounds`"));
    assert!(!wrong.exists());
}

#[test]
fn shells_complete_every_command_and_man_has_a_page_for_each() {
    let commands = ["run", "aigc", "bench", "data", "mechanism", "privacy", "reproduce", "report", "devices"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
        assert!(script.contains("local-epochs") && script.contains("resume"), "{shell}");
    }
    assert!(fail(&["completions", "basic"], USAGE).contains("possible values"));
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("man/pages");
    succeed(&["manual", "--out", text(&pages)]);
    for command in commands {
        let page = fs::read_to_string(pages.join(format!("imfl-{command}.1"))).unwrap();
        assert!(page.contains(".TH ") && page.contains(".SH NAME"), "{command}");
    }
    let first = fs::read_to_string(pages.join("imfl.1")).unwrap();
    assert!(commands.iter().all(|command| first.contains(command)), "{first}");
    let file = root.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(fail(&["manual", "--out", text(&file)], 1).contains("cannot write the manual"));
}
