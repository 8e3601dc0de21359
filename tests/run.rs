//! `imfl run` on some of the images that ship with the project.

mod common;

use common::{file, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A run small enough for a test: fixed costs, few clients, a perceptron, images drawn in few steps.
const SMALL: &str = r#"
seed = 5
[partition]
clients = 6
scheme = "dirichlet:0.3+quantity:2"
[training]
model = "mlp"
rounds = 2
batch = 20
[generator]
evaluations = 3
[probe]
points = 2
images_per_class = 8
[costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-3
seconds_for_setup = 0.01
[mechanism]
scenarios = 50
"#;

struct Ran {
    summary: Value,
    folder: PathBuf,
}

/// The configuration above over 500 training and 200 test images, as a file.
fn small_config(root: &Path) -> String {
    let images = root.join("images");
    let split = ["data", "split", "--dataset", "mnist", "--train", "500", "--test", "200", "--out", text(&images)];
    succeed(&split);
    file(root, "small.toml", format!("dataset = {images:?}\n{SMALL}"))
}

fn run(root: &Path, more: &[&str]) -> Ran {
    let config = small_config(root);
    let runs = root.join("runs");
    let arguments = [&["run", "--config", &config, "--runs", text(&runs), "--format", "json"], more].concat();
    let summary: Value = serde_json::from_str(&succeed(&arguments)).unwrap();
    let folder = PathBuf::from(summary["run_dir"].as_str().unwrap());
    Ran { summary, folder }
}

fn without_times(summary: &Value) -> Value {
    let mut summary = summary.clone();
    let keys = summary.as_object_mut().unwrap();
    keys.remove("seconds").unwrap();
    keys.remove("run_dir").unwrap();
    summary
}

#[test]
fn the_same_seed_gives_the_same_run_for_any_number_of_workers() {
    let root = tempfile::tempdir().unwrap();
    let one = run(root.path(), &["--workers", "1"]);
    let two = run(root.path(), &["--workers", "2"]);
    assert_eq!(without_times(&one.summary), without_times(&two.summary));
    assert_ne!(one.folder, two.folder);
    let read = |ran: &Ran, name: &str| fs::read_to_string(ran.folder.join(name)).unwrap();
    assert_eq!(read(&one, "ledger.jsonl"), read(&two, "ledger.jsonl"));
    let other = run(root.path(), &["--seed", "6"]);
    // Accuracies on few images may well be equal.
    assert_ne!(without_times(&one.summary)["loss"], without_times(&other.summary)["loss"]);
}

#[test]
fn the_summary_has_the_promised_keys_and_they_agree_with_each_other() {
    let root = tempfile::tempdir().unwrap();
    let Ran { summary, folder } = run(root.path(), &[]);
    assert_eq!(summary["schema"], "imfl.run/1");
    for key in ["device", "dataset", "run_dir"] {
        assert!(summary[key].is_string(), "{key}: {summary}");
    }
    let number = |key: &str| summary[key].as_f64().unwrap_or_else(|| panic!("{key} is no number: {summary}"));
    for key in ["seed", "clients", "rounds", "loss", "theta", "theta_floor", "g_data", "g_diff", "price"] {
        assert!(number(key) > 0.0, "{key}");
    }
    assert!((number("theta") - number("g_diff") / (2.0 * number("g_data"))).abs() < 1e-9);
    let [lowest, mean, highest] =
        ["lowest", "mean", "highest"].map(|key| summary["client_accuracy"][key].as_f64().unwrap());
    assert!(0.0 <= lowest && lowest < mean && mean < highest && highest <= 1.0, "{summary}");
    let predicted = |key: &str| summary["predicted"][key].as_f64().unwrap_or_else(|| panic!("{key}: {summary}"));
    assert_eq!(summary["objective"], "forecast");
    assert!((0.0..1.0).contains(&predicted("accuracy")) && predicted("loss") > 0.0 && predicted("error_points") > 0.0);
    let cost = number("worth") * 100.0 * (1.0 - predicted("accuracy")) + number("payments");
    assert!((number("server_cost") - cost).abs() < 1e-5 * cost.max(1.0), "{summary}");
    let modes = ["out", "local", "augmented"].map(|mode| summary["modes"][mode].as_u64().unwrap());
    assert_eq!(modes.iter().sum::<u64>(), 6);
    for stage in ["partition", "profile", "assess", "pilots", "allocate", "train", "report"] {
        assert!(summary["seconds"][stage].as_f64().unwrap() >= 0.0, "{stage}");
    }

    let stored: Value = serde_json::from_str(&fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap();
    assert_eq!(stored, summary, "what is printed is what is stored");
    let metrics = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let rounds: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rounds.len() as u64, summary["rounds"].as_u64().unwrap());
    assert_eq!(rounds.last().unwrap()["accuracy"], summary["accuracy"]);
}

/// Pilots are run once: what they taught is kept beside the runs, serves the next run of the same settings, and is said by `--forecast` too.
#[test]
fn a_forecast_is_fitted_once_and_used_again_while_its_settings_stay() {
    let root = tempfile::tempdir().unwrap();
    let first = run(root.path(), &[]);
    let kept: Vec<PathBuf> =
        fs::read_dir(root.path().join("runs/forecasts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    let pilots = |ran: &Ran| ran.summary["seconds"]["pilots"].as_f64().unwrap();
    let second = run(root.path(), &[]);
    assert_eq!(without_times(&first.summary), without_times(&second.summary));
    assert!(pilots(&second) < pilots(&first), "{} {}", pilots(&first), pilots(&second));
    let third = run(root.path(), &["--forecast", text(&kept[0])]);
    assert_eq!(third.summary["predicted"], first.summary["predicted"]);
    let shown = succeed(&["forecast", "show", text(&kept[0])]);
    assert!(shown.contains("36 pilots of 2 rounds") && shown.contains("rate"), "{shown}");

    let config = small_config(root.path());
    let runs = root.path().join("others");
    let other = ["run", "--config", &config, "--runs", text(&runs), "--rate", "0.05"];
    let output = imfl().args([&other[..], &["--forecast", text(&kept[0])]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("fitted for other settings: rate 0.1 -> 0.05"), "{}", stderr(&output));
    // A file that is not there yet is written.
    let new = root.path().join("new.toml");
    succeed(&[&other[..], &["--forecast", text(&new)]].concat());
    assert!(fs::read_to_string(&new).unwrap().contains("rate = \"0.05\"") && !runs.join("forecasts").exists());
    let bound = run(root.path(), &["--objective", "bound"]);
    assert!(bound.summary["predicted"].is_null() && bound.summary["accuracy_loss"].is_f64(), "{}", bound.summary);
}

/// The summary of a run that ends well, and what it said on the way.
fn told(arguments: &[&str]) -> (Value, String) {
    let output = imfl().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), stderr(&output))
}

#[test]
fn too_few_images_for_pilots_are_run_by_the_bound_with_a_word() {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("few");
    succeed(&["data", "split", "--dataset", "mnist", "--train", "60", "--test", "40", "--out", text(&images)]);
    let config = file(root.path(), "few.toml", format!("dataset = {images:?}\n{SMALL}"));
    let runs = root.path().join("runs");
    let arguments = ["run", "--config", &config, "--runs", text(&runs), "--generator", "none", "--format", "json"];
    let (summary, said) = told(&arguments);
    assert_eq!(summary["objective"], "bound", "{summary}");
    assert!(summary["predicted"].is_null() && summary["accuracy_loss"].is_f64(), "{summary}");
    assert!(said.contains("too small for pilots") && said.contains("the convergence bound decides"), "{said}");
}

/// Clients that claim balanced labels are caught by their gradients, told why and paid for less; honest ones are left alone.
#[test]
fn clients_that_lie_about_their_labels_are_caught() {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("many");
    succeed(&["data", "split", "--dataset", "mnist", "--train", "3000", "--test", "200", "--out", text(&images)]);
    let config = file(root.path(), "many.toml", format!("dataset = {images:?}\n{SMALL}"));
    let runs = root.path().join("runs");
    let base = ["run", "--config", &config, "--runs", text(&runs), "--generator", "none", "--worth", "1e6"];
    let ran = |more: &[&str]| {
        let (summary, said) = told(&[&base[..], &["--format", "json"], more].concat());
        let ledger = Path::new(summary["run_dir"].as_str().unwrap()).join("ledger.jsonl");
        (summary, said, fs::read_to_string(ledger).unwrap())
    };
    let (honest, said, ledger) = ran(&[]);
    assert!(honest["flagged"].as_array().unwrap().is_empty() && !said.contains("withheld"), "{said}");
    assert!(!ledger.contains("withheld") && honest["seconds"]["verify"].is_f64());
    let (caught, said, ledger) = ran(&["--liars", "2", "--lie", "maximal"]);
    let flagged = caught["flagged"].as_array().unwrap();
    assert_eq!(flagged.len(), 2, "{said}");
    for flagged in flagged {
        assert!(flagged["believed"].as_u64() < flagged["claimed"].as_u64(), "{flagged}");
        assert!(flagged["distance"].as_f64() > flagged["allowed"].as_f64(), "{flagged}");
        let client = flagged["client"].as_u64().unwrap();
        assert!(said.contains(&format!("client {client}: its gradient shows other labels than it claims")), "{said}");
        let paid = ledger.lines().filter(|line| line.contains(&format!("pay:1:{client}\"")));
        assert!(paid.clone().all(|line| line.contains("the rest is withheld")), "{ledger}");
    }
    assert!(ledger.contains("withheld"), "one of them is still worth its pay");
    let (believed, ..) = ran(&["--liars", "2", "--lie", "maximal", "--check-labels", "none"]);
    assert!(believed["flagged"].as_array().unwrap().is_empty());
    // Who does not look expects more of the liars than they hold.
    let expected = |summary: &Value| summary["predicted"]["accuracy"].as_f64().unwrap();
    assert!(expected(&believed) > expected(&caught), "{believed} {caught}");
}

#[test]
fn the_ledger_sums_to_zero_and_pays_what_the_summary_says() {
    let root = tempfile::tempdir().unwrap();
    let Ran { summary, folder } = run(root.path(), &["--information", "complete"]);
    let ledger = fs::read_to_string(folder.join("ledger.jsonl")).unwrap();
    let (mut balance, mut paid, mut clients) = (0, 0, std::collections::BTreeSet::new());
    for line in ledger.lines() {
        let transaction: Value = serde_json::from_str(line).unwrap();
        for posting in transaction["postings"].as_array().unwrap() {
            let amount = posting["amount"].as_i64().unwrap();
            balance += amount;
            let account = posting["account"].as_str().unwrap();
            if account.starts_with("client:") {
                paid += amount;
                clients.insert(account.to_string());
            }
        }
    }
    assert_eq!(balance, 0);
    assert!((paid as f64 * 1e-6 - summary["payments"].as_f64().unwrap()).abs() < 1e-9);
    let modes = &summary["modes"];
    assert_eq!(clients.len() as u64, modes["local"].as_u64().unwrap() + modes["augmented"].as_u64().unwrap());
    assert_eq!(summary["paid"], summary["payments"], "everybody delivered every round");
    assert!(!clients.is_empty(), "a test in which nobody is paid says nothing");
}

#[test]
fn a_run_folder_has_everything_and_its_config_repeats_the_run() {
    let root = tempfile::tempdir().unwrap();
    let first = run(root.path(), &[]);
    for name in ["config.toml", "plots/accuracy.svg", "plots/shares.svg", "plots/pay.svg", "plots/price.svg"] {
        assert!(first.folder.join(name).is_file(), "{name}");
    }
    let page = fs::read_to_string(first.folder.join("report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 2 * 4, "each plot for wide and for narrow windows");
    for loader in ["<script src", "href=", "src=\"http", "@import", "url("] {
        assert!(!page.contains(loader), "the page loads something: {loader}");
    }
    let again = first.folder.join("config.toml");
    let again: Value = serde_json::from_str(&succeed(&["run", "--config", text(&again), "--format", "json"])).unwrap();
    assert_eq!(without_times(&first.summary), without_times(&again));
}

#[test]
fn recorded_costs_take_the_place_of_measured_ones() {
    let root = tempfile::tempdir().unwrap();
    let first = run(root.path(), &["--costs", "measured"]);
    assert_ne!(first.summary["costs"]["seconds_per_sample"], 1e-4);
    let recorded = first.folder.join("summary.json");
    let second = run(root.path(), &["--costs", "recorded", text(&recorded)]);
    assert_eq!(without_times(&first.summary), without_times(&second.summary));
}

#[test]
fn off_a_terminal_there_is_no_progress_bar_and_no_colour() {
    let root = tempfile::tempdir().unwrap();
    let config = small_config(root.path());
    let runs = root.path().join("runs");
    let output = imfl().args(["run", "--config", &config, "--runs", text(&runs)]).output().unwrap();
    let error = stderr(&output);
    assert!(output.status.success() && !error.contains('\u{1b}') && !error.contains('\r'), "{error:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("server cost"));
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let root = tempfile::tempdir().unwrap();
    let config = small_config(root.path());
    let runs = root.path().join("runs");
    let seed = |variable: Option<&str>, flag: &[&str]| {
        let mut command = imfl();
        command
            .args(["run", "--config", &config, "--runs", text(&runs), "--rounds", "1", "--format", "json"])
            .args(flag);
        if let Some(value) = variable {
            command.env("IMFL_SEED", value);
        }
        let summary: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        summary["seed"].as_u64().unwrap()
    };
    assert_eq!(seed(None, &[]), 5);
    assert_eq!(seed(Some("6"), &[]), 6);
    assert_eq!(seed(Some("6"), &["--seed", "7"]), 7);
}
