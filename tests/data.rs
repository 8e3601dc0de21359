//! Datasets in every format, cut out of the images that ship with the project.

mod common;

use common::{fail, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn show(dataset: &Path) -> Value {
    serde_json::from_str(&succeed(&["data", "show", "--dataset", text(dataset), "--format", "json"])).unwrap()
}

#[test]
fn shipped_images_are_balanced_over_classes() {
    let shown: Value = serde_json::from_str(&succeed(&["data", "show", "--format", "json"])).unwrap();
    assert_eq!(shown["schema"], "imfl.data/1");
    let counts = |part: &str| -> Vec<u64> {
        shown["images_per_class"][part].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
    };
    assert_eq!((counts("train"), counts("test"), counts("corpus")), (vec![1000; 10], vec![200; 10], vec![400; 10]));
}

#[test]
fn a_split_is_written_read_back_and_disjoint() {
    let root = tempfile::tempdir().unwrap();
    let (parts, rest) = (root.path().join("parts"), root.path().join("rest"));
    let split = ["data", "split", "--dataset", "mnist", "--train", "100", "--test", "50", "--corpus", "40"];
    succeed(&[&split[..], &["--seed", "3", "--out", text(&parts), "--rest", text(&rest)]].concat());
    let shown = show(&parts);
    assert_eq!(shown["images_per_class"]["train"], serde_json::json!([10, 10, 10, 10, 10, 10, 10, 10, 10, 10]));
    assert_eq!(shown["images_per_class"]["corpus"][0], 4);
    let left = show(&rest);
    let left: u64 = ["train", "test"]
        .iter()
        .flat_map(|part| left["images_per_class"][part].as_array().unwrap().clone())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(left, 10_000 - 140);
    let before = fs::read(parts.join("train-images-idx3-ubyte.gz")).unwrap();
    succeed(&[&split[..], &["--seed", "3", "--out", text(&parts)]].concat());
    assert_eq!(fs::read(parts.join("train-images-idx3-ubyte.gz")).unwrap(), before, "the same seed, the same file");
}

/// PNG files of two classes, 32x32 in colour.
fn image_folder(root: &Path) {
    for (class, base) in [("cat", 30u8), ("dog", 200)] {
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        for index in 0..10u8 {
            let image = image::RgbImage::from_fn(32, 32, |x, y| image::Rgb([base, x as u8 * 7 + index, y as u8 * 7]));
            image.save(folder.join(format!("{index}.png"))).unwrap();
        }
    }
}

#[test]
fn an_image_folder_becomes_a_cifar_file_and_both_hold_the_same() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("pictures");
    image_folder(&folder);
    let shown = show(&folder);
    assert_eq!(shown["classes"], serde_json::json!(["cat", "dog"]));
    assert_eq!(shown["shape"], serde_json::json!({"channels": 3, "height": 32, "width": 32}));
    assert_eq!(shown["images_per_class"], serde_json::json!({"train": [8, 8], "test": [2, 2]}));
    let (parts, cifar) = (root.path().join("parts"), root.path().join("data_batch_1.bin"));
    let split = ["data", "split", "--dataset", text(&folder), "--train", "16", "--test", "4", "--out", text(&parts)];
    succeed(&[&split[..], &["--cifar", text(&cifar)]].concat());
    assert_eq!(fs::metadata(&cifar).unwrap().len(), 16 * 3073);
    assert_eq!(show(&parts)["shape"], shown["shape"]);
    let records = show(&cifar);
    assert_eq!(records["classes"].as_array().unwrap().len(), 10);
    assert_eq!(records["shape"], shown["shape"]);
}

#[test]
fn devices_are_listed_with_the_one_that_auto_takes() {
    let devices: Value = serde_json::from_str(&succeed(&["devices", "--format", "json"])).unwrap();
    assert_eq!(devices["schema"], "imfl.devices/1");
    assert!(devices["devices"].as_array().unwrap().contains(&"cpu".into()));
}

#[test]
fn the_processor_is_not_tuned() {
    let root = tempfile::tempdir().unwrap();
    let tune = |arguments: &[&str]| {
        let mut command = imfl();
        command.env("IMFL_CACHE", root.path().join("cache"));
        command.args(["devices", "--tune"]).args(arguments).output().unwrap()
    };
    let output = tune(&["--device", "cpu", "--format", "json"]);
    assert!(output.status.success() && stderr(&output).contains("on GPUs only"), "{}", stderr(&output));
    let tuned: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&tuned["schema"], &tuned["adapter"]), (&"imfl.tuning/1".into(), &Value::Null));
    assert_eq!(tuned["convolutions"], serde_json::json!([]));
    if cfg!(not(any(feature = "wgpu", feature = "cuda"))) {
        for (arguments, said) in [(&[][..], "--features cuda"), (&["--device", "wgpu:0"], "--features wgpu")] {
            let output = tune(arguments);
            assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
            assert!(stderr(&output).contains(said), "{}", stderr(&output));
        }
    }
    assert!(!root.path().join("cache").exists(), "nothing was measured, nothing is kept");
    let (usage, config) = (2, 3);
    assert!(fail(&["devices", "--clients", "3"], usage).contains("--tune"));
    assert!(fail(&["devices", "--tune", "--device", "cpu", "--clients", "0"], config).contains("--clients"));
    assert!(fail(&["devices", "--tune", "--device", "cpu", "--model", "vgg"], usage).contains("simple-cnn"));
}
