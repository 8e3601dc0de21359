//! Runs that are interrupted and go on.

mod common;

use common::small_run::{config, copy, left, lines, run};
#[cfg(unix)]
use common::small_run::{signal, start, wait_for};
use common::{fail, text};
use serde_json::Value;
use std::fs;
#[cfg(unix)]
use std::io::Read;

const CHECKPOINT: i32 = 7;
const CONFIG: i32 = 3;

/// Ten rounds, and ten rounds that were interrupted after any number of them, with what the server remembers in each way.
#[test]
fn interrupted_after_any_round_a_run_comes_to_the_same() {
    let adaptive = "[training.server]\nrule = \"fedadam\"\n[training.availability]\nlate = 0.2\nbefore = 0.1\n";
    // With what each reaches at least in ten rounds on 300 images.
    let ways: [(&str, &[&str], f64); 2] = [
        ("", &[], 0.2),
        (
            adaptive,
            &["--algorithm", "scaffold", "--cohort", "5", "--aggregation", "trimmed-mean:1", "--quorum", "3"],
            0.15,
        ),
    ];
    for (more, flags, least) in ways {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), more);
        let whole = run(root.path(), &[&["--config", &config][..], flags].concat());
        let expected = left(&whole);
        assert_eq!(expected.metrics.len(), 10);
        assert!(!expected.ledger.is_empty() && expected.summary["accuracy"].as_f64().unwrap() > least);
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
    // A ledger in which another program has booked a payment once more is not gone on with.
    let ledger = folder.join("ledger.jsonl");
    let content = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, format!("{content}{}\n", content.lines().last().unwrap())).unwrap();
    let twice = resume(&["latest"], CHECKPOINT);
    assert!(twice.contains("ledger.jsonl") && twice.contains("is in the file twice"), "{twice}");
    fs::write(&ledger, content).unwrap();
    // Nor one that somebody changed.
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

/// More rounds than a run was started for: the run that was told so at once, in every byte, and each update paid once.
#[test]
fn a_run_goes_on_for_longer_and_pays_for_each_further_round_as_before() {
    let ways: [&[&str]; 2] = [&[], &["--cohort", "3", "--drop-out", "0.2"]];
    for flags in ways {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), "");
        let with = |more: &[&str]| run(root.path(), &[&["--config", &config][..], flags, more].concat());
        let whole = with(&["--rounds", "9", "--set", "mechanism.rounds=4"]);
        let expected = left(&whole);
        let priced = left(&with(&["--rounds", "4"]));
        let folder = with(&["--rounds", "4"]);
        // Twice, and the second time once more for nothing.
        for rounds in ["6", "9", "9"] {
            assert_eq!(run(root.path(), &["--resume", text(&folder), "--rounds", rounds]), folder);
        }
        assert!(left(&folder) == expected, "{flags:?}");
        let configs = [&folder, &whole].map(|folder| fs::read_to_string(folder.join("config.toml")).unwrap());
        assert_eq!(configs[0], configs[1]);
        assert!(expected.ledger.starts_with(&priced.ledger), "what was paid before stays paid");
        let transfers: Vec<Value> = lines(&folder.join("ledger.jsonl"));
        let ids = transfers.iter().map(|transfer| transfer["id"].as_str().unwrap());
        let once: std::collections::BTreeSet<&str> = ids.clone().collect();
        assert_eq!(once.len(), ids.count());
        let number = |key: &str| expected.summary[key].as_f64().unwrap();
        assert_eq!(
            number("payments"),
            priced.summary["payments"].as_f64().unwrap(),
            "the awards are those of 4 rounds"
        );
        // Credits are whole micro-credits, whose sums as binary fractions may be off in the last bit.
        let micros = |key: &str| (number(key) * 1e6).round() as i64;
        assert!(micros("paid") <= micros("payments") + micros("further_payments"));
        if flags.is_empty() {
            // Everybody delivers: five further rounds earn five quarters of the awards, to a micro-credit a transfer.
            let further = number("paid") - number("payments");
            let rounding = 1e-6 * transfers.len() as f64;
            assert!((further - 1.25 * number("payments")).abs() <= rounding, "{further}");
            assert!((number("further_payments") - further).abs() < 1e-9);
        }
        let shorter = ["run", "--resume", text(&folder), "--rounds", "8"];
        assert!(fail(&shorter, CONFIG).contains("training.rounds 9 -> 8"));
        let fewer = ["run", "--config", &config, "--rounds", "4", "--set", "mechanism.rounds=5"];
        assert!(fail(&fewer, CONFIG).contains("`mechanism.rounds` must be between 1 and `training.rounds`"));
    }
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
        signal(child.id(), name);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert!(rest.contains("interrupted after round") && rest.contains("--resume"), "{rest}");
        let folder = run(root.path(), &["--resume", "latest"]);
        assert!(left(&folder) == expected, "{name}");
    }
}
