//! `imfl sweep`, and `imfl report` on several runs: what settings come to over seeds.

mod common;

use common::small_run::{config, left, run};
#[cfg(unix)]
use common::small_run::{signal, spawn, wait_for};
use common::{fail, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const USAGE: i32 = 2;
const CONFIG: i32 = 3;

fn arguments<'a>(config: &'a str, folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let start = ["sweep", "--config", config, "--folder", text(folder), "--rounds", "2", "--format", "json"];
    [&start[..], more].concat()
}

fn folders(runs: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The numbers of a sweep's JSON without folders and times.
fn settings(json: &str) -> Vec<Value> {
    let value: Value = serde_json::from_str(json).unwrap();
    let mut settings = value["settings"].as_array().unwrap().clone();
    settings.iter_mut().for_each(|setting| drop(setting.as_object_mut().unwrap().remove("runs").unwrap()));
    settings
}

#[test]
fn every_combination_runs_once_as_it_would_alone_and_pairs_are_compared() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let folder = root.path().join("experiments");
    let sweep = |more: &[&str]| succeed(&arguments(&config, &folder, &[more, &["--name", "rates"]].concat()));
    let json = sweep(&["--grid", "training.lr=0.02,0.2", "--seeds", "1..2", "--workers", "2"]);
    let found = settings(&json);
    let runs = folder.join("rates/runs");
    assert_eq!((found.len(), folders(&runs).len()), (2, 4));
    assert_eq!(found[1]["setting"], "training.rate=0.2");
    assert_eq!(found[1]["seeds"], serde_json::json!([1, 2]));
    assert_eq!(found[1]["against_first"]["pairs"], 2);
    // A run of the grid is the run that these settings make by themselves.
    let alone = run(root.path(), &["--config", &config, "--rounds", "2", "--rate", "0.2", "--seed", "2"]);
    let expected = left(&alone);
    let value: Value = serde_json::from_str(&json).unwrap();
    let twin = value["settings"][1]["runs"][1].as_str().unwrap();
    assert!(left(Path::new(twin)) == expected);
    let accuracies: Vec<f64> = [0, 1]
        .map(|seed| {
            let folder = Path::new(value["settings"][1]["runs"][seed].as_str().unwrap());
            left(folder).summary["accuracy"].as_f64().unwrap()
        })
        .into();
    let mean = found[1]["means"]["accuracy"]["mean"].as_f64().unwrap();
    assert!((mean - (accuracies[0] + accuracies[1]) / 2.0).abs() < 1e-12);
    assert!(found[1]["means"]["accuracy"]["high"].as_f64().unwrap() >= mean);
    let page = fs::read_to_string(folder.join("rates/report.html")).unwrap();
    assert!(page.contains("training.rate=0.2") && page.contains("with the same seed") && page.contains("<svg"));
    assert!(!page.contains("src=\"http") && !page.contains("@import"));
    for plot in ["accuracy_by_value", "learning_accuracy", "learning_loss"] {
        assert!(folder.join(format!("rates/plots/{plot}.svg")).exists(), "{plot}");
    }
    // Again: nothing is run; one more value: its runs alone; other settings: refused.
    assert_eq!(settings(&sweep(&["--grid", "rate=0.02,0.2", "--seeds", "1,2"])), found);
    assert_eq!(folders(&runs).len(), 4);
    let more = settings(&sweep(&["--grid", "rate=0.02,0.2,0.1", "--seeds", "1..2", "--workers", "1"]));
    assert_eq!((more.len(), folders(&runs).len()), (3, 6));
    assert_eq!(more[..2], found[..]);
    let other = ["--grid", "rate=0.02", "--name", "rates", "--batch", "10"];
    assert!(fail(&arguments(&config, &folder, &other), CONFIG).contains("was begun with other settings"));
    // For a person, and two settings at once; without seeds there are three.
    let two = ["sweep", "--config", &config, "--folder", text(&folder), "--rounds", "1", "--name", "two", "--quiet"];
    let grid = ["--grid", "rate=0.1,0.2", "--grid", "training.batch=10,20", "--seeds", "3"];
    let table = succeed(&[&two[..], &grid].concat());
    assert!(table.contains("training.batch=10, training.rate=0.2") && table.contains("pairs"), "{table}");
    assert!(table.contains("report        ") && folders(&folder.join("two/runs")).len() == 4, "{table}");
    // A sweep's folder is an experiment's.
    let joined = root.path().join("joined.html");
    succeed(&["report", text(&folder.join("rates")), "--out", text(&joined)]);
    assert!(fs::read_to_string(joined).unwrap().contains("training.rate=0.1"));
}

#[test]
fn a_grid_that_makes_no_sense_is_refused_before_anything_runs() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let folder = root.path().join("experiments");
    let refused = |more: &[&str], code| fail(&arguments(&config, &folder, more), code);
    assert!(refused(&["--grid", "training.rat=0.1"], CONFIG).contains("did you mean `training.rate`?"));
    assert!(refused(&["--grid", "rate"], USAGE).contains("expected KEY=VALUE,VALUE"));
    assert!(refused(&["--grid", "rate=0.1,fast"], USAGE).contains("`training.rate` (--grid training.rate=fast)"));
    let wrong = refused(&["--grid", "rate=0.1,-1"], CONFIG);
    assert!(wrong.contains("training.rate=-1: `training.rate` must be a number above 0"), "{wrong}");
    assert!(refused(&["--grid", "rate=0.1", "--grid", "lr=0.2"], USAGE).contains("varied twice"));
    assert!(refused(&["--grid", "rate=0.1", "--seeds", "5..1"], USAGE).contains("expected seeds"));
    assert!(refused(&["--grid", "rate=0.1", "--seeds", "1..10001"], USAGE).contains("at most 10000"));
    assert!(refused(&["--grid", "rate=0.1", "--name", "../x"], CONFIG).contains("../x"));
    assert!(refused(&[], USAGE).contains("--grid"));
    assert!(!folder.exists());
}

#[cfg(unix)]
#[test]
fn a_sweep_that_is_interrupted_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let folder = root.path().join("experiments");
    let grid = ["--grid", "rate=0.1,0.2", "--seeds", "1..2", "--workers", "1", "--rounds", "30"];
    let all = [&["sweep", "--config", &config, "--folder", text(&folder), "--format", "json"][..], &grid].concat();
    let cells = folder.join("sweep/cells.jsonl");
    let done = || fs::read_to_string(&cells).unwrap_or_default().lines().count();
    let (mut child, mut lines) = spawn(imfl().args(&all));
    wait_for(&mut lines, &["4 runs, 1 at once"]);
    while done() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    signal(child.id(), "-INT");
    let said = std::io::read_to_string(&mut lines).unwrap();
    let code = child.wait().unwrap().code();
    // A signal that comes after the last run changes nothing.
    let left_over = done();
    assert!(code == Some(130) || left_over == 4, "{code:?}: {said}");
    assert!(left_over == 4 || said.contains("the same command goes on"), "{said}");
    let output = imfl().args(&all).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("{left_over} of 4 cells were finished before")), "{}", stderr(&output));
    assert_eq!(done(), 4);
}

/// Runs side by side: what they were told differently, what that comes to over seeds, and what it gains seed by seed.
#[test]
fn a_report_says_what_runs_differ_in_and_draws_how_they_learnt() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let one = |rate: &str, seed: &str| {
        let folder = run(root.path(), &["--config", &config, "--rounds", "2", "--rate", rate, "--seed", seed]);
        text(&folder).to_string()
    };
    let runs = [one("0.05", "1"), one("0.05", "2"), one("0.2", "1"), one("0.2", "2")];
    let page = root.path().join("page.html");
    let report = |runs: &[String], format: &str| {
        let mut all = vec!["report", "--out", text(&page), "--format", format];
        all.extend(runs.iter().map(String::as_str));
        succeed(&all)
    };
    let said = report(&runs, "text");
    assert!(said.contains("told differently, beside the seed") && said.contains("training.rate"), "{said}");
    assert!(said.contains("more than `training.rate=0.05` with the same seed"), "{said}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("Accuracy on the test images by round") && html.contains("Loss on the test images by round"));
    let json: Value = serde_json::from_str(&report(&runs, "json")).unwrap();
    let settings = json["settings"].as_array().unwrap();
    assert_eq!((settings.len(), &settings[1]["against_first"]["pairs"]), (2, &2.into()));
    let accuracy = |folder: &String| left(Path::new(folder)).summary["accuracy"].as_f64().unwrap();
    let gain = (accuracy(&runs[2]) - accuracy(&runs[0]) + accuracy(&runs[3]) - accuracy(&runs[1])) / 2.0;
    let found = settings[1]["against_first"]["means"]["accuracy"]["mean"].as_f64().unwrap();
    assert!((found - gain).abs() < 1e-12, "{found} and {gain}");
    // Seeds alone: one setting, nothing to tell apart.
    let said = report(&runs[..2], "text");
    assert!(!said.contains("told differently") && said.contains("all runs"), "{said}");
    // A line that cannot be read is named.
    let metrics = Path::new(&runs[0]).join("metrics.jsonl");
    fs::write(&metrics, "{}\n").unwrap();
    let error = fail(&["report", &runs[0], "--out", text(&page)], 4);
    assert!(error.contains("metrics.jsonl: line 1"), "{error}");
}
