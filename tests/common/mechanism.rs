//! What the tests of `imfl mechanism` share.

use serde_json::Value;
use std::process::{Command, Output};
use tempfile::TempDir;

pub const HEADER: &str = "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch";

pub fn asset(name: &str) -> String {
    format!("{}/assets/mechanism/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub fn imfl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imfl"))
        .arg("mechanism")
        .args(arguments)
        .env_remove("IMFL_SEED")
        .output()
        .expect("the binary runs")
}

/// The standard arguments, then `more`.
pub fn on(command: &str, file: &str, path: &str, more: &[&str]) -> Output {
    let constants = asset("constants.toml");
    let mut all = vec![command, file, path, "--theta", "0.154", "--weight", "5", "--constants", &constants];
    all.extend(more);
    imfl(&all)
}

pub fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

pub fn price(more: &[&str]) -> Value {
    json(&on("price", "--clients", &asset("clients.csv"), &[&["--format", "json"], more].concat()))
}

pub fn auction(more: &[&str]) -> Value {
    json(&on("auction", "--bids", &asset("bids.csv"), &[&["--format", "json"], more].concat()))
}

pub fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("`{key}` is no number in {value}"))
}

pub fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}
