//! Whatever is wrong, there is one clear error, the documented exit code, and no panic.

mod common;

use common::{fail, file, text};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const DATA: i32 = 4;
const DEVICE: i32 = 5;
const DIVERGED: i32 = 6;
const CHECKPOINT: i32 = 7;

fn idx(magic: u32, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes).flat_map(|number| number.to_be_bytes());
    header.chain(data.iter().copied()).collect()
}

/// The error for an IDX folder with these training images and labels.
fn idx_error(images: &[u8], labels: &[u8]) -> String {
    let root = tempfile::tempdir().unwrap();
    file(root.path(), "train-images-idx3-ubyte", images);
    file(root.path(), "train-labels-idx1-ubyte", labels);
    fail(&["run", "--dataset", text(root.path())], DATA)
}

#[test]
fn idx_files() {
    let images = idx(0x803, &[4, 6, 6], &[7; 144]);
    let labels = idx(0x801, &[4], &[0, 1, 0, 1]);
    assert!(idx_error(&images[..100], &labels).contains("truncated"));
    assert!(idx_error(&idx(0x802, &[4, 6, 6], &[7; 144]), &labels).contains("magic number 0x00000802"));
    assert!(idx_error(&images, &idx(0x801, &[3], &[0, 1, 0])).contains("4 images"));
    assert!(idx_error(&idx(0x803, &[u32::MAX, 6, 6], &[7; 144]), &labels).contains("4294967295"));
    assert!(idx_error(&idx(0x803, &[u32::MAX; 3], &[7; 144]), &labels).contains("cannot hold"));
}

#[test]
fn a_gzipped_header_that_lies_is_caught_before_memory_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&idx(0x803, &[u32::MAX, 28, 28], &[0; 784])).unwrap();
    file(root.path(), "train-images-idx3-ubyte.gz", gzip.finish().unwrap());
    file(root.path(), "train-labels-idx1-ubyte", idx(0x801, &[1], &[0]));
    assert!(fail(&["run", "--dataset", text(root.path())], DATA).contains("4294967295 x 28 x 28"));
}

#[test]
fn missing_labels_and_missing_paths() {
    let root = tempfile::tempdir().unwrap();
    file(root.path(), "train-images-idx3-ubyte", idx(0x803, &[4, 6, 6], &[7; 144]));
    assert!(fail(&["run", "--dataset", text(root.path())], DATA).contains("labels are missing"));
    assert!(fail(&["run", "--dataset", "/no/such/place"], DATA).contains("no such file"));
}

#[test]
fn image_folders() {
    let root = tempfile::tempdir().unwrap();
    let run = |code| fail(&["run", "--dataset", text(root.path())], code);
    assert!(run(DATA).contains("class folders"));
    let save = |path: &str, side| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::GrayImage::new(side, side).save(path).unwrap();
    };
    save("a/0.png", 8);
    fs::create_dir(root.path().join("b")).unwrap();
    assert!(run(DATA).contains("holds no PNG or JPEG"));
    file(root.path(), "b/0.png", b"\x89PNG\r\n\x1a\nbroken");
    assert!(run(DATA).contains("0.png: not a readable image"));
    save("b/0.png", 9);
    assert!(run(DATA).contains("1x9x9"));
}

#[test]
fn configuration_files() {
    let root = tempfile::tempdir().unwrap();
    let run = |content: &str| fail(&["run", "--config", &file(root.path(), "c.toml", content)], CONFIG);
    let unknown = run("seed = 1\n[training]\nroundss = 2\n");
    assert!(unknown.contains("c.toml:3:1") && unknown.contains("did you mean `rounds`?"), "{unknown}");
    let wrong = run("[training]\nrounds = \"many\"\n");
    assert!(wrong.contains("c.toml:2:10") && wrong.contains("invalid type"), "{wrong}");
    assert!(run("[training]\nrate = -0.1\n").contains("`training.rate`"));
    assert!(run("seed = \n").contains("c.toml:1:"));
    assert!(fail(&["run", "--config", "/no/such.toml"], CONFIG).contains("/no/such.toml"));
}

#[test]
fn values_out_of_range() {
    assert!(fail(&["run", "--partition", "dirichlet:0"], CONFIG).contains("above zero"));
    assert!(fail(&["run", "--partition", "dirichlet:-1"], CONFIG).contains("above zero"));
    assert!(fail(&["run", "--partition", "heap"], CONFIG).contains("`heap`"));
    assert!(fail(&["run", "--clients", "10001"], CONFIG).contains("10001 clients cannot share 10000 samples"));
    assert!(fail(&["run", "--clients", "0"], CONFIG).contains("partition.clients"));
    assert!(fail(&["run", "--model", "resnet"], CONFIG).contains("simple-cnn"));
    assert!(fail(&["run", "--rate", "nan"], CONFIG).contains("training.rate"));
    assert!(fail(&["run", "--costs", "guessed"], USAGE).contains("measured"));
    assert!(fail(&["run", "--costs", "recorded", "/no/such.json"], CONFIG).contains("/no/such.json"));
    assert!(fail(&["run", "--rounds", "many"], USAGE).contains("many"));
}

#[test]
fn devices_that_are_not_there() {
    assert!(fail(&["run", "--device", "gpu"], DEVICE).contains("expected auto, cpu"));
    if cfg!(not(feature = "cuda")) {
        assert!(fail(&["run", "--device", "cuda"], DEVICE).contains("--features cuda"));
    }
    if cfg!(not(feature = "wgpu")) {
        assert!(fail(&["run", "--device", "wgpu:1"], DEVICE).contains("--features wgpu"));
    }
}

#[test]
fn generators_that_do_not_fit() {
    let root = tempfile::tempdir().unwrap();
    assert!(fail(&["run", "--generator", "/no/such.safetensors"], CHECKPOINT).contains("/no/such.safetensors"));
    let broken = file(root.path(), "broken.safetensors", [0xff; 100]);
    assert!(fail(&["run", "--generator", &broken], CHECKPOINT).contains("broken.safetensors"));
}

#[test]
fn training_that_diverges_names_round_and_client() {
    let root = tempfile::tempdir().unwrap();
    let small = "[training]\nmodel = \"mlp\"\n[costs]\nseconds_per_sample = 1e-4\n[probe]\nimages_per_class = 4\n";
    let config = file(root.path(), "c.toml", small);
    let runs = root.path().join("runs");
    let error = fail(
        &["run", "--config", &config, "--runs", text(&runs), "--generator", "none", "--rate", "1e30", "--seed", "1"],
        DIVERGED,
    );
    assert!(error.contains("round 1") && error.contains("client 0"), "{error}");
}

#[test]
fn a_run_folder_that_cannot_be_made() {
    let root = tempfile::tempdir().unwrap();
    let taken = file(root.path(), "taken", "a file");
    let runs = Path::new(&taken).join("runs");
    let error = fail(&["run", "--runs", text(&runs), "--generator", "none"], 1);
    assert!(error.contains("taken"), "{error}");
}
