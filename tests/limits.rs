//! Values that no machine can work through are refused within a second or two, before memory is taken for them.
#![cfg(unix)]

mod common;

use common::generator::{small, trained};
use common::{file, stderr, text};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const CONFIG: i32 = 3;
/// Far beyond what any refusal takes, on a machine with other things to do.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Runs with so many kilobytes of address space: what takes more dies with another exit code than the one that is expected.
fn within(kilobytes: u64, arguments: &[&str]) -> Output {
    let line = format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_imfl")]).args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("IMFL_")) {
        command.env_remove(name);
    }
    command.env("IMFL_ASSETS", concat!(env!("CARGO_MANIFEST_DIR"), "/assets")).output().unwrap()
}

/// Runs in 3 GB and expects a refusal at once; what it says.
fn refused(arguments: &[&str], code: i32) -> String {
    let started = Instant::now();
    let output = within(3_000_000, arguments);
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(started.elapsed() < AT_ONCE, "{arguments:?} took {:?}", started.elapsed());
    assert!(!error.contains("panicked") && error.matches("error:").count() == 1, "{arguments:?}: {error}");
    error
}

const MOST: &str = "18446744073709551615";

#[test]
fn a_run_of_more_than_any_machine_can_do_is_refused_by_key() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let run = |more: &[&str]| {
        let runs = root.path().join("runs");
        refused(&[&["run", "--dataset", text(&dataset), "--runs", text(&runs)], more].concat(), CONFIG)
    };
    for (flag, value, key) in [
        ("--batch", "1000000000", "training.batch"),
        ("--batch", MOST, "training.batch"),
        ("--local-epochs", "1000000000000", "training.local_epochs"),
        ("--local-epochs", MOST, "training.local_epochs"),
        ("--rounds", "1000000000000", "training.rounds"),
        ("--rounds", MOST, "training.rounds"),
        ("--clients", MOST, "partition.clients"),
        ("--cohort", MOST, "training.cohort"),
        ("--quorum", MOST, "training.quorum"),
        ("--chunk", MOST, "chunk"),
        ("--workers", "100000", "workers"),
        ("--workers", MOST, "workers"),
        ("--weight", "1e300", "mechanism.weight"),
    ] {
        let error = run(&[flag, value]);
        assert!(error.contains(&format!("`{key}`")) && error.len() < 400, "{flag} {value}: {error}");
    }
    for (line, key) in [
        ("[probe]\npoints = 100000000", "probe.points"),
        ("[probe]\nimages_per_class = 9223372036854775807", "probe.images_per_class"),
        ("[generator]\ntrain_steps = 9223372036854775807", "generator.train_steps"),
        ("[mechanism]\nscenarios = 4294967295", "mechanism.scenarios"),
    ] {
        let config = file(root.path(), "c.toml", line);
        assert!(run(&["--config", &config]).contains(&format!("`{key}`")), "{line}");
    }
    assert!(!root.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn a_run_that_would_take_too_much_memory_says_how_much_for_what_and_what_to_lower() {
    let root = tempfile::tempdir().unwrap();
    let large = root.path().join("large");
    for class in ["a", "b"] {
        std::fs::create_dir_all(large.join(class)).unwrap();
        for shade in 0..6u8 {
            let pixels = image::RgbImage::from_pixel(512, 512, image::Rgb([40 * shade, 20, 30]));
            pixels.save(large.join(class).join(format!("{shade}.png"))).unwrap();
        }
    }
    let run = |more: &[&str]| {
        let arguments = [
            "run",
            "--dataset",
            text(&large),
            "--clients",
            "2",
            "--generator",
            "none",
            "--objective",
            "bound",
            "--memory",
            "1G",
        ];
        refused(&[&arguments, more].concat(), CONFIG)
    };
    let error = run(&["--model", "mlp"]);
    assert!(error.contains("157327202 parameters for images of 3x512x512"), "{error}");
    assert!(error.contains("GiB of memory and may take 1.0 GiB") && error.contains("lower `probe.points`"), "{error}");
    assert!(run(&["--model", "simple-cnn"]).contains("parameters for images of 3x512x512"));

    let dataset = small(root.path());
    let run = |more: &[&str]| {
        let arguments =
            ["run", "--dataset", text(&dataset), "--generator", "none", "--model", "mlp", "--memory", "64M"];
        refused(&[&arguments, more].concat(), CONFIG)
    };
    assert!(run(&["--local-epochs", "10000", "--clients", "1", "--workers", "1000"]).contains("MiB"));
    assert!(run(&["--rounds", "1000000", "--clients", "30"]).contains("`training.rounds`"));
    assert!(refused(&["run", "--memory", "much"], 2).contains("no amount of memory"));
}

#[test]
fn a_batch_that_nobody_can_fill_takes_no_memory() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let runs = root.path().join("runs");
    let config = "[costs]\nseconds_per_sample = 1e-4\n[probe]\npoints = 2\nimages_per_class = 2\n";
    let config = file(root.path(), "c.toml", config);
    let arguments = ["run", "--config", &config, "--dataset", text(&dataset), "--runs", text(&runs), "--seed", "1"];
    let more = [
        "--generator",
        "none",
        "--clients",
        "2",
        "--rounds",
        "2",
        "--workers",
        "1",
        "--objective",
        "bound",
        "--weight",
        "1e6",
    ];
    let run = |batch: &str| {
        let output = within(1_500_000, &[&arguments[..], &more, &["--batch", batch, "--format", "json"]].concat());
        assert!(output.status.success(), "{batch}: {}", stderr(&output));
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (summary["accuracy"].clone(), summary["loss"].clone())
    };
    // One step a round, whatever is asked for.
    assert_eq!(run("20000"), run("1000"));
}

/// 300 classes: gradients of all of them, at every point, for both halves of the images, would be 1.1 GB.
#[test]
fn class_gradients_of_many_classes_are_not_all_held_at_once() {
    let root = tempfile::tempdir().unwrap();
    let many = root.path().join("many");
    for class in 0..300u32 {
        let folder = many.join(format!("{class:03}"));
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..3 {
            let pixels = image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * class + y * number) as u8]));
            pixels.save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
    let runs = root.path().join("runs");
    let config = file(root.path(), "c.toml", "[costs]\nseconds_per_sample = 1e-4\n[probe]\npoints = 3\n");
    let mut run = vec!["run", "--config", &config, "--dataset", text(&many), "--runs", text(&runs), "--seed", "1"];
    run.extend(["--generator", "none", "--objective", "bound", "--model", "mlp", "--clients", "2", "--rounds", "1"]);
    run.extend(["--workers", "1"]);
    let output = within(1_000_000, &run);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn files_that_never_end_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let clients =
        file(root.path(), "clients.csv", "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch\n");
    let price = ["mechanism", "price", "--theta", "0.2", "--weight", "1", "--constants", "/dev/zero", "--clients"];
    assert!(refused(&["run", "--config", "/dev/zero"], CONFIG).contains("/dev/zero"));
    assert!(refused(&["run", "--costs", "recorded", "/dev/zero"], CONFIG).contains("/dev/zero"));
    assert!(refused(&["run", "--generator", "/dev/zero"], 7).contains("/dev/zero"));
    assert!(refused(&[&price[..], &[&clients]].concat(), CONFIG).contains("longer than 64 MiB"));
    let constants = "g_data = 1.0\nsigma = 1.0\nsmoothness = 1.0\nrate = 0.01\nlocal_steps = 2\n";
    let constants = file(root.path(), "constants.toml", constants);
    let price = ["mechanism", "price", "--theta", "0.2", "--weight", "1", "--constants", &constants, "--clients"];
    refused(&[&price[..], &["/dev/zero"]].concat(), 4);
    refused(&["data", "show", "--dataset", "/dev/zero"], 4);
}

#[test]
fn generators_and_benchmarks_of_more_than_any_machine_can_do_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let out = root.path().join("out");
    let (own, out) = (text(&generator), text(&out));
    let sample =
        |more: &[&str]| refused(&[&["aigc", "sample", "--generator", own, "--out", out], more].concat(), CONFIG);
    assert!(sample(&["--count", "1000000000000"]).contains("lower --count"));
    assert!(sample(&["--count", MOST]).contains("lower --count"));
    assert!(sample(&["--first", MOST]).contains("--first"));
    assert!(sample(&["--count", "2000000", "--memory", "2G"]).contains("2.0 GiB"));
    assert!(!Path::new(out).exists());
    for (flag, value) in
        [("--batch", MOST), ("--width", MOST), ("--width", "512000"), ("--shards", MOST), ("--workers", "100000")]
    {
        let train = ["aigc", "train", "--dataset", text(&dataset), "--out", out, "--batch", "64", flag, value];
        let train: Vec<&str> = if flag == "--batch" { [&train[..6], &train[8..]].concat() } else { train.into() };
        // More parts than a batch has images are as many parts as images.
        if flag != "--shards" {
            refused(&train, CONFIG);
        }
    }
    for more in [
        &["--shape", "3x100000x100000"][..],
        &["--shape", "1x18446744073709551615x2"],
        &["--shape", "1x4096x4096", "--model", "mlp", "--memory", "2G"],
        &["--batch", MOST],
        &["--rounds", MOST],
        &["--local-epochs", MOST],
        &["--clients", MOST],
        &["--samples", MOST],
        &["--workers", "100000"],
    ] {
        refused(&[&["bench", "train", "--cohort", "2"][..], more].concat(), CONFIG);
    }
    for flag in ["--side", "--channels", "--width", "--batch", "--steps", "--images", "--repeats"] {
        refused(&["bench", "generate", flag, MOST], CONFIG);
    }
    let assess = ["aigc", "assess", "--generator", own, "--dataset", text(&dataset), "--model", "mlp"];
    for (flag, value) in
        [("--images", "1000000000000"), ("--points", MOST), ("--images-per-class", MOST), ("--epochs", MOST)]
    {
        refused(&[&assess[..], &[flag, value]].concat(), CONFIG);
    }
}
