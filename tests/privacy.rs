//! `imfl privacy account` through the binary.

mod common;

use common::{fail, succeed};
use serde_json::Value;

fn account(arguments: &[&str]) -> Value {
    let text = succeed(&[&["privacy", "account", "--format", "json"], arguments].concat());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_account_says_epsilon_and_finds_the_noise_for_it() {
    let setting = ["--rate", "0.01", "--rounds", "1000", "--delta", "1e-5"];
    let told = account(&[&["--noise", "1"], &setting[..]].concat());
    assert_eq!(told["schema"], "imfl.privacy/1");
    // 1.8282 by Google's dp-accounting 0.6.0 (PLD).
    let epsilon = told["epsilon"].as_f64().unwrap();
    assert!((epsilon - 1.83).abs() < 0.0183, "{told}");
    assert!(told["epsilon_rdp"].as_f64().unwrap() > epsilon);
    let found = account(&[&["--epsilon", "1.83"], &setting[..]].concat());
    assert!(
        (found["noise"].as_f64().unwrap() - 1.0).abs() < 0.01 && found["epsilon"].as_f64().unwrap() <= 1.83,
        "{found}"
    );
}

#[test]
fn wrong_parameters_are_named() {
    let wrong = |noise: &str, rate: &str, delta: &str| {
        fail(&["privacy", "account", "--noise", noise, "--rate", rate, "--rounds", "10", "--delta", delta], 3)
    };
    assert!(wrong("-1", "0.1", "1e-5").contains("noise"));
    assert!(wrong("1", "1.5", "1e-5").contains("rate"));
    assert!(wrong("1", "0.1", "0").contains("delta"));
    assert!(fail(&["privacy", "account", "--rate", "0.1", "--rounds", "1", "--delta", "1e-5"], 2).contains("--noise"));
}
