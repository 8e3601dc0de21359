//! The final model elsewhere: what its file says about it, and PyTorch by the code of docs/export.md.

mod common;

use common::small_run::{config, run};
use common::text;
use imfl_storage::Stored;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Everything that it takes to use the model is in its file, and the numbers are those of the data.
#[test]
fn the_models_file_says_how_to_use_it() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let folder = run(root.path(), &["--config", &config, "--rounds", "1"]);
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let stored = Stored::open(&bytes, "imfl.model/1").unwrap();
    let about = |key: &str| stored.about(key).unwrap_or_else(|| panic!("no `{key}`")).to_string();
    let list = |key: &str| serde_json::from_str::<Value>(&about(key)).unwrap().as_array().unwrap().clone();
    assert_eq!(about("model"), "mlp");
    assert_eq!(list("shape"), [1, 28, 28]);
    assert_eq!(list("classes").len(), 10);
    let (mean, deviation) = (list("mean")[0].as_f64().unwrap(), list("deviation")[0].as_f64().unwrap());
    assert!((0.1..0.17).contains(&mean) && (0.25..0.36).contains(&deviation), "MNIST: {mean}, {deviation}");
    assert!(about("layout").contains("[in, out]") && about("input").contains("byte / 255"));
    assert_eq!(stored.f32("dense1.weight", &[784, 200]).unwrap().len(), 784 * 200);
}

/// What the page's code is asked for: the accuracy and the loss on the test images.
const SCORE: &str = r#"
import glob, gzip, sys, numpy
def idx(pattern):
    raw = gzip.open(glob.glob(pattern)[0]).read()
    dims = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return torch.tensor(numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * raw[3]).reshape(dims).copy())
images, labels = (idx(f"{sys.argv[1]}/test-{kind}*") for kind in ("images", "labels"))
found = logits(images.float().reshape(-1, *json.loads(about["shape"])))
print(json.dumps([(found.argmax(1) == labels).float().mean().item(), F.cross_entropy(found, labels.long()).item()]))
"#;

#[test]
#[ignore = "needs python3 with torch, numpy and safetensors; run with --ignored"]
fn pytorch_scores_every_model_as_the_run_did() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/export.md")).unwrap();
    let blocks: Vec<&str> = page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    let code = blocks.concat() + SCORE;
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    for model in ["mlp", "simple-cnn", "fedavg-cnn", "resnet8-gn"] {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), "");
        let folder = run(root.path(), &["--config", &config, "--rounds", "2", "--model", model, "--generator", "none"]);
        let images = root.path().join("images");
        let output = Command::new(&python)
            .args(["-c", &code, text(&images)])
            .current_dir(&folder)
            .output()
            .expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: [f64; 2] = serde_json::from_slice(&output.stdout).unwrap();
        let summary = std::fs::read_to_string(folder.join("summary.json")).unwrap();
        let summary: Value = serde_json::from_str(&summary).unwrap();
        let number = |key: &str| summary[key].as_f64().unwrap();
        assert!((found[0] - number("accuracy")).abs() < 1e-6, "{model}: {found:?}, {summary}");
        assert!((found[1] - number("loss")).abs() < 1e-4, "{model}: {found:?}, {summary}");
    }
}
