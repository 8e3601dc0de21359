//! `imfl aigc assess` and `imfl bench generate`: what they promise to print, and what is too little for them.

mod common;

use common::generator::{small, trained};
use common::{fail, succeed, text};

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const DATA: i32 = 4;

#[test]
fn an_assessment_has_every_number_of_its_contract() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
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
    assert_eq!((&report["images"], &report["measured_on"]), (&30.into(), &"test".into()));
    // Reading decimal numbers rounds.
    assert!((number("theta") - number("g_diff") / (2.0 * number("g_data"))).abs() < 1e-12);
}

#[test]
fn generators_are_ranked_by_measures_and_by_what_training_gains() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let plot = root.path().join("plot.svg");
    let arguments = ["aigc", "assess", "--validate", "--generator", text(&generator), "--dataset", text(&dataset)];
    let measures = ["--model", "mlp", "--epochs", "1", "--images-per-class", "2", "--points", "2", "--steps", "2"];
    let training = [
        "--lengths",
        "3,1",
        "--corrupt",
        "noise:80,labels:1",
        "--trials",
        "2",
        "--clients",
        "3",
        "--client-samples",
        "20",
        "--rounds",
        "6",
    ];
    let output = ["--plot", text(&plot), "--format", "json"];
    let printed = succeed(&[&arguments[..], &measures, &training, &output].concat());
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&report["schema"], &report["seeds"]), (&"imfl.validation/1".into(), &serde_json::json!([0, 1])));
    let generators = report["generators"].as_array().unwrap();
    assert_eq!(generators.len(), 5, "the given one, two corrupted ones, two trained on the spot: {printed}");
    let baseline = report["baseline_accuracy"].as_f64().unwrap();
    for row in generators {
        let number = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"));
        assert!(number("theta") > 0.0 && number("fid") > 0.0, "{row}");
        assert!((number("accuracy") - baseline - number("gain")).abs() < 1e-9, "{row}");
        assert_eq!(row["by_trial"]["theta"].as_array().unwrap().len(), 2);
    }
    for measure in ["theta", "pull", "fid"] {
        let correlation = report["rank_correlation"][measure].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&correlation), "{printed}");
    }
    assert!(std::fs::read_to_string(&plot).unwrap().contains("rank correlation"));

    let error = fail(&[&arguments[..], &["--trials", "0"]].concat(), CONFIG);
    assert!(error.contains("--trials"), "{error}");
    let error = fail(&[&arguments[..], &["--corrupt", "blur:3"]].concat(), USAGE);
    assert!(error.contains("labels:SHARE"), "{error}");
    let two = ["aigc", "assess", "--generator", text(&generator), "--generator", "mnist"];
    assert!(fail(&two, USAGE).contains("--validate"));
}

#[test]
fn too_few_images_for_a_measure_say_how_many_it_takes() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let generator = trained(root.path(), &dataset);
    let quick = ["--epochs", "1", "--points", "2", "--images-per-class", "2", "--steps", "2", "--model", "mlp"];
    let assess = ["aigc", "assess", "--generator", text(&generator), "--dataset", text(&dataset)];
    let with = |more: &[&str], code| fail(&[&assess[..], &quick, more].concat(), code);
    let error = with(&["--images", "1"], DATA);
    assert!(error.contains("FID needs at least 2 generated images, there are 1"), "{error}");
    let error = with(&["--images", "5"], DATA);
    assert!(error.contains("coverage needs at least 6 generated images, there are 5"), "{error}");
    let error = with(&["--images", "30", "--neighbours", "40"], DATA);
    assert!(error.contains("at least 41 generated images, there are 30"), "{error}");
    assert!(with(&["--images", "0"], CONFIG).contains("zero images"));
}

#[test]
fn a_benchmark_has_every_number_of_its_contract() {
    let quick = ["--side", "8", "--width", "8", "--batch", "2", "--steps", "1", "--images", "2", "--repeats", "1"];
    let printed = succeed(&[&["bench", "generate", "--format", "json"], &quick[..]].concat());
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["schema"], "imfl.bench/1");
    for key in ["train_images_per_second", "evaluations_per_second", "images_per_second"] {
        assert!(report[key].as_f64().is_some_and(|rate| rate > 0.0), "{key} in {printed}");
    }
    let ratio = report["evaluations_per_second"].as_f64().unwrap() / report["images_per_second"].as_f64().unwrap();
    assert!((ratio - report["evaluations_per_image"].as_f64().unwrap()).abs() < 1e-6, "{printed}");
    let error = fail(&["bench", "generate", "--images", "0"], CONFIG);
    assert!(error.contains("--images"), "{error}");
}
