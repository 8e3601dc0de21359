//! Runs that are interrupted, killed or left by their clients.

mod common;

use common::{fail, file, imfl, stderr, succeed, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CHECKPOINT: i32 = 7;
const CONFIG: i32 = 3;

/// A run small enough to be repeated many times.
const SMALL: &str = r#"
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
weight = 30.0
information = "complete"
[checkpoints]
keep = 100
"#;

/// The configuration above, with other settings behind it, over 300 training and 100 test images.
fn config(root: &Path, more: &str) -> String {
    let images = root.join("images");
    if !images.exists() {
        let sizes = ["--train", "300", "--test", "100"];
        succeed(&[&["data", "split", "--dataset", "mnist", "--out", text(&images)][..], &sizes].concat());
    }
    file(root, "small.toml", format!("dataset = {images:?}\n{SMALL}{more}"))
}

/// A finished run's folder.
fn run(root: &Path, arguments: &[&str]) -> PathBuf {
    let runs = root.join("runs");
    let all = [&["run", "--runs", text(&runs), "--format", "json"], arguments].concat();
    let summary: Value = serde_json::from_str(&succeed(&all)).unwrap();
    PathBuf::from(summary["run_dir"].as_str().unwrap())
}

/// What a run leaves behind and must leave behind the same, however often it was interrupted.
#[derive(Debug, PartialEq)]
struct Left {
    model: Vec<u8>,
    ledger: String,
    metrics: Vec<Value>,
    summary: Value,
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn left(folder: &Path) -> Left {
    let without = |mut value: Value, keys: &[&str]| {
        keys.iter().for_each(|key| drop(value.as_object_mut().unwrap().remove(*key).unwrap()));
        value
    };
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    Left {
        model: fs::read(folder.join("model.safetensors")).unwrap(),
        ledger: read("ledger.jsonl"),
        metrics: lines(&folder.join("metrics.jsonl")).into_iter().map(|line| without(line, &["seconds"])).collect(),
        summary: without(serde_json::from_str(&read("summary.json")).unwrap(), &["seconds", "run_dir"]),
    }
}

fn copy(from: &Path, to: &Path) {
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

/// Ten rounds, and ten rounds that were interrupted after any number of them, with what the server remembers in each way.
#[test]
fn interrupted_after_any_round_a_run_comes_to_the_same() {
    let adaptive = "[training.server]\nrule = \"fedadam\"\n[training.availability]\nlate = 0.2\nbefore = 0.1\n";
    let ways: [(&str, &[&str]); 2] = [
        ("", &[]),
        (adaptive, &["--algorithm", "scaffold", "--cohort", "5", "--aggregation", "trimmed-mean:1", "--quorum", "3"]),
    ];
    for (more, flags) in ways {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), more);
        let whole = run(root.path(), &[&["--config", &config][..], flags].concat());
        let expected = left(&whole);
        assert_eq!(expected.metrics.len(), 10);
        assert!(!expected.ledger.is_empty() && expected.summary["accuracy"].as_f64().unwrap() > 0.2);
        for round in 0..10 {
            // As if it had died after this round's checkpoint: in the middle of the next, or just before its checkpoint,
            // when its metrics and its pay were already written.
            for next_is_written in [false, true] {
                let folder = root.path().join(format!("runs/{:04}-copy", 2 * round + 2 + usize::from(next_is_written)));
                copy(&whole, &folder);
                for later in round + 1..=10 {
                    fs::remove_dir_all(folder.join(format!("checkpoints/round-{later:06}"))).unwrap();
                }
                for name in ["model.safetensors", "summary.json", "report.html"] {
                    fs::remove_file(folder.join(name)).unwrap();
                }
                let manifest = folder.join(format!("checkpoints/round-{round:06}/manifest.json"));
                let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
                for (log, name) in [("metrics", "metrics.jsonl"), ("ledger", "ledger.jsonl")] {
                    let mut bytes = manifest["about"][log]["bytes"].as_u64().unwrap() as usize;
                    let content = fs::read(folder.join(name)).unwrap();
                    if next_is_written {
                        // The next round's lines, and a part of a line after them.
                        bytes = (bytes + 1000).min(content.len());
                    }
                    fs::write(folder.join(name), &content[..bytes]).unwrap();
                }
                let resumed = run(root.path(), &["--resume", text(&folder)]);
                assert_eq!(resumed, folder);
                assert!(left(&folder) == expected, "after round {round}, next written: {next_is_written}");
            }
        }
    }
}

#[test]
fn resuming_refuses_what_does_not_fit_and_says_why() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let runs = root.path().join("runs");
    let resume = |more: &[&str], code| fail(&[&["run", "--runs", text(&runs), "--resume"], more].concat(), code);
    assert!(resume(&["latest"], CHECKPOINT).contains("has a checkpoint; start one"));
    let folder = run(root.path(), &["--config", &config, "--rounds", "3"]);
    assert!(resume(&[text(&runs)], CHECKPOINT).contains("has no checkpoint; expected `latest`"));
    let changed = resume(&["latest", "--rate", "0.2", "--rounds", "4"], CONFIG);
    assert!(changed.contains("training.rate 0.1 -> 0.2") && changed.contains("training.rounds 3 -> 4"), "{changed}");
    assert!(changed.contains("--resume-changed"), "{changed}");
    let older = folder.join("checkpoints/round-000001");
    assert!(resume(&[text(&older)], CHECKPOINT).contains("round-000002"));
    // Settings that do not change the result may change, and a changed run goes on if told to.
    run(root.path(), &["--resume", "latest", "--workers", "2"]);
    let same = run(root.path(), &["--resume", "latest", "--resume-changed", "--rounds", "5", "--rate", "0.05"]);
    assert_eq!(same, folder);
    assert_eq!(lines(&folder.join("metrics.jsonl")).len(), 5);
    assert!(fs::read_to_string(folder.join("config.toml")).unwrap().contains("rate = 0.05"));
    // A ledger that somebody changed is not gone on with.
    let ledger = folder.join("ledger.jsonl");
    let content = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, content.replacen("\"amount\":", "\"amount\":1", 2)).unwrap();
    let touched = resume(&["latest"], CHECKPOINT);
    assert!(touched.contains("ledger.jsonl") && touched.contains("not what they were"), "{touched}");
    fs::write(&ledger, content).unwrap();
    // A damaged checkpoint says which older one is there.
    fs::write(folder.join("checkpoints/round-000005/model.safetensors"), "x").unwrap();
    let damaged = resume(&["latest"], CHECKPOINT);
    assert!(damaged.contains("round-000005/model.safetensors") && damaged.contains("round-000004"), "{damaged}");
    // Other images than those that the run started with.
    fs::remove_dir_all(folder.join("checkpoints/round-000005")).unwrap();
    let images = root.path().join("images");
    let labels = fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().path());
    let labels = labels.filter(|path| path.to_str().unwrap().contains("test-labels")).collect::<Vec<_>>();
    let swapped: Vec<u8> = [&[0u8, 0, 8, 1, 0, 0, 0, 100][..], &[3; 100]].concat();
    assert_eq!(labels.len(), 1, "{labels:?}");
    fs::remove_file(&labels[0]).unwrap();
    fs::write(labels[0].with_extension(""), swapped).unwrap();
    assert!(resume(&["latest"], CHECKPOINT).contains("images of clients and test"));
}

/// Starts a run whose standard error is read line by line.
fn start(root: &Path, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let runs = root.join("runs");
    let mut child = imfl()
        .args([&["run", "--runs", text(&runs)], arguments].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap());
    (child, lines)
}

/// Reads until a line contains one of these; what was read.
fn wait_for(lines: &mut impl BufRead, wanted: &[&str]) -> String {
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

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_exits_with_130_and_the_run_goes_on() {
    let root = tempfile::tempdir().unwrap();
    // Nothing is saved on the way: only the signal does.
    let config = config(root.path(), "every = 0\n");
    let expected = left(&run(root.path(), &["--config", &config, "--rounds", "40"]));
    for name in ["-INT", "-TERM"] {
        let (mut child, mut lines) = start(root.path(), &["--config", &config, "--rounds", "40"]);
        wait_for(&mut lines, &["round 2 of"]);
        signal(&child, name);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert!(rest.contains("interrupted after round") && rest.contains("--resume"), "{rest}");
        let folder = run(root.path(), &["--resume", "latest"]);
        assert!(left(&folder) == expected, "{name}");
    }
}

/// The last round that a run acknowledged in these lines.
fn acknowledged(lines: &str) -> Option<u64> {
    let saved = lines.lines().filter(|line| line.ends_with("saved"));
    saved.filter_map(|line| line.strip_prefix("round ")?.split(' ').next()?.parse().ok()).next_back()
}

fn newest(folder: &Path) -> u64 {
    let names = fs::read_dir(folder.join("checkpoints")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.to_str()?.strip_prefix("round-")?.parse().ok()).max().unwrap()
}

/// Kills a saving run at random points again and again, and lets it go on each time.
#[cfg(unix)]
fn kill(times: u64) {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let folder = root.path().join("runs/0001-run");
    let mut last = 0;
    let (mut on_the_dot, mut one_more) = (0, 0);
    for time in 0..times {
        // A price of accuracy at which everybody takes part in so many rounds.
        let fresh = ["--config", &config, "--rounds", "30000", "--weight", "1e6", "--keep", "2"];
        let (mut child, mut lines) = match time {
            0 => start(root.path(), &fresh),
            _ => start(root.path(), &["--resume", "latest"]),
        };
        // The checkpoint was read, or the first one is there.
        let mut seen = wait_for(&mut lines, &["going on after round", "round 1 of"]);
        if last > 0 {
            assert!(seen.contains(&format!("going on after round {last} of")), "{last} was saved: {seen}");
        }
        // Rounds take some milliseconds, most of which go into saving.
        let random = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        std::thread::sleep(Duration::from_nanos(random % 150_000_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        lines.read_to_string(&mut seen).unwrap();
        assert!(status.code().is_none(), "it ended by itself: {seen}");
        let acknowledged = acknowledged(&seen).unwrap_or(last);
        let found = newest(&folder);
        assert!(found == acknowledged || found == acknowledged + 1, "{acknowledged} acknowledged, {found} is there");
        if found == acknowledged {
            on_the_dot += 1
        } else {
            one_more += 1
        }
        last = found;
    }
    println!(
        "{times} kills, {last} rounds: the newest checkpoint was the last acknowledged {on_the_dot} times, the next {one_more} times"
    );
    // It still goes on, and what it wrote is consistent.
    let (mut child, mut output) = start(root.path(), &["--resume", "latest"]);
    wait_for(&mut output, &[", saved"]);
    signal(&child, "-INT");
    output.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rounds = newest(&folder);
    assert!(rounds > last);
    let metrics = lines(&folder.join("metrics.jsonl"));
    assert!(metrics.iter().map(|line| line["round"].as_u64().unwrap()).eq(1..=rounds));
    let ledger = lines(&folder.join("ledger.jsonl"));
    let ids: BTreeSet<&str> = ledger.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), ledger.len(), "somebody was paid twice");
    assert!(ledger.len() as u64 >= 2 * rounds, "hardly anybody was paid");
}

#[cfg(unix)]
#[test]
fn a_run_killed_at_100_random_points_loses_no_acknowledged_round() {
    kill(100);
}

#[cfg(unix)]
#[test]
#[ignore = "takes minutes: cargo test --release --test reliability 1000 -- --ignored --nocapture"]
fn a_run_killed_at_1000_random_points_loses_no_acknowledged_round() {
    kill(1000);
}

/// Twenty seeds with clients that drop out with this probability; what was paid over what was promised.
fn drop_out(probability: f64) -> Vec<f64> {
    let root = tempfile::tempdir().unwrap();
    let more = format!("[training.availability]\nbefore = {}\nduring = {0}\nafter = {0}\n", probability / 3.0);
    let config = config(root.path(), &more);
    let of = |seed: u64| {
        let seed = seed.to_string();
        // Clients that hold alike all take part.
        let flags =
            ["--config", &config, "--seed", &seed, "--rounds", "4", "--partition", "iid", "--generator", "none"];
        let folder = run(root.path(), &[&flags[..], &["--quorum", "2", "--checkpoint-every", "0"]].concat());
        let metrics = lines(&folder.join("metrics.jsonl"));
        assert_eq!(metrics.len(), 4, "it ends");
        let ledger = lines(&folder.join("ledger.jsonl"));
        let (mut sum, mut paid) = (0, 0);
        for transaction in &ledger {
            let postings = transaction["postings"].as_array().unwrap();
            let amounts: Vec<i64> = postings.iter().map(|posting| posting["amount"].as_i64().unwrap()).collect();
            sum += amounts.iter().sum::<i64>();
            assert!(amounts[0] < 0 && amounts[1] > 0 && postings[0]["account"] == "server");
            paid += amounts[1];
            // Paid for a round that was held, to somebody who was asked and delivered.
            let id: Vec<&str> = transaction["id"].as_str().unwrap().split(':').collect();
            let [_, round, client] = id[..] else { panic!("{id:?}") };
            assert_eq!(postings[1]["account"], format!("client:{client}"));
            let round = &metrics[round.parse::<usize>().unwrap() - 1];
            let client: u64 = client.parse().unwrap();
            assert!(round["cohort"].as_array().unwrap().iter().any(|asked| asked.as_u64() == Some(client)));
            assert!(round["dropped"].as_array().unwrap().iter().all(|one| one["client"].as_u64() != Some(client)));
            assert_eq!(round["skipped"], false);
        }
        assert_eq!(sum, 0, "money is conserved");
        let delivered: usize = metrics
            .iter()
            .filter(|round| round["skipped"] == false)
            .map(|round| round["cohort"].as_array().unwrap().len() - round["dropped"].as_array().unwrap().len())
            .sum();
        assert_eq!(ledger.len(), delivered, "everybody who delivered is paid");
        let summary: Value = serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap();
        let (promised, settled) = (summary["payments"].as_f64().unwrap(), summary["paid"].as_f64().unwrap());
        assert!((settled - paid as f64 * 1e-6).abs() < 1e-9 && promised > 0.0, "{summary}");
        let accuracies: BTreeSet<String> = metrics.iter().map(|round| round["accuracy"].to_string()).collect();
        if metrics.iter().all(|round| round["skipped"] == true) {
            assert_eq!(accuracies.len(), 1, "no round was held, and the model moved");
        }
        settled / promised
    };
    (1..=20).map(of).collect()
}

#[test]
fn clients_that_drop_out_are_paid_for_what_they_delivered() {
    let all = drop_out(0.0);
    assert!(all.iter().all(|share| (share - 1.0).abs() < 1e-9), "everybody delivers, and gets all: {all:?}");
    let mean = |shares: Vec<f64>| shares.iter().sum::<f64>() / shares.len() as f64;
    let some = mean(drop_out(0.3));
    assert!((0.5..0.9).contains(&some), "{some}");
    let few = mean(drop_out(0.9));
    assert!(few < 0.2, "{few}");
    assert_eq!(drop_out(1.0), [0.0; 20], "nobody delivers, and nobody is paid");
}

#[test]
fn hostile_clients_are_named_and_a_robust_rule_learns_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let accuracy = |flags: &[&str]| {
        let folder =
            run(root.path(), &[&["--config", &config, "--partition", "iid", "--batch", "5"][..], flags].concat());
        let summary: Value = serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap();
        (summary["accuracy"].as_f64().unwrap(), lines(&folder.join("metrics.jsonl")))
    };
    let (_, rounds) = accuracy(&["--attack", "nan", "--hostile", "1"]);
    let named = rounds.iter().all(|round| round["rejected"][0]["reason"] == "not-finite");
    assert!(named, "{rounds:?}");
    let (steered, _) = accuracy(&["--attack", "sign-flip:2", "--hostile", "2"]);
    let (robust, _) = accuracy(&["--attack", "sign-flip:2", "--hostile", "2", "--aggregation", "median"]);
    assert!(robust > steered + 0.2, "{robust} with a median, {steered} with a mean");
    let odd = fail(&["run", "--config", &config, "--aggregation", "average"], CONFIG);
    assert!(odd.contains("`training.aggregation`") && odd.contains("geometric-median"), "{odd}");
    let output = imfl().args(["run", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("--hostile"), "{}", stderr(&output));
}
