//! `imfl bench train`: what it promises to print, and what it refuses.

mod common;

use common::{fail, imfl, succeed};
use serde_json::Value;

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const DIVERGED: i32 = 6;

/// A benchmark that takes a moment.
const SMALL: [&str; 13] = [
    "bench",
    "train",
    "--shape",
    "1x12x12",
    "--clients",
    "30",
    "--cohort",
    "6",
    "--samples",
    "12",
    "--rounds",
    "3",
    "--format",
];

fn bench(more: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[&SMALL[..], &["json"], more].concat())).unwrap()
}

#[test]
fn the_promised_keys_are_there_and_agree_with_each_other() {
    let one = bench(&["--workers", "2"]);
    assert_eq!((one["schema"].as_str(), one["device"].as_str()), (Some("imfl.bench/1"), Some("cpu")));
    assert_eq!((one["workers"].as_u64(), one["chunk"].as_u64()), (Some(2), Some(1)));
    let number = |key: &str| one[key].as_f64().unwrap_or_else(|| panic!("{key} is no number: {one}"));
    let seconds = |key: &str| one["seconds_per_round"][key].as_f64().unwrap();
    assert!(0.0 < seconds("p10") && seconds("p10") <= seconds("median") && seconds("median") <= seconds("p90"));
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} and {b}: {one}");
    close(number("samples_per_second"), 72.0 / seconds("median"));
    close(number("clients_per_second"), 6.0 / seconds("median"));
    // simple-cnn on 1x12x12: the multiply-adds of each layer, twice, forward and backward to weights and inputs.
    let products = [100 * 32 * 9, 64 * 64 * 288, 1024 * 128, 128 * 10];
    let flops = 2 * (3 * products.iter().sum::<usize>() - products[0]);
    close(number("gflops"), 72.0 * flops as f64 / seconds("median") * 1e-9);
    close(number("share_of_peak"), number("gflops") / number("peak_gflops"));
    // Batches of 10 and 2 in rows of 10.
    close(number("padding"), 8.0 / 20.0);
    close(number("data_bytes"), 30.0 * 12.0 * 146.0);
    if cfg!(target_os = "linux") {
        assert!(number("peak_memory_bytes") > number("data_bytes"));
    }
    let gpus = cfg!(any(feature = "wgpu", feature = "cuda"));
    for key in ["launches_per_round", "launches", "host_seconds"] {
        assert_eq!(one[key].is_null(), !gpus, "{key} of {one}");
    }
    // Nothing crosses where host and device are one.
    assert_eq!(one["transfers"], serde_json::json!({"to_device_bytes": 0, "from_device_bytes": 0}));
}

#[test]
fn lists_measure_every_combination() {
    let grid = bench(&["--batch", "4,12", "--workers", "1,2", "--chunk", "1,3", "--model", "mlp"]);
    assert_eq!(grid["schema"], "imfl.bench-grid/1");
    let settings = grid["settings"].as_array().unwrap();
    let of = |one: &Value| ["workers", "chunk", "batch"].map(|key| one[key].as_u64().unwrap());
    let found: Vec<[u64; 3]> = settings.iter().map(of).collect();
    let expected: Vec<[u64; 3]> = (0..8).map(|i| [[1, 2][i / 4], [1, 3][i / 2 % 2], [4, 12][i % 2]]).collect();
    assert_eq!(found, expected);
    let table = succeed(&[&SMALL[..12], &["--model", "mlp", "--batch", "4,12"]].concat());
    let batch = |line: &str| line.split_whitespace().next().map(String::from);
    let batches: Vec<String> = table.lines().skip(2).filter_map(batch).collect();
    assert!(table.starts_with("device ") && table.contains("model mlp") && batches == ["4", "12"], "{table}");
}

/// What all settings have in common stands above the table, which fits a terminal of 80 columns.
#[test]
fn a_person_gets_a_table_that_fits_a_terminal() {
    for (more, column, above) in [(&[][..], "s/round", "batch"), (&["--batch", "10,20"], "batch  s/round", "cohort 6")]
    {
        let text = succeed(&[&SMALL[..], &["text", "--workers", "1"], more].concat());
        let (first, table) = text.split_once('\n').unwrap();
        assert!(first.starts_with("device ") && first.contains(above) && first.contains("workers 1"), "{text}");
        let header = table.lines().next().unwrap().trim();
        assert!(header.split_whitespace().collect::<Vec<_>>().join("  ").starts_with(column), "{text}");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_reason() {
    let refuse = |more: &[&str], code| fail(&[&["bench", "train"], more].concat(), code);
    assert!(refuse(&["--cohort", "50", "--clients", "10"], CONFIG).contains("from 10 clients without replacement"));
    assert!(refuse(&["--shape", "1x4x4"], CONFIG).contains("at least 6x6"));
    assert!(refuse(&["--shape", "0x4x4"], USAGE).contains("CHANNELSxHEIGHTxWIDTH"));
    assert!(refuse(&["--model", "resnet"], USAGE).contains("simple-cnn"));
    assert!(refuse(&["--algorithm", "fedprox"], USAGE).contains("fedprox:MU"));
    for flag in ["--batch", "--cohort", "--samples", "--rounds", "--chunk", "--workers", "--clients"] {
        assert!(refuse(&[flag, "0"], CONFIG).contains(&format!("{flag} must be at least 1")), "{flag}");
    }
    let diverged = refuse(&["--rate", "1e3", "--model", "mlp", "--shape", "1x8x8"], DIVERGED);
    assert!(diverged.contains("round 1") && diverged.contains("client"), "{diverged}");
}

/// Memory grows with the data of clients, not with their number: a hundred times as many clients with a hundredth of
/// the samples each hold the same images.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_clients() {
    let peak = |clients: &str, samples: &str| {
        let run = imfl()
            .args(["bench", "train", "--model", "mlp", "--shape", "1x16x16", "--cohort", "100", "--rounds", "1"])
            .args(["--clients", clients, "--samples", samples, "--format", "json"])
            .output()
            .unwrap();
        let one: Value = serde_json::from_slice(&run.stdout).unwrap();
        (one["peak_memory_bytes"].as_f64().unwrap(), one["data_bytes"].as_f64().unwrap())
    };
    let ((few, data), (many, same)) = (peak("1000", "200"), peak("100000", "2"));
    assert_eq!(data, same);
    // A hundred bytes a client: its identity, its place in lists, its weight.
    assert!(many - few < 100.0 * 100_000.0, "{few} bytes for 1,000 clients, {many} for 100,000");
}

#[test]
fn ranks_are_predicted_for_a_network_that_is_given() {
    let small = ["bench", "ranks", "--model", "mlp", "--shape", "1x12x12", "--samples", "12", "--rounds", "2"];
    let given = [&small[..], &["--latency", "30", "--bandwidth", "1", "--format", "json"]].concat();
    let found: Value = serde_json::from_str(&succeed(&given)).unwrap();
    assert_eq!((found["schema"].as_str(), found["ranks"].as_u64()), (Some("imfl.bench-ranks/1"), Some(1)));
    assert!(found["messages"].as_array().unwrap().is_empty(), "one process has timed no message");
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&found["seconds_per_client"]) > 0.0 && number(&found["seconds_beside_clients"]) >= 0.0);
    let predictions = found["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 5 * 11, "five cohorts on eleven numbers of nodes");
    for prediction in predictions {
        let parts = ["training", "imbalance", "fixed", "communication"].map(|part| number(&prediction[part]));
        assert!((parts.iter().sum::<f64>() / number(&prediction["seconds"]) - 1.0).abs() < 1e-9, "{prediction}");
        // Twice log2 N messages of 30 microseconds, and the model's integers at a gigabyte a second.
        let nodes = number(&prediction["nodes"]);
        let values = number(&found["parameters"]) + 2.0 + 3.0 * number(&prediction["clients"]);
        let expected = 60e-6 * nodes.log2() + 2.0 * (nodes - 1.0) / nodes * 8.0 * values * 1e-9;
        assert!((parts[3] - expected).abs() < 1e-9, "{prediction}");
    }
    let error = fail(&small, USAGE);
    assert!(error.contains("mpirun -n 2") && error.contains("--latency"), "{error}");
    let error = fail(&[&small[..], &["--latency", "0", "--bandwidth", "1"]].concat(), CONFIG);
    assert!(error.contains("above 0"), "{error}");
}
