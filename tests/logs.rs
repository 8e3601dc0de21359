//! What a run writes for other programs: a table and TensorBoard's events.

mod common;

use common::small_run::{config, lines, run};
use common::{fail, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const CONFIG: i32 = 3;

/// Payloads of the records of an event file.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        found.push(rest[12..12 + length].to_vec());
        rest = &rest[16 + length..];
    }
    found
}

fn rows(folder: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("metrics.csv")).unwrap();
    text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}

#[test]
fn a_table_and_events_hold_what_the_metrics_hold_also_after_going_on() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let plain = run(root.path(), &["--config", &config, "--rounds", "3"]);
    assert!(!plain.join("metrics.csv").exists() && !plain.join("tensorboard").exists());
    let folder = run(root.path(), &["--config", &config, "--rounds", "2", "--log", "tensorboard,csv"]);
    let longer = run(root.path(), &["--resume", text(&folder), "--rounds", "3"]);
    assert_eq!(longer, folder);
    let metrics: Vec<Value> = lines(&folder.join("metrics.jsonl"));
    let rows = rows(&folder);
    assert_eq!((metrics.len(), rows.len()), (3, 4));
    assert_eq!(rows[0][..4], ["round", "accuracy", "loss", "train_loss"]);
    for (line, row) in metrics.iter().zip(&rows[1..]) {
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        assert_eq!((number(0), number(1)), (line["round"].as_f64().unwrap(), line["accuracy"].as_f64().unwrap()));
        assert_eq!(number(2), line["loss"].as_f64().unwrap(), "to the bit");
        assert_eq!(number(6), line["cohort"].as_array().unwrap().len() as f64);
    }
    let events = records(&folder.join("tensorboard/events.out.tfevents.0.imfl"));
    assert_eq!(events.len(), 4);
    assert!(events[0].ends_with(b"brain.Event:2"));
    for (event, line) in events[1..].iter().zip(&metrics) {
        // After nine bytes of time: the step, and the value behind the tag.
        assert_eq!(u64::from(event[10]), line["round"].as_u64().unwrap());
        let tag = b"\x0a\x08accuracy\x15";
        let at = event.windows(tag.len()).position(|window| window == tag).unwrap() + tag.len();
        let value = f32::from_le_bytes(event[at..at + 4].try_into().unwrap());
        assert_eq!(value, line["accuracy"].as_f64().unwrap() as f32);
    }
    let wrong = fail(&["run", "--config", &config, "--log", "wandb"], CONFIG);
    assert!(wrong.contains("`wandb` is no log; expected none, or csv and tensorboard"), "{wrong}");
}

/// What TensorBoard itself reads.
const READ: &str = r#"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
print(json.dumps({tag: [[scalar.step, scalar.value] for scalar in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
"#;

#[test]
#[ignore = "needs python3 with tensorboard; run with --ignored"]
fn tensorboard_reads_the_events() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let folder = run(root.path(), &["--config", &config, "--rounds", "3", "--log", "tensorboard"]);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let read = ["-c", READ, text(&folder.join("tensorboard"))].map(String::from);
    let output = Command::new(&python).args(read).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let metrics: Vec<Value> = lines(&folder.join("metrics.jsonl"));
    for tag in ["accuracy", "loss", "train_loss", "samples", "seconds"] {
        let scalars = found[tag].as_array().unwrap();
        assert_eq!(scalars.len(), 3, "{found}");
        for (scalar, line) in scalars.iter().zip(&metrics) {
            assert_eq!(scalar[0], line["round"]);
            let (value, expected) = (scalar[1].as_f64().unwrap(), line[tag].as_f64().unwrap());
            assert!((value - expected).abs() <= 1e-6 * expected.abs(), "{tag}: {value} and {expected}");
        }
    }
}
