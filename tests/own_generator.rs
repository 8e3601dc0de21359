//! Anybody's generator: images that were drawn elsewhere, and programs that draw them.

mod common;

use common::{fail, file, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A run of little, on images of its own, with recorded costs.
const QUICK: &str = r#"
seed = 3
[partition]
clients = 4
scheme = "shards:2"
[training]
model = "mlp"
rounds = 1
[probe]
points = 2
images_per_class = 8
[costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-3
seconds_for_setup = 0.01
[mechanism]
weight = 1e6
scenarios = 10
"#;

struct Room {
    root: tempfile::TempDir,
    config: String,
    runs: PathBuf,
}

impl Room {
    /// 200 training and 50 test digits.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let digits = root.path().join("digits");
        succeed(&["data", "split", "--dataset", "mnist", "--train", "200", "--test", "50", "--out", text(&digits)]);
        let config = file(root.path(), "quick.toml", format!("dataset = {digits:?}\n{QUICK}"));
        Self { runs: root.path().join("runs"), config, root }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn arguments<'a>(&'a self, generator: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let all =
            ["run", "--config", &self.config, "--runs", text(&self.runs), "--format", "json", "--generator", generator];
        [&all, more].concat()
    }

    /// A run's summary and what it said.
    fn run(&self, generator: &str, more: &[&str]) -> (Value, String) {
        let output = imfl().args(self.arguments(generator, more)).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        (serde_json::from_slice(&output.stdout).unwrap(), stderr(&output))
    }

    /// A folder of so many drawn images of each class.
    fn drawn(&self, name: &str, count: &str) -> PathBuf {
        let out = self.path().join(name);
        succeed(&["aigc", "sample", "--out", text(&out), "--count", count, "--steps", "2", "--png"]);
        out.join("images")
    }

    /// A program that copies images out of a folder, after `first`.
    fn program(&self, images: &Path, first: &str) -> String {
        let script = format!(
            "while [ $# -gt 1 ]; do case $1 in --class) class=$2;; --count) count=$2;; --out) out=$2;; esac; shift 2; done\n\
             {first}\nls {images}/$class | head -n $count | while read file; do cp {images}/$class/$file $out/; done\n",
            images = text(images)
        );
        format!("command:sh {}", file(self.path(), "draw.sh", script))
    }
}

#[test]
fn a_folder_of_images_drawn_elsewhere_fills_in() {
    let room = Room::new();
    let images = room.drawn("elsewhere", "12");
    let source = format!("folder:{}", text(&images));
    let (summary, said) = room.run(&source, &[]);
    let generator = &summary["generator"];
    assert_eq!((&generator["origin"], &generator["path"]), (&"folder".into(), &text(&images).into()), "{summary}");
    assert!(generator["dataset"].is_null() && generator["steps"].is_null(), "{summary}");
    assert!(
        summary["modes"]["augmented"].as_u64().unwrap() > 0 && summary["theta"].as_f64().unwrap() > 0.0,
        "{summary}"
    );
    assert!(
        said.contains("120 images drawn elsewhere, 12 to 12 of a class") && said.contains("--learnt PATH"),
        "{said}"
    );
    assert!(said.contains("has 12: they are used again"), "more are needed than there are: {said}");
    // What it learnt from stays from the clients, and nothing has to be said of it.
    let learnt = room.path().join("learnt");
    let split = [
        "data",
        "split",
        "--dataset",
        "mnist",
        "--train",
        "150",
        "--test",
        "10",
        "--seed",
        "5",
        "--out",
        text(&learnt),
    ];
    succeed(&split);
    let (summary, said) = room.run(&source, &["--learnt", text(&learnt)]);
    assert!(!said.contains("nobody has said"), "{said}");
    assert_eq!(summary["generator"]["dataset"], "learnt");
}

#[test]
fn a_folder_that_does_not_fit_or_holds_test_images_is_refused() {
    let room = Room::new();
    let images = room.drawn("elsewhere", "9");
    let source = format!("folder:{}", text(&images));
    fs::rename(images.join("3"), images.join("three")).unwrap();
    assert!(fail(&room.arguments(&source, &[]), 7).contains("class \"three\""));
    fs::rename(images.join("three"), room.path().join("3")).unwrap();
    assert!(fail(&room.arguments(&source, &[]), 7).contains("no sample of class \"3\""));
    fs::rename(room.path().join("3"), images.join("3")).unwrap();
    fs::write(images.join("3/0.png"), "no picture").unwrap();
    assert!(fail(&room.arguments(&source, &[]), 4).contains("0.png"));
    let missing = format!("folder:{}", text(&room.path().join("nowhere")));
    assert!(fail(&room.arguments(&missing, &[]), 4).contains("nowhere"));
}

#[test]
fn a_program_that_draws_fills_in_and_sets_its_own_price() {
    let room = Room::new();
    let images = room.drawn("stock", "60");
    let source = room.program(&images, "");
    let unpriced = fs::read_to_string(&room.config).unwrap().replace("seconds_per_image = 1e-3\n", "");
    fs::write(&room.config, unpriced).unwrap();
    let (summary, _) = room.run(&source, &[]);
    assert_eq!(summary["generator"]["origin"], "command", "{summary}");
    assert!(summary["costs"]["seconds_per_image"].as_f64().unwrap() > 0.0, "{summary}");
    assert!(summary["theta"].as_f64().unwrap() > 0.0, "{summary}");
}

#[test]
fn a_program_that_fails_in_any_way_ends_the_run_with_one_clear_error() {
    let room = Room::new();
    let images = room.drawn("stock", "60");
    let refused = |first: &str, more: &[&str]| {
        let source = room.program(&images, first);
        fail(&room.arguments(&source, more), 7)
    };
    let failed = refused("echo no weights here >&2; exit 3", &[]);
    assert!(failed.contains("exit status: 3") && failed.contains("it said: no weights here"), "{failed}");
    assert!(refused("exit 0", &[]).contains("left 0 PNG or JPEG files instead of"));
    assert!(refused("cp /dev/null $out/a.png", &[]).contains("a.png"));
    let started = Instant::now();
    let late = refused("sleep 100", &["--set", "generator.limit_seconds=0.5"]);
    assert!(late.contains("was not done after 0.5 s") && late.contains("generator.limit_seconds"), "{late}");
    // Not a measurement: without an end it would take longer than the program.
    assert!(started.elapsed() < Duration::from_secs(90));
    for (source, said) in [
        ("command:/no/such/program", "could not be started"),
        ("command:sh -c 'open", "a quote is not closed"),
        ("command:", "no program is named"),
    ] {
        let arguments = room.arguments(source, &[]);
        let output = imfl().args(arguments).output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(said), "{source}: {}", stderr(&output));
    }
}
