//! Private runs through the binary: what they say, keep, refuse and repeat.

mod common;

use common::small_run::{config, copy, left, lines, run};
use common::{fail, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CONFIG: i32 = 3;
const CHECKPOINT: i32 = 7;
const BUDGET: i32 = 8;

/// Small clients and much noise: nothing is learnt here, and everything is accounted for.
const PRIVATE: [&str; 8] = ["--dp-clip", "0.5", "--dp-noise", "1.5", "--dp-delta", "1e-3", "--cohort", "3"];

fn private(root: &Path, more: &[&str]) -> std::path::PathBuf {
    run(root, &[&["--config", &config(root, "")], &PRIVATE[..], more].concat())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn with(mut value: Value, key: &str, is: Value) -> Value {
    value[key] = is;
    value
}

#[test]
fn a_run_tells_what_it_spends_and_agrees_with_the_account() {
    let root = tempfile::tempdir().unwrap();
    let folder = private(root.path(), &["--rounds", "4", "--dp-test-secret", "1"]);
    let summary: Value = serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap();
    let told = &summary["privacy"];
    assert_eq!((number(&told["noise"]), number(&told["clip"]), number(&told["delta"])), (1.5, 0.5, 1e-3));
    assert!(told["void"].as_str().unwrap().contains("everybody knows"));
    assert!(told["outside"].as_array().unwrap().len() > 5);
    // What `imfl privacy account` says of such a training.
    let rate = number(&told["rate"]).to_string();
    let account = ["privacy", "account", "--noise", "1.5", "--rate", &rate, "--rounds", "4", "--delta", "1e-3"];
    let account: Value = serde_json::from_str(&succeed(&[&account[..], &["--format", "json"]].concat())).unwrap();
    assert_eq!((&told["epsilon"], &told["epsilon_rdp"]), (&account["epsilon"], &account["epsilon_rdp"]));
    // Every round says what was spent by its end, nothing of who took part, and its line was there before it.
    let (metrics, all) = (lines(&folder.join("metrics.jsonl")), lines(&folder.join("privacy.jsonl")));
    assert_eq!((metrics.len(), all.len()), (4, 4));
    for (round, (metrics, spent)) in metrics.iter().zip(&all).enumerate() {
        assert_eq!((&spent["epsilon"], &spent["round"]), (&metrics["privacy"]["epsilon"], &Value::from(round + 1)));
        assert!(
            metrics["cohort"] == Value::Array(vec![]) && metrics["train_loss"].is_null() && metrics["samples"] == 0
        );
        assert!(round == 0 || number(&spent["epsilon"]) > number(&all[round - 1]["epsilon"]));
    }
    assert_eq!(metrics[3]["privacy"]["epsilon"], told["epsilon"]);
    let report = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(report.contains("Privacy") && report.contains("The guarantee is void"), "{report}");
}

/// The same bits from a run that is repeated, on other workers, and from one that goes on after any round.
#[test]
fn private_runs_are_repeated_to_the_bit_and_go_on_with_what_was_spent() {
    let ways: [&[&str]; 3] = [&[], &["--dp-quantile", "0.5"], &["--dp-mechanism", "tree"]];
    for way in ways {
        let root = tempfile::tempdir().unwrap();
        let flags = [&["--rounds", "5", "--dp-test-secret", "9"], way].concat();
        let whole = private(root.path(), &flags);
        let expected = left(&whole);
        let again = private(root.path(), &[&flags[..], &["--workers", "2"]].concat());
        assert!(left(&again) == expected, "{way:?}: another run on two workers");
        let other = private(root.path(), &[&["--rounds", "5", "--dp-test-secret", "8"], way].concat());
        assert!(left(&other).model != expected.model, "{way:?}: another secret, the same noise");
        for round in [0, 2, 4] {
            let folder = root.path().join(format!("runs/00{round}0-copy"));
            copy(&whole, &folder);
            for later in round + 1..=5 {
                fs::remove_dir_all(folder.join(format!("checkpoints/round-{later:06}"))).unwrap();
            }
            let resumed = run(root.path(), &["--resume", text(&folder)]);
            assert!(left(&resumed) == expected, "{way:?}: resumed after round {round}");
            assert_eq!(
                fs::read(folder.join("privacy.jsonl")).unwrap(),
                fs::read(whole.join("privacy.jsonl")).unwrap(),
                "{way:?}: a repeated round spends nothing new"
            );
        }
    }
}

#[test]
fn a_budget_ends_the_run_and_what_was_trained_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let runs = root.path().join("runs");
    let base = ["run", "--runs", text(&runs), "--config", &config];
    let stopped = fail(&[&base[..], &PRIVATE, &["--dp-epsilon", "2.5", "--checkpoint-every", "0"]].concat(), BUDGET);
    assert!(stopped.contains("does not reach") && stopped.contains("is saved in"), "{stopped}");
    let folder = runs.join("0001-run");
    let done = lines(&folder.join("metrics.jsonl")).len();
    assert!((1..10).contains(&done), "{done} rounds");
    assert!(folder.join(format!("checkpoints/round-{done:06}")).is_dir());
    let spent = lines(&folder.join("privacy.jsonl"));
    assert!(spent.len() == done && number(&spent[done - 1]["epsilon"]) <= 2.5);
    // It remembers, and refuses again.
    let again = fail(&["run", "--resume", text(&folder)], BUDGET);
    assert!(again.contains(&format!("after {done} rounds")), "{again}");
    // A run that asks for a budget finds noise that keeps it.
    let flags = ["--dp-clip", "0.5", "--dp-delta", "1e-3", "--dp-epsilon", "2.5", "--format", "json"];
    let summary: Value = serde_json::from_str(&succeed(&[&base[..], &flags].concat())).unwrap();
    let (told, epsilon) = (&summary["privacy"], number(&summary["privacy"]["epsilon"]));
    assert!(epsilon <= 2.5 && epsilon > 2.45 && told["void"].is_null(), "{told}");
}

#[test]
fn secrets_are_kept_from_others_and_changed_with_the_settings() {
    let root = tempfile::tempdir().unwrap();
    let folder = private(root.path(), &["--rounds", "2"]);
    let key = folder.join("secret.key");
    let stored: Value = serde_json::from_slice(&fs::read(&key).unwrap()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let secret = stored["secret"].to_string();
    for file in ["summary.json", "report.html", "config.toml", "privacy.jsonl", "metrics.jsonl"] {
        assert!(!fs::read_to_string(folder.join(file)).unwrap().contains(&secret), "{file}");
    }
    // Two runs with the same seed have other noise.
    let longer = fail(&["run", "--resume", text(&folder), "--rounds", "3"], CONFIG);
    assert!(longer.contains("opened for 2 rounds") && longer.contains("--resume-changed"), "{longer}");
    let other = private(root.path(), &["--rounds", "2"]);
    assert_ne!(fs::read(folder.join("model.safetensors")).unwrap(), fs::read(other.join("model.safetensors")).unwrap());
    // With other settings another secret, and what was told under the first stays told.
    let changed =
        imfl().args(["run", "--resume", text(&folder), "--resume-changed", "--rounds", "3"]).output().unwrap();
    assert!(changed.status.success(), "{}", stderr(&changed));
    let renewed: Value = serde_json::from_slice(&fs::read(&key).unwrap()).unwrap();
    assert!(renewed["number"] == 2 && renewed["secret"] != stored["secret"]);
    let spent = lines(&folder.join("privacy.jsonl"));
    assert_eq!(spent.iter().map(|line| line["secret"].as_u64().unwrap()).collect::<Vec<u64>>(), [1, 1, 2]);
    // In a place where rounds may come to other bits, likewise.
    let elsewhere = Value::from("elsewhere");
    fs::write(&key, serde_json::to_vec(&with(renewed, "place", elsewhere)).unwrap()).unwrap();
    succeed(&["run", "--resume", text(&folder)]);
    let moved: Value = serde_json::from_slice(&fs::read(&key).unwrap()).unwrap();
    assert!(moved["number"] == 3 && moved["place"] != "elsewhere", "another place, another secret");
    // Private rounds and others do not mix.
    let mixed =
        fail(&["run", "--resume", text(&folder), "--resume-changed", "--config", &config(root.path(), "")], CONFIG);
    assert!(mixed.contains("were private"), "{mixed}");
    fs::remove_file(&key).unwrap();
    let lost = fail(&["run", "--resume", text(&folder)], CHECKPOINT);
    assert!(lost.contains("secret.key"), "{lost}");
}

#[test]
fn settings_that_void_the_guarantee_are_refused_by_key_and_reason() {
    let base = ["run", "--runs", "/nowhere"];
    let cases: [(&[&str], &str); 8] = [
        (&["--sampling", "uniform"], "fixed size"),
        (&["--dp-clip", "0"], "no noise is enough"),
        (&["--aggregation", "median"], "no known sensitivity"),
        (&["--algorithm", "scaffold"], "variates"),
        (&["--quorum", "2"], "quorum"),
        (&["--network", "mobile"], "whoever is slow"),
        (&["--dp-delta", "0.5"], "one over the number of clients"),
        (&["--dp-mechanism", "tree", "--dp-quantile", "0.5"], "one clipping bound"),
    ];
    for (more, reason) in cases {
        let flags = ["--dp-clip", "0.5", "--dp-noise", "1", "--dp-delta", "1e-3"];
        let kept: Vec<&str> = flags.chunks(2).filter(|pair| !more.contains(&pair[0])).flatten().copied().collect();
        let error = fail(&[&base[..], &kept, more].concat(), CONFIG);
        assert!(error.contains(reason), "{more:?}: {error}");
    }
    for half in
        [&["--dp-epsilon", "1", "--dp-delta", "1e-3"][..], &["--dp-mechanism", "tree"], &["--set", "privacy.votes=2"]]
    {
        assert!(fail(&[&base[..], half].concat(), CONFIG).contains("`privacy.clip`"), "{half:?}");
    }
    // What cannot be kept is said before anything is measured.
    let hopeless = ["--dp-clip", "0.5", "--dp-delta", "1e-3", "--dp-epsilon", "0.01"];
    let error = fail(&[&base[..], &hopeless, &["--dp-noise", "1"]].concat(), BUDGET);
    assert!(error.contains("after 0 rounds"), "{error}");
    let error = fail(&[&base[..], &hopeless[..2], &["--dp-epsilon", "1e-9", "--dp-delta", "1e-12"]].concat(), CONFIG);
    assert!(error.contains("no noise"), "{error}");
}

/// Mean error of a forecast's pilots, and the file of its laws.
fn pilots(root: &Path, name: &str, more: &[&str]) -> (f64, std::path::PathBuf) {
    let (laws, table) = (root.join(format!("{name}.toml")), root.join(format!("{name}.csv")));
    let flags = ["forecast", "fit", "--config", &config(root, ""), "--out", text(&laws), "--table", text(&table)];
    succeed(&[&flags[..], more].concat());
    let rows = fs::read_to_string(&table).unwrap();
    let errors: Vec<f64> = rows.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
    (errors.iter().sum::<f64>() / errors.len() as f64, laws)
}

/// Pilots have the noise of the run: next to none leaves nearly everything, much leaves nothing to be learnt. A forecast is for one noise.
#[test]
fn forecasts_know_the_noise() {
    let root = tempfile::tempdir().unwrap();
    let noise = |noise| ["--dp-clip", "1", "--dp-delta", "1e-3", "--dp-noise", noise];
    let (plain, laws) = pilots(root.path(), "plain", &[]);
    let (little, _) = pilots(root.path(), "little", &noise("0.001"));
    let (much, private) = pilots(root.path(), "much", &noise("3"));
    println!("errors: {plain} plain, {little} with little noise, {much} with much");
    assert!((plain - little).abs() < 0.15 && much > little + 0.1, "{plain} {little} {much}");
    assert!(fs::read_to_string(private).unwrap().contains("gaussian noise 3, clip 1"));
    let run = ["run", "--config", &config(root.path(), ""), "--objective", "forecast", "--forecast", text(&laws)];
    let other = fail(&[&run[..], &noise("3"), &["--runs", "/nowhere"]].concat(), CONFIG);
    assert!(other.contains("privacy none -> gaussian noise 3"), "{other}");
}
