//! A run that is killed again and again while it saves.
#![cfg(unix)]

mod common;

use common::small_run::{config, lines, signal, start, wait_for};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    signal(child.id(), "-INT");
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

#[test]
fn a_run_killed_at_100_random_points_loses_no_acknowledged_round() {
    kill(100);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test kill 1000 -- --ignored --nocapture"]
fn a_run_killed_at_1000_random_points_loses_no_acknowledged_round() {
    kill(1000);
}
