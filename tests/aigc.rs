//! `imfl aigc`: training that survives a kill, drawing, images that stay from clients, and what is refused.

mod common;

use common::generator::{small, trained, training};
use common::{fail, file, imfl, succeed, text};
use imfl_aigc::Checkpoint;
use imfl_engine::data::{self, Dataset};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const DATA: i32 = 4;
const CHECKPOINT: i32 = 7;

fn drawn(generator: &Path, out: &Path, more: &[&str]) -> Dataset {
    let arguments = ["aigc", "sample", "--generator", text(generator), "--out", text(out), "--idx", "--steps", "2"];
    succeed(&[&arguments[..], more].concat());
    let names: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    let images = out.join("train-images-idx3-ubyte.gz");
    data::idx::read(&images, &out.join("train-labels-idx1-ubyte.gz"), "drawn", &names).unwrap()
}

/// A generator is copied with a sampler of two steps, which a training then teaches it to draw in.
#[test]
fn a_generator_is_distilled_to_fewer_steps() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let teacher = trained(root.path(), &dataset);
    let at = |name: &str| root.path().join(name);
    let (start, out) = (at("start.safetensors"), at("student.safetensors"));
    let train = ["aigc", "train", "--dataset", text(&dataset), "--out", text(&out), "--distil", text(&teacher)];
    let train = [&train[..], &["--steps", "3", "--batch", "4", "--shards", "2"]].concat();
    let from = |path| [&train[..], &["--start", path]].concat();
    assert!(fail(&train, USAGE).contains("--distil needs --start"));
    assert!(fail(&from(text(&teacher)), CONFIG).contains("by Euler's method and without guidance"));
    let sampler = ["--method", "euler", "--steps", "2", "--sigma-max", "10", "--sigma-min", "0.5"];
    let configure = ["aigc", "configure", "--generator", text(&teacher), "--out", text(&start)];
    succeed(&[&configure[..], &sampler].concat());
    succeed(&from(text(&start)));
    let description = Checkpoint::read(&out).unwrap().description;
    assert_eq!((description.steps, description.sampling.evaluations()), (3, 2));
    assert_eq!(description.distilled.map(|digest| digest.len()), Some(64));
    let drawn = drawn(&out, &at("drawn"), &[]);
    assert_eq!(drawn.len(), 100);
}

#[test]
fn a_killed_training_resumes_to_the_same_weights() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
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
fn no_two_train_one_generator_at_once() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let out = root.path().join("g.safetensors");
    let mut child = imfl().args(training(&dataset, &out, "1000000")).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !root.path().join("g.training.safetensors").exists() {
        assert!(started.elapsed() < Duration::from_secs(100), "no state was saved");
        std::thread::sleep(Duration::from_millis(5));
    }
    for how in ["--resume", "--restart"] {
        let error = fail(&[training(&dataset, &out, "4"), vec![how]].concat(), CHECKPOINT);
        assert!(error.contains(&format!("g.training.safetensors is in use by process {}", child.id())), "{error}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    succeed(&[training(&dataset, &out, "4"), vec!["--restart"]].concat());
    assert!(!root.path().join("g.training.safetensors.lock").exists(), "the lock of a finished training is left");
}

#[test]
fn an_image_is_the_same_whatever_is_drawn_with_it() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
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
fn settings_in_the_checkpoint_hold_wherever_images_are_drawn() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let draw = |name: &str, more: &[&str]| {
        let out = root.path().join(name);
        let arguments =
            ["aigc", "sample", "--generator", text(&generator), "--out", text(&out), "--count", "1", "--png"];
        succeed(&[&arguments[..], more].concat());
        image::open(out.join("images/7/00007.png")).unwrap().into_luma8()
    };
    let asked =
        ["--steps", "3", "--sigma-max", "20", "--guidance", "0.5", "--guidance-min", "0.1", "--guidance-max", "5"];
    let wanted = draw("asked", &asked);
    assert_ne!(draw("before", &[]), wanted);
    let configure = |more: &[&str]| {
        let printed = succeed(&[&["aigc", "configure", "--generator", text(&generator)], more].concat());
        serde_json::from_str::<serde_json::Value>(&printed).unwrap()
    };
    assert_eq!(configure(&[])["steps"], 12);
    assert_eq!(configure(&asked)["guidance_max"], 5.0);
    assert_eq!(configure(&[])["steps"], 3, "it is kept");
    assert_eq!(draw("after", &[]), wanted);
    let error = fail(&["aigc", "configure", "--generator", text(&generator), "--sigma-max", "0.001"], CONFIG);
    assert!(error.contains("sigma_max = 0.001"), "{error}");
}

#[test]
fn no_image_that_is_known_to_generator_or_test_reaches_a_client() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let parts = data::open(&dataset, 0).unwrap();
    let corpus = parts.corpus.unwrap();
    let folder = |name: &str, train: &[&Dataset], test: &Dataset| {
        let folder = root.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let images = train.iter().flat_map(|part| (0..part.len()).flat_map(|index| part.image(index).to_vec()));
        let labels = train.iter().flat_map(|part| part.labels().to_vec()).collect();
        let first = train[0];
        let train = Dataset::new("t", first.shape, first.class_names.clone(), images.collect(), labels).unwrap();
        for (stem, part) in [("train", &train), ("test", test)] {
            let path = |kind: &str| folder.join(format!("{stem}-{kind}-ubyte"));
            data::idx::write(part, &path("images-idx3"), &path("labels-idx1")).unwrap();
        }
        folder
    };
    let run = |dataset: &Path| {
        let config = "[training]\nmodel = \"mlp\"\nrounds = 1\n[generator]\nevaluations = 2\n\
                      [probe]\npoints = 2\nimages_per_class = 2\n[mechanism]\nscenarios = 5\n[costs]\n\
                      seconds_per_sample = 1e-4\nseconds_per_image = 1e-3\nseconds_for_setup = 0.01\n";
        let config = file(root.path(), "c.toml", config);
        let runs = root.path().join("runs");
        let arguments = ["run", "--config", &config, "--runs", text(&runs), "--seed", "1", "--clients", "3"];
        let source = ["--dataset", text(dataset), "--generator", text(&generator), "--format", "json"];
        [&arguments[..], &source].concat().into_iter().map(String::from).collect::<Vec<_>>()
    };
    // 60 images that nobody knows, 80 that the generator learnt from, 40 that are also the test's.
    let mixed = folder("mixed", &[&parts.train, &corpus, &parts.test], &parts.test);
    let arguments = run(&mixed);
    let printed = succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let summary: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(summary["withheld_images"], 120, "{printed}");
    // A test of images that the generator learnt from measures nothing.
    let learnt = folder("learnt", &[&parts.train], &corpus);
    let arguments = run(&learnt);
    let error = fail(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), DATA);
    assert!(error.contains("learnt from 80 of the test images"), "{error}");
}

#[test]
fn wrong_requests_say_what_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let out = root.path().join("out");
    let sample = |more: &[&str], code| {
        let arguments = ["aigc", "sample", "--out", text(&out)];
        fail(&[&arguments[..], more].concat(), code)
    };
    let own = text(&generator);
    assert!(sample(&["--generator", own, "--count", "0"], CONFIG).contains("zero images"));
    assert!(sample(&["--generator", own, "--classes", "10"], USAGE).contains("no class `10`"));
    assert!(sample(&["--generator", own, "--steps", "0"], CONFIG).contains("steps = 0"));
    assert!(sample(&["--generator", own, "--method", "midpoint"], USAGE).contains("dpm-solver"));
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
    let letters = root.path().join("letters");
    for class in ["a", "b"] {
        for shade in 0..5u8 {
            std::fs::create_dir_all(letters.join(class)).unwrap();
            let pixels = image::GrayImage::from_pixel(28, 28, image::Luma([40 * shade]));
            pixels.save(letters.join(class).join(format!("{shade}.png"))).unwrap();
        }
    }
    let error = fail(&["aigc", "assess", "--generator", own, "--dataset", text(&letters)], CHECKPOINT);
    assert!(error.contains("0, 1, 2") && error.contains("a, b"), "{error}");
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
