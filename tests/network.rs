//! `imfl run` on simulated networks.

mod common;

use common::small_run::{config, copy, left, run};
use common::{fail, file, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CONFIG: i32 = 3;

fn summary(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap()
}

fn metrics(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_without_limits_change_nothing_but_the_clock() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let instant: String = (0..6).map(|client| format!("{client},inf,inf,0\n")).collect();
    let links = file(root.path(), "links.csv", format!("client,down,up,latency\n{instant}"));
    let without = run(root.path(), &["--config", &config, "--rounds", "3"]);
    let with = run(root.path(), &["--config", &config, "--rounds", "3", "--network", &links]);
    let read = |folder: &Path, name| fs::read(folder.join(name)).unwrap();
    assert!(read(&without, "model.safetensors") == read(&with, "model.safetensors"));
    assert!(read(&without, "ledger.jsonl") == read(&with, "ledger.jsonl"));
    assert!(summary(&without).get("network").is_none() && metrics(&without)[0].get("network").is_none());
    // The slowest of those who train, three times: samples times 1e-4 s times the factor of its device.
    let network = &summary(&with)["network"];
    let rounds = metrics(&with);
    let ends: Vec<f64> = rounds.iter().map(|round| round["network"]["ends"].as_f64().unwrap()).collect();
    assert_eq!(network["simulated_seconds"].as_f64().unwrap(), ends[2]);
    assert!((ends[2] / ends[0] - 3.0).abs() < 1e-9 && ends[0] > 0.0, "{ends:?}");
    let asked: u64 = rounds.iter().map(|round| round["cohort"].as_array().unwrap().len() as u64).sum();
    assert_eq!(network["bytes_up"], network["bytes_down"]);
    assert_eq!(network["bytes_up"].as_u64().unwrap() % asked, 0);
    assert_eq!((&network["late"], &network["lost"]), (&0.into(), &0.into()));
}

/// Asynchronous rounds with clients that come and go, what they remember of compression and what is on its way, cut in the
/// middle.
#[test]
fn asynchronous_rounds_go_on_byte_for_byte() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let flags =
        ["--network", "mobile", "--policy", "buffered:2", "--compression", "top-k:0.1", "--presence", "markov:5:1"];
    let whole = run(root.path(), &[&["--config", &config, "--cohort", "4"][..], &flags].concat());
    let expected = left(&whole);
    let total = &summary(&whole)["network"];
    assert!(total["late"].as_u64().unwrap() > 0 && total["simulated_seconds"].as_f64().unwrap() > 0.0, "{total}");
    for round in [1, 4, 7] {
        let folder = root.path().join(format!("runs/{:04}-copy", round + 2));
        copy(&whole, &folder);
        for later in round + 1..=10 {
            fs::remove_dir_all(folder.join(format!("checkpoints/round-{later:06}"))).unwrap();
        }
        let saved = folder.join(format!("checkpoints/round-{round:06}"));
        assert!(saved.join("network.safetensors").exists() && saved.join("late.safetensors").exists());
        assert_eq!(run(root.path(), &["--resume", text(&folder)]), folder);
        assert!(left(&folder) == expected, "after round {round}");
    }
}

#[test]
fn bytes_and_seconds_are_part_of_what_clients_want_and_are_paid() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let priced = |megabyte: &str, second: &str, more: &[&str]| {
        let megabyte = format!("network.credits_per_megabyte={megabyte}");
        let second = format!("network.credits_per_second={second}");
        let flags = ["--config", &config, "--rounds", "3", "--network", "mobile", "--rule", "everyone-at-cost"];
        let prices = ["--set", &megabyte, "--set", &second];
        summary(&run(root.path(), &[&flags[..], &prices, more].concat()))
    };
    let free = priced("0", "0", &[]);
    let bytes = priced("0.01", "0", &[]);
    let seconds = priced("0", "0.01", &[]);
    let payments = |summary: &Value| summary["payments"].as_f64().unwrap();
    // At cost, six clients are paid for what goes over their lines, to a micro-credit for each client.
    let moved =
        (bytes["network"]["bytes_up"].as_f64().unwrap() + bytes["network"]["bytes_down"].as_f64().unwrap()) / 1e6;
    let paid = payments(&bytes) - payments(&free);
    assert!((paid - 0.01 * moved).abs() < 1e-5, "{paid} for {moved} MB");
    assert!(payments(&seconds) > payments(&free));
    let smaller = priced("0.01", "0", &["--compression", "q8"]);
    assert!(payments(&smaller) < payments(&bytes), "fewer bytes, less pay");
    // Those who are cut off are paid nothing, or the share that was promised.
    let cut = |share: &str| {
        let share = format!("network.late_pay={share}");
        priced("0", "0", &["--policy", "deadline:0.2", "--set", &share, "--set", "network.credits_per_hour=36"])
    };
    let (nothing, half, all) = (cut("0"), cut("0.5"), cut("1"));
    let paid = |summary: &Value| summary["paid"].as_f64().unwrap();
    assert!(nothing["network"]["lost"].as_u64().unwrap() > 0);
    assert!(paid(&nothing) < paid(&half) && paid(&half) < paid(&all));
    assert!((paid(&all) - payments(&all)).abs() < 1e-9, "all that was asked for is paid");
    let cost = nothing["network"]["time_cost"].as_f64().unwrap();
    assert!((cost - nothing["network"]["simulated_seconds"].as_f64().unwrap() * 0.01).abs() < 1e-12);
}

#[test]
fn wrong_networks_are_refused_with_file_and_line() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let refuse = |flags: &[&str]| fail(&[&["run", "--config", &config][..], flags].concat(), CONFIG);
    let few = file(root.path(), "few.csv", "client,down,up,latency\n0,1,1,1\n");
    assert!(refuse(&["--network", &few]).contains("few.csv: has no line for client 1"));
    let broken = file(root.path(), "broken.csv", "client,down,up,latency\n0,1,fast,1\n");
    assert!(refuse(&["--network", &broken]).contains("broken.csv:2: column `up`: `fast`"));
    assert!(refuse(&["--network", "dialup"]).contains("dialup: cannot be read"));
    assert!(refuse(&["--policy", "deadline:3"]).contains("need `network.links`"));
    assert!(refuse(&["--network", "lan", "--policy", "patience"]).contains("over-selection[:FACTOR]"));
    let trace = file(root.path(), "trace.csv", "client,from,to\n0,5,2\n");
    let presence = format!("trace:{trace}");
    assert!(refuse(&["--network", "lan", "--presence", &presence]).contains("trace.csv:2: from 5 to 2"));
    succeed(&["run", "--help"]);
}
