//! The accounts against those of Google's `dp-accounting`, kept in `figures/reference.csv`; its head says how they
//! were made.

use imfl_privacy::account::{Question, Report};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(serde::Deserialize)]
struct Row {
    noise: f64,
    rate: f64,
    rounds: u64,
    delta: f64,
    epsilon: f64,
    epsilon_rdp: f64,
}

/// Another file of the same form may be named by IMFL_PRIVACY_REFERENCE.
#[test]
fn epsilons_are_those_of_dp_accounting() {
    let path = std::env::var_os("IMFL_PRIVACY_REFERENCE")
        .map_or_else(|| PathBuf::from("tests/figures/reference.csv"), PathBuf::from);
    let rows = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_path(path)
        .unwrap()
        .into_deserialize()
        .collect::<Result<Vec<Row>, _>>()
        .unwrap();
    assert!(rows.len() >= 100);
    let mut wrong = Vec::new();
    let (mut worst, mut worst_rdp, mut longest) = (0.0f64, 0.0f64, Duration::ZERO);
    for row in &rows {
        let Row { noise, rate, rounds, delta, .. } = *row;
        let start = Instant::now();
        let report = Report::new(&Question { noise: Some(noise), epsilon: None, rate, rounds, delta }).unwrap();
        longest = longest.max(start.elapsed());
        let away = |found: f64, expected: f64| if found == expected { 0.0 } else { (found / expected - 1.0).abs() };
        let (pld, rdp) = (away(report.epsilon, row.epsilon), away(report.epsilon_rdp, row.epsilon_rdp));
        (worst, worst_rdp) = (worst.max(pld), worst_rdp.max(rdp));
        if pld > 0.01 || rdp > 0.001 {
            wrong.push(format!(
                "{noise} {rate} {rounds} {delta:e}: {} {}, {} {}",
                report.epsilon, row.epsilon, report.epsilon_rdp, row.epsilon_rdp
            ));
        }
    }
    println!(
        "{} settings: PLD within {worst:.1e}, RDP within {worst_rdp:.1e}, the longest took {longest:?}",
        rows.len()
    );
    assert!(wrong.is_empty(), "noise, rate, rounds, delta: PLD and reference, RDP and reference\n{}", wrong.join("\n"));
}
