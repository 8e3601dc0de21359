//! Clients that drop out, and clients that lie.

mod common;

use common::small_run::{config, lines, run};
use common::{fail, imfl, stderr};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const CONFIG: i32 = 3;

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
