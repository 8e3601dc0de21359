//! A small dataset and a tiny generator for it.

use super::{succeed, text};
use std::path::{Path, PathBuf};

/// 60 training, 40 test and 80 corpus images of the shipped MNIST.
pub fn small(root: &Path) -> PathBuf {
    let path = root.join("small");
    let sizes = ["--train", "60", "--test", "40", "--corpus", "80", "--seed", "1"];
    succeed(&[&["data", "split", "--dataset", "mnist", "--out", text(&path)], &sizes[..]].concat());
    path
}

/// Arguments that train a tiny network for `steps` steps.
pub fn training<'a>(dataset: &'a Path, out: &'a Path, steps: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["aigc", "train", "--dataset", text(dataset), "--out", text(out), "--steps", steps];
    arguments.extend(["--batch", "8", "--shards", "3", "--width", "8", "--every", "2", "--seed", "3"]);
    arguments
}

/// A generator that learnt for four steps.
pub fn trained(root: &Path, dataset: &Path) -> PathBuf {
    let out = root.join("tiny.safetensors");
    assert_eq!(succeed(&training(dataset, &out, "4")).trim(), text(&out));
    out
}
