//! Which generator a run takes, what it says of it, and what it does when its images are of no help.

mod common;

use common::{file, imfl, stderr, succeed, text};
use imfl_engine::data::{Dataset, ImageShape, idx};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Few steps everywhere; a generator that is trained on the spot is as good as noise.
const QUICK: &str = r#"
seed = 3
[partition]
clients = 4
scheme = "shards:2"
[training]
model = "mlp"
rounds = 1
[generator]
evaluations = 2
train_steps = 2
[probe]
points = 2
images_per_class = 8
[costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-3
seconds_for_setup = 0.01
[mechanism]
objective = "bound"
weight = 1e6
scenarios = 10
"#;

struct Ran {
    summary: Value,
    said: String,
    page: String,
}

fn run(root: &Path, dataset: &Path, more: &[&str]) -> Ran {
    let config = file(root, "quick.toml", format!("dataset = {dataset:?}\n{QUICK}"));
    let runs = root.join("runs");
    let arguments = [&["run", "--config", &config, "--runs", text(&runs), "--format", "json"], more].concat();
    let output = imfl().args(&arguments).output().unwrap();
    assert!(output.status.success(), "{more:?}: {}", stderr(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let page = fs::read_to_string(Path::new(summary["run_dir"].as_str().unwrap()).join("report.html")).unwrap();
    Ran { summary, said: stderr(&output), page }
}

/// Images with the shape and the class names of MNIST that show something else: stripes, as many pixels wide as the class's number.
fn stripes(root: &Path) -> PathBuf {
    let shape = ImageShape { channels: 1, height: 28, width: 28 };
    let names: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    let folder = root.join("stripes");
    fs::create_dir_all(&folder).unwrap();
    for (stem, count, shift) in [("train", 400usize, 0), ("test", 100, 1000)] {
        let pixel = |image: usize, place: usize| {
            let bright = (place / 28 / (1 + image % 10)).is_multiple_of(2);
            // A hash of where it is (Knuth's multiplier), so that no image is there twice.
            let noise = (((image + shift) * 784 + place) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33 & 63;
            if bright { 150 + noise as u8 } else { noise as u8 }
        };
        let images = (0..count).flat_map(|image| (0..784).map(move |place| pixel(image, place))).collect();
        let data =
            Dataset::new("t", shape, names.clone(), images, (0..count).map(|image| (image % 10) as u16).collect());
        let path = |kind: &str| folder.join(format!("{stem}-{kind}-ubyte"));
        idx::write(&data.unwrap(), &path("images-idx3"), &path("labels-idx1")).unwrap();
    }
    folder
}

#[test]
fn other_images_of_the_same_shape_and_class_names_never_get_digits() {
    let root = tempfile::tempdir().unwrap();
    let stripes = stripes(root.path());
    let Ran { summary, said, page } = run(root.path(), &stripes, &[]);
    assert_eq!(summary["generator"]["origin"], "trained", "{summary}");
    assert_eq!(summary["generator"]["steps"], 2);
    assert_eq!(summary["generator"]["dataset"], "stripes");
    assert!(summary["generator"]["path"].is_null());
    assert!(said.contains("learnt from mnist") && said.contains("it is not used"), "{said}");
    assert!(said.contains("training a generator for 2 steps") && !said.contains("no shipped generator"), "{said}");
    // Noise is of no help, so nobody is asked to pay for it; what it is worth is told all the same.
    assert!(summary["filling"]["with"].as_f64() <= summary["filling"]["without"].as_f64(), "{summary}");
    assert!(said.contains("filling in does not help here") && said.contains("insists"), "{said}");
    assert_eq!((&summary["modes"]["augmented"], &summary["generated_images"]), (&0.into(), &0.into()), "{summary}");
    assert!(summary["theta"].as_f64().unwrap() > 0.0);
    assert!(page.contains("trained on the spot, 2 steps on stripes") && page.contains("does not help"), "{page}");
    // Who names a generator insists on it.
    let Ran { summary, said, .. } = run(root.path(), &stripes, &["--generator", "mnist"]);
    assert_eq!(summary["generator"]["origin"], "shipped");
    assert!(summary["filling"].is_null() && !said.contains("filling in"), "{said}");
    assert!(summary["modes"]["augmented"].as_u64().unwrap() > 0, "{summary}");
}

#[test]
fn a_copy_of_mnist_gets_the_digits_under_any_name() {
    let root = tempfile::tempdir().unwrap();
    let copy = root.path().join("my-own-digits");
    // Images that ship as MNIST's training part.
    succeed(&["data", "split", "--dataset", "mnist", "--train", "400", "--test", "100", "--out", text(&copy)]);
    let Ran { summary, page, .. } = run(root.path(), &copy, &[]);
    let generator = &summary["generator"];
    assert_eq!((&generator["origin"], &generator["dataset"]), (&"shipped".into(), &"mnist".into()), "{summary}");
    let path = Path::new(generator["path"].as_str().unwrap());
    let sha256 = imfl_storage::hex_digest(&fs::read(path).unwrap());
    assert_eq!(generator["sha256"], sha256, "{summary}");
    assert!(generator["steps"].as_u64().unwrap() > 1000);
    assert!(page.contains(&sha256[..12]) && page.contains("times the noise floor"), "{page}");
    // Images that it learnt from are MNIST as well, and stay from the clients.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/mnist");
    for kind in ["images-idx3", "labels-idx1"] {
        let name = |stem: &str| format!("{stem}-{kind}-ubyte.gz");
        fs::copy(shipped.join(name("corpus")), copy.join(name("corpus"))).unwrap();
    }
    assert_eq!(run(root.path(), &copy, &[]).summary["generator"]["origin"], "shipped");
    // Without a generator there is nothing to say of one.
    let none = run(root.path(), &copy, &["--generator", "none"]).summary;
    assert!(none["generator"].is_null() && none["filling"].is_null() && none["theta"].is_null(), "{none}");
}

#[test]
fn a_person_reads_theta_beside_its_floor_and_where_the_generator_is_from() {
    let root = tempfile::tempdir().unwrap();
    let copy = root.path().join("digits");
    succeed(&["data", "split", "--dataset", "mnist", "--train", "200", "--test", "50", "--out", text(&copy)]);
    let config = file(root.path(), "quick.toml", format!("dataset = {copy:?}\n{QUICK}"));
    let runs = root.path().join("runs");
    let shown = succeed(&["run", "--config", &config, "--runs", text(&runs)]);
    let line =
        |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {shown}"));
    assert!(
        line("generator").contains("shipped, ") && line("generator").contains("mnist.safetensors (SHA-256 "),
        "{shown}"
    );
    assert!(line("theta").contains(" times the noise floor 0."), "{shown}");
    assert!(line("filling in").contains("on held-out images"), "{shown}");
}
