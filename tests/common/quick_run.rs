//! Runs of little on a dataset of any kind, with recorded costs; filling in is cheap, so that somebody does it.

use super::{file, succeed, text};
use serde_json::Value;
use std::path::{Path, PathBuf};

const QUICK: &str = r#"
seed = 3
[partition]
clients = 4
scheme = "shards:1"
[probe]
points = 2
images_per_class = 8
[costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-7
seconds_for_setup = 0.0
[mechanism]
objective = "bound"
weight = 1e6
scenarios = 10
"#;

/// A configuration, and where its runs go.
pub struct QuickRun {
    /// The configuration's file.
    pub config: String,
    runs: PathBuf,
}

impl QuickRun {
    /// On a dataset, with these lines of `[training]`.
    pub fn new(root: &Path, dataset: &str, training: &str) -> Self {
        let config = format!("dataset = {dataset:?}\n{QUICK}[training]\n{training}\n");
        Self { config: file(root, "quick.toml", config), runs: root.join("runs") }
    }

    /// Runs with more arguments; returns the summary.
    pub fn run(&self, more: &[&str]) -> Value {
        let all = ["run", "--config", &self.config, "--runs", text(&self.runs), "--format", "json"];
        json(&succeed(&[&all, more].concat()))
    }

    /// The first run, by a generator: some samples are generated, and the second, with other workers, is the same.
    pub fn augmented(&self, generator: &str) -> Value {
        let [one, two] = ["1", "2"].map(|workers| self.run(&["--generator", generator, "--workers", workers]));
        assert_eq!(one["accuracy"], two["accuracy"]);
        assert_eq!(one["loss"], two["loss"]);
        assert!(one["generated_images"].as_u64().unwrap() > 0, "{one}");
        one
    }

    /// The folder of the first run.
    pub fn first(&self) -> PathBuf {
        self.runs.join("0001-run")
    }

    /// Goes on with the first run for longer: what was generated is read back from its checkpoint.
    pub fn goes_on(&self, rounds: &str, first: &Value) {
        let further = succeed(&["run", "--resume", text(&self.first()), "--rounds", rounds, "--format", "json"]);
        assert_eq!(json(&further)["generated_images"], first["generated_images"]);
    }
}

/// What was printed, as JSON.
pub fn json(printed: &str) -> Value {
    serde_json::from_str(printed).unwrap()
}
