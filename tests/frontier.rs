//! `imfl reproduce frontier` on some of the images that ship with the project.

mod common;

use common::small_run::MEASURED;
use common::{fail, file, succeed, text};
use serde_json::Value;

#[test]
fn every_rule_is_trained_at_every_worth_and_compared_at_equal_payments() {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("images");
    succeed(&["data", "split", "--dataset", "mnist", "--train", "700", "--test", "200", "--out", text(&images)]);
    let settings = |worth: f64| {
        let table = format!(
            r#"
seeds = [1, 2]
[grid]
worths = [0.0001, 0.02]
worth = {worth}
effort = 20000
pilots = 2.0
[run]
dataset = {images:?}
[run.partition]
clients = 4
scheme = "dirichlet:0.3"
[run.training]
model = "mlp"
rounds = 2
rate = 0.1
[run.generator]
source = "none"
{MEASURED}"#
        );
        file(root.path(), "frontier.toml", table)
    };
    let folder = root.path().join("experiments");
    let arguments = |path: &str| {
        ["reproduce", "frontier", "--settings", path, "--folder", text(&folder), "--format", "json"].map(String::from)
    };
    let run = |arguments: [String; 8]| {
        let said = succeed(&arguments.each_ref().map(String::as_str));
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let found = run(arguments(&settings(0.02)));
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    let buyers = found["buyers"].as_array().unwrap();
    assert_eq!(buyers.len(), 17);
    for buyer in buyers {
        let points = buyer["points"].as_array().unwrap();
        assert_eq!(points.len(), 2);
        assert!(points.iter().all(|point| (0.0..=1.0).contains(&number(&point["accuracy"]["mean"]))), "{buyer}");
    }
    // what is worth more buys more
    let paid = |at: usize, point: usize| number(&buyers[at]["points"][point]["payments"]["mean"]);
    assert!(paid(0, 0) < paid(0, 1) && paid(0, 1) > 0.0);
    let against = found["against"].as_array().unwrap();
    assert_eq!(against.len(), 14);
    for one in against {
        // Some pay what the posted price never pays.
        let compared = one["accuracy"].is_object();
        assert_eq!(number(&one["seeds"]) > 1.0, compared, "{one}");
        if compared {
            let ends = ["low", "mean", "high"].map(|end| number(&one["accuracy"][end]));
            assert!(ends[0] <= ends[1] && ends[1] <= ends[2], "{one}");
        }
        assert!(number(&one["saved"]["mean"]) <= 1.0);
    }
    assert!(number(&found["predicted"]["sets"]) >= 4.0 && found["predicted"]["slope"].is_number());
    assert!(folder.join("frontier/forecast.toml").exists());
    // a second time nothing is computed, and all is the same
    assert_eq!(run(arguments(&settings(0.02)))["buyers"], found["buyers"]);
    let other = arguments(&settings(0.5));
    let fresh = [&other.each_ref().map(String::as_str)[..], &["--fresh"]].concat();
    assert!(fail(&fresh, 3).contains("must be one of `grid.worths`"));
}
