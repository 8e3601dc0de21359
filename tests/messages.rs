//! What is said when something is wrong can be acted on, and one kind of mistake has one exit code, whichever command finds it.

mod common;

use common::generator::{small, trained};
use common::{fail, file, imfl, stderr, succeed, text};
use std::fs;
use std::path::{Path, PathBuf};

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const DATA: i32 = 4;
const DEVICE: i32 = 5;
const DIVERGED: i32 = 6;
const CHECKPOINT: i32 = 7;

/// An image folder with so many grey images of each class.
fn folder(root: &Path, classes: &[(&str, usize)]) -> PathBuf {
    for (class, count) in classes {
        fs::create_dir_all(root.join(class)).unwrap();
        for number in 0..*count {
            let pixels =
                image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * 7 + y * 3 + number as u32 * 11) as u8]));
            pixels.save(root.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    root.to_path_buf()
}

/// A run with few steps; its costs are fixed.
fn run<'a>(config: &'a str, dataset: &'a Path, runs: &'a Path) -> Vec<&'a str> {
    vec!["run", "--config", config, "--dataset", text(dataset), "--runs", text(runs), "--seed", "1", "--model", "mlp"]
}

const QUICK: &str =
    "[probe]\npoints = 2\nimages_per_class = 2\n[costs]\nseconds_per_sample = 1e-4\n[partition]\nclients = 3\n";

#[test]
fn images_that_cannot_be_trained_on_are_told_before_anything_is_computed() {
    let root = tempfile::tempdir().unwrap();
    let config = file(root.path(), "c.toml", QUICK);
    let runs = root.path().join("runs");
    let one = folder(&root.path().join("one"), &[("cats", 10)]);
    let error = fail(&run(&config, &one, &runs), DATA);
    assert!(error.contains("one class, `cats`") && error.contains("at least two"), "{error}");
    let single: Vec<String> = (0..30).map(|class| format!("c{class:03}")).collect();
    let single: Vec<(&str, usize)> = single.iter().map(|class| (class.as_str(), 2)).collect();
    let few = folder(&root.path().join("few"), &single);
    let error = fail(&run(&config, &few, &runs), DATA);
    assert!(error.contains("takes at least 2 of every class") && !error.contains("training a generator"), "{error}");
    // Parts with other classes say which.
    let parts = root.path().join("parts");
    folder(&parts.join("train"), &[("cat", 5), ("dog", 5), ("cow", 5)]);
    folder(&parts.join("test"), &[("cat", 5), ("dog", 5), ("fox", 5)]);
    let error = fail(&run(&config, &parts, &runs), DATA);
    assert!(error.contains("`fox`") && error.contains("`cow`"), "{error}");
    let nothing = file(root.path(), "nothing.toml", "dataset = \"\"\n");
    let error = fail(&["run", "--config", &nothing], DATA);
    assert!(error.contains("no name") && error.contains("mnist"), "{error}");
    assert!(fail(&["data", "show", "--dataset", ""], DATA).contains("no name"));
}

#[test]
fn clients_that_lie_are_not_taken_for_a_high_learning_rate() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let config = file(root.path(), "c.toml", QUICK);
    let runs = root.path().join("runs");
    let base = [run(&config, &dataset, &runs), vec!["--generator", "none", "--objective", "bound", "--weight", "1e6"]]
        .concat();
    let error = fail(&[&base[..], &["--attack", "nan", "--hostile", "3"]].concat(), DIVERGED);
    assert!(error.contains("where clients are hostile, have fewer of them"), "{error}");
    // Nobody comes, so every round is skipped, and is said to be.
    let output = imfl().args([&base[..], &["--drop-out", "1", "--rounds", "2"]].concat()).output().unwrap();
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("skipped, too few updates").count(), 2, "{said}");
}

#[test]
fn costs_beyond_the_books_say_what_they_are_made_of() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let config = QUICK.replace("seconds_per_sample = 1e-4", "seconds_per_sample = 1e4\ncredits_per_second = 1e3");
    let config = file(root.path(), "c.toml", config);
    let runs = root.path().join("runs");
    let error = fail(&[run(&config, &dataset, &runs), vec!["--generator", "none"]].concat(), CONFIG);
    assert!(error.contains("a sample over all rounds") && error.contains("`training.rounds`"), "{error}");
}

#[test]
fn a_check_of_mechanisms_on_too_few_markets_says_so() {
    let error = imfl().args(["mechanism", "verify", "--instances", "2"]).output().unwrap();
    assert_eq!(error.status.code(), Some(CONFIG), "{}", stderr(&error));
    let error = stderr(&error);
    assert!(error.contains("2 instances are too few to tell") && error.contains("--instances 100"), "{error}");
}

#[test]
fn a_search_without_effort_cannot_save_more_than_everything() {
    let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism/clients.csv");
    let constants = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism/constants.toml");
    let price =
        ["mechanism", "price", "--clients", clients, "--constants", constants, "--theta", "0.1", "--weight", "1"];
    let shown = succeed(&[&price[..], &["--offers", "personal", "--effort", "0"]].concat());
    let line = shown.lines().find(|line| line.starts_with("lower bound")).unwrap_or_else(|| panic!("{shown}"));
    let share = line.split("at most ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!((0.0..=100.0).contains(&share.parse::<f64>().unwrap()), "{line}");
}

#[test]
fn a_message_names_what_was_typed() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let (own, data) = (text(&generator), text(&dataset));
    // The flag, not the key of a run that stands behind it.
    let error = fail(&["aigc", "assess", "--generator", own, "--dataset", data, "--points", "1"], CONFIG);
    assert!(error.contains("--points") && !error.contains("probe.points"), "{error}");
    // A folder in the place of a generator.
    let out = root.path().join("out");
    for command in ["sample", "assess"] {
        let mut arguments = vec!["aigc", command, "--generator", data];
        arguments.extend(if command == "sample" { ["--out", text(&out)] } else { ["--dataset", data] });
        let error = fail(&arguments, CHECKPOINT);
        assert!(error.contains("is no file") && error.contains("imfl aigc train"), "{error}");
    }
    // A generator whose shape fits and whose classes do not: it says which, not twice the same shape.
    let classes: Vec<String> = (0..10).map(|class| format!("kind{class}")).collect();
    let other = root.path().join("other");
    for class in &classes {
        fs::create_dir_all(other.join(class)).unwrap();
        for number in 0..6u8 {
            let pixels = image::GrayImage::from_fn(28, 28, |x, y| image::Luma([(x * 3 + y) as u8 ^ (number * 40)]));
            pixels.save(other.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    let config = file(root.path(), "c.toml", QUICK);
    let runs = root.path().join("runs");
    let error = fail(&[run(&config, &other, &runs), vec!["--generator", own]].concat(), CHECKPOINT);
    assert!(error.contains("kind3") && error.contains("(0, 1, 2"), "{error}");
    // Names that other programs have for settings are understood.
    assert!(fail(&["run", "--lr", "0"], CONFIG).contains("`training.rate`"));
    assert!(fail(&["run", "--epochs", "0"], CONFIG).contains("`training.local_epochs`"));
    // A value that could never be meant is not printed in 301 digits.
    let error = fail(&["run", "--weight", "1e300"], CONFIG);
    assert!(error.len() < 200 && error.contains("1e12"), "{error}");
    // What is refused before anything was computed says no seed to repeat it with.
    let output = imfl().args(["run", "--generator", "none", "--dataset", "/no/such"]).output().unwrap();
    assert!(!stderr(&output).contains("seed"), "{}", stderr(&output));
}

/// Every kind of mistake in as many commands as can make it.
#[test]
fn one_kind_of_mistake_has_one_exit_code_in_every_command() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let taken = file(root.path(), "taken", "a file");
    let nowhere = Path::new(&taken).join("x");
    let (own, data, nowhere) = (text(&generator), text(&dataset), text(&nowhere));
    let out = root.path().join("out");
    let out = text(&out);
    let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism/clients.csv");
    let bids = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism/bids.csv");
    let constants = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mechanism/constants.toml");
    let config = file(root.path(), "c.toml", QUICK);
    let split = ["data", "split", "--dataset", data, "--train", "5", "--test", "5", "--out"];
    let price = ["mechanism", "price", "--constants", constants, "--theta", "0.1", "--weight", "1", "--clients"];
    let auction = [
        "mechanism",
        "auction",
        "--rule",
        "vcg",
        "--constants",
        constants,
        "--theta",
        "0.1",
        "--weight",
        "1",
        "--bids",
    ];
    let sample = ["aigc", "sample", "--generator", own, "--count", "1", "--steps", "2", "--out"];
    let train = ["aigc", "train", "--dataset", data, "--width", "8", "--batch", "4", "--steps", "1", "--out"];
    let started = ["run", "--config", &config, "--dataset", data, "--generator", "none", "--model", "mlp", "--runs"];
    let with = |before: &[&str], more: &[&str]| -> Vec<String> {
        before.iter().chain(more).map(|word| word.to_string()).collect()
    };
    let table: Vec<(i32, Vec<String>)> = vec![
        // 1: the machine would not.
        (1, with(&split, &[nowhere])),
        (1, with(&train, &[nowhere])),
        (1, with(&sample, &[nowhere])),
        (1, with(&started, &[nowhere])),
        (1, with(&price, &[clients, "--plot", nowhere])),
        (1, with(&["aigc", "configure", "--generator", own, "--out"], &[nowhere])),
        // 2: what was typed cannot be understood, or does not go together.
        (USAGE, with(&["run"], &["--rounds", "many"])),
        (USAGE, with(&["run"], &["--no-such-flag"])),
        (USAGE, with(&train, &[out, "--steps", "many"])),
        (USAGE, with(&sample, &[out, "--count", "-1"])),
        (USAGE, with(&["mechanism", "verify"], &["--instances", "many"])),
        (USAGE, with(&["bench", "train"], &["--shape", "flat"])),
        (USAGE, with(&["report"], &[])),
        (USAGE, with(&price, &[clients, "--prior", "x"])),
        (USAGE, with(&["reproduce"], &["profit"])),
        // 3: a value is out of range, wherever it is given.
        (CONFIG, with(&["run"], &["--rounds", "0"])),
        (CONFIG, with(&["run"], &["--workers", "0"])),
        (CONFIG, with(&train[..8], &["--steps", "0", "--out", out])),
        (CONFIG, with(&train, &[out, "--workers", "0"])),
        (CONFIG, with(&sample[..6], &["--steps", "0", "--out", out])),
        (CONFIG, with(&sample[..4], &["--count", "0", "--out", out])),
        (CONFIG, with(&["aigc", "configure", "--generator", own], &["--steps", "0"])),
        (CONFIG, with(&["aigc", "assess", "--generator", own, "--dataset", data], &["--points", "1"])),
        (CONFIG, with(&["aigc", "assess", "--validate"], &["--trials", "0"])),
        (CONFIG, with(&["bench", "train"], &["--rounds", "0"])),
        (CONFIG, with(&["bench", "generate"], &["--steps", "0"])),
        (CONFIG, with(&["mechanism", "verify"], &["--instances", "0"])),
        (CONFIG, with(&price, &[clients, "--scenarios", "0"])),
        (CONFIG, with(&price, &[clients, "--gap", "2"])),
        (CONFIG, with(&["run"], &["--config", "/no/such.toml"])),
        (CONFIG, with(&["reproduce", "cost"], &["--settings", "/no/such.toml"])),
        // 4: data.
        (DATA, with(&["run"], &["--dataset", "/no/such"])),
        (DATA, with(&["data", "show"], &["--dataset", "/no/such"])),
        (DATA, with(&["aigc", "train", "--dataset", "/no/such"], &["--out", out])),
        (DATA, with(&["aigc", "assess", "--generator", own], &["--dataset", "/no/such"])),
        (DATA, with(&price, &["/no/such.csv"])),
        (DATA, with(&auction, &["/no/such.csv"])),
        (DATA, with(&price, &[bids, "--bias", "mixture"])),
        (DATA, with(&["report"], &[text(root.path())])),
        // 5: a device.
        (DEVICE, with(&["run"], &["--device", "gpu"])),
        (DEVICE, with(&sample, &[out, "--device", "gpu"])),
        (DEVICE, with(&train, &[out, "--device", "gpu"])),
        // 7: a generator or a checkpoint.
        (CHECKPOINT, with(&["run"], &["--generator", "/no/such"])),
        (CHECKPOINT, with(&["aigc", "sample"], &["--generator", "/no/such", "--out", out])),
        (CHECKPOINT, with(&["aigc", "configure"], &["--generator", "/no/such"])),
        (CHECKPOINT, with(&["aigc", "assess"], &["--generator", "/no/such"])),
        (CHECKPOINT, with(&["aigc", "sample"], &["--generator", data, "--out", out])),
        (CHECKPOINT, with(&train, &[out, "--resume"])),
        (CHECKPOINT, with(&["run"], &["--resume", out])),
    ];
    let mut wrong = Vec::new();
    for (code, arguments) in &table {
        let output = imfl().args(arguments).output().unwrap();
        if output.status.code() != Some(*code) {
            wrong.push(format!("{arguments:?}: {:?}, not {code}: {}", output.status.code(), stderr(&output)));
        }
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // 6: training left the range of numbers, of a run and of a generator.
    let runs = root.path().join("runs");
    fail(&with_rate(&started, text(&runs), "1e30").iter().map(String::as_str).collect::<Vec<_>>(), DIVERGED);
}

fn with_rate(before: &[&str], runs: &str, rate: &str) -> Vec<String> {
    before.iter().chain(&[runs, "--rate", rate, "--seed", "1"]).map(|word| word.to_string()).collect()
}
