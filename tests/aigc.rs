//! `imfl aigc`: training that survives a kill, drawing, assessment, and what is refused.

mod common;

use common::{fail, file, imfl, succeed, text};
use imfl_aigc::Checkpoint;
use imfl_engine::data::{self, Dataset};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const DATA: i32 = 4;
const CHECKPOINT: i32 = 7;

/// 60 training, 40 test and 80 corpus images of the shipped MNIST.
fn small(root: &TempDir) -> PathBuf {
    let path = root.path().join("small");
    let sizes = ["--train", "60", "--test", "40", "--corpus", "80", "--seed", "1"];
    succeed(&[&["data", "split", "--dataset", "mnist", "--out", text(&path)], &sizes[..]].concat());
    path
}

/// Arguments that train a tiny network for `steps` steps.
fn training<'a>(dataset: &'a Path, out: &'a Path, steps: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["aigc", "train", "--dataset", text(dataset), "--out", text(out), "--steps", steps];
    arguments.extend(["--batch", "8", "--shards", "3", "--width", "8", "--every", "2", "--seed", "3"]);
    arguments
}

fn trained(root: &TempDir, dataset: &Path) -> PathBuf {
    let out = root.path().join("tiny.safetensors");
    assert_eq!(succeed(&training(dataset, &out, "4")).trim(), text(&out));
    out
}

fn drawn(generator: &Path, out: &Path, more: &[&str]) -> Dataset {
    let arguments = ["aigc", "sample", "--generator", text(generator), "--out", text(out), "--idx", "--steps", "2"];
    succeed(&[&arguments[..], more].concat());
    let names: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    let images = out.join("train-images-idx3-ubyte.gz");
    data::idx::read(&images, &out.join("train-labels-idx1-ubyte.gz"), "drawn", &names).unwrap()
}

#[test]
fn a_killed_training_resumes_to_the_same_weights() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(&root);
    let whole = root.path().join("whole.safetensors");
    succeed(&[training(&dataset, &whole, "40"), vec!["--workers", "2"]].concat());

    let cut = root.path().join("cut.safetensors");
    let state = root.path().join("cut.training.safetensors");
    let mut child = imfl().args(training(&dataset, &cut, "40")).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let progressed = || Checkpoint::read(&state).is_ok_and(|saved| saved.description.steps >= 4);
    while !progressed() {
        assert!(started.elapsed() < Duration::from_secs(100), "no state was saved");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!cut.exists(), "it was killed too late to show anything");

    let error = fail(&training(&dataset, &cut, "40"), USAGE);
    assert!(error.contains("--resume") && error.contains("--restart"), "{error}");
    let error = fail(&["aigc", "train", "--dataset", "mnist", "--out", text(&cut), "--resume"], CONFIG);
    assert!(error.contains("other images"), "{error}");
    let resume = ["aigc", "train", "--dataset", text(&dataset), "--out", text(&cut), "--resume", "--workers", "1"];
    succeed(&resume);
    assert!(!state.exists(), "the state of a finished training is left");

    let (cut, whole) = (Checkpoint::read(&cut).unwrap(), Checkpoint::read(&whole).unwrap());
    assert_eq!(cut.average, whole.average);
    assert_eq!(cut.description.steps, 40);
    assert_eq!(cut.fingerprints, whole.fingerprints);
    assert_eq!(cut.fingerprints.len(), 80, "it learns from the corpus");
}

#[test]
fn an_image_is_the_same_whatever_is_drawn_with_it() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(&root);
    let generator = trained(&root, &dataset);
    let many = root.path().join("many");
    let all = drawn(&generator, &many, &["--count", "3", "--workers", "2", "--png", "--strip"]);
    assert_eq!(all.histogram(), [3; 10]);
    let one = drawn(&generator, &root.path().join("one"), &["--count", "1", "--classes", "4", "--first", "13"]);
    assert_eq!((one.len(), one.label(0)), (1, 4));
    assert_eq!(one.image(0), all.image(13));
    for picture in ["grid.png", "strip.png", "images/4/00013.png"] {
        assert!(image::open(many.join(picture)).is_ok(), "{picture}");
    }
    let single = image::open(many.join("images/4/00013.png")).unwrap().into_luma8();
    assert_eq!(single.as_raw(), all.image(13));
}

#[test]
fn an_assessment_has_every_number_of_its_contract() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(&root);
    let generator = trained(&root, &dataset);
    let assess = ["aigc", "assess", "--generator", text(&generator), "--dataset", text(&dataset), "--format", "json"];
    let quick = ["--epochs", "1", "--images", "30", "--points", "2", "--images-per-class", "3", "--steps", "2"];
    let printed = succeed(&[&assess[..], &quick].concat());
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["schema"], "imfl.assess/1");
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key} in {printed}"));
    for share in ["precision", "recall", "coverage", "tstr_accuracy", "trtr_accuracy", "class_accuracy", "memorised"] {
        assert!((0.0..=1.0).contains(&number(share)), "{share}");
    }
    for positive in ["fid", "theta", "theta_floor", "g_data", "g_diff", "seconds_per_image"] {
        assert!(number(positive) > 0.0, "{positive}");
    }
    assert!(number("kid").is_finite() && number("density") >= 0.0);
    // Four steps teach nothing: the distance must be far above that between authentic images.
    assert!(number("fid") > 5.0 * number("fid_floor"), "{printed}");
    assert_eq!(report["images"], 30);
    // Reading decimal numbers rounds.
    assert!((number("theta") - number("g_diff") / (2.0 * number("g_data"))).abs() < 1e-12);
}

#[test]
fn wrong_requests_say_what_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(&root);
    let generator = trained(&root, &dataset);
    let out = root.path().join("out");
    let sample = |more: &[&str], code| {
        let arguments = ["aigc", "sample", "--out", text(&out)];
        fail(&[&arguments[..], more].concat(), code)
    };
    let own = text(&generator);
    assert!(sample(&["--generator", own, "--count", "0"], CONFIG).contains("zero images"));
    assert!(sample(&["--generator", own, "--classes", "10"], USAGE).contains("no class `10`"));
    assert!(sample(&["--generator", own, "--steps", "0"], USAGE).contains("steps = 0"));
    assert!(sample(&["--generator", own, "--method", "euler"], USAGE).contains("dpm-solver"));
    assert!(sample(&["--generator", "/no/such.safetensors"], CHECKPOINT).contains("/no/such.safetensors"));
    let whole = std::fs::read(&generator).unwrap();
    let cut = file(root.path(), "cut.safetensors", &whole[..whole.len() / 2]);
    assert!(sample(&["--generator", &cut], CHECKPOINT).contains("truncated"));
    assert!(!out.exists(), "nothing is written when something is wrong");

    let colour = root.path().join("colour");
    for class in ["cat", "dog"] {
        for (number, shade) in [("1", 10u8), ("2", 60), ("3", 110), ("4", 160), ("5", 210)] {
            let pixels = image::RgbImage::from_pixel(8, 8, image::Rgb([shade, 20, 30]));
            std::fs::create_dir_all(colour.join(class)).unwrap();
            pixels.save(colour.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    let error = fail(&["aigc", "assess", "--generator", own, "--dataset", text(&colour)], CHECKPOINT);
    assert!(error.contains("1x28x28") && error.contains("3x8x8"), "{error}");
    let train = |more: &[&str], code| {
        let arguments = ["aigc", "train", "--dataset", text(&colour), "--out", text(&out)];
        fail(&[&arguments[..], more].concat(), code)
    };
    assert!(train(&["--images", "corpus"], DATA).contains("no corpus"));
    assert!(train(&["--width", "12"], CONFIG).contains("width = 12"));
    assert!(train(&["--steps", "0"], CONFIG).contains("steps = 0"));
    assert!(train(&["--resume"], CHECKPOINT).contains("out.training.safetensors"));
}
