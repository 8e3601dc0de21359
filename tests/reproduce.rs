//! `imfl reproduce` and `imfl report` on some of the images that ship with the project.

mod common;

use common::small_run::MEASURED;
use common::{fail, file, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A run small enough for a test: fixed costs, few clients, a perceptron, images drawn in few steps.
fn run_table(root: &Path) -> String {
    let images = root.join("images");
    if !images.exists() {
        succeed(&["data", "split", "--dataset", "mnist", "--train", "600", "--test", "200", "--out", text(&images)]);
    }
    format!(
        r#"
[run]
dataset = {images:?}
[run.partition]
clients = 5
scheme = "dirichlet:0.3+quantity:2"
[run.training]
model = "mlp"
rounds = 2
[run.generator]
evaluations = 3
{MEASURED}weight = 0.01
"#
    )
}

/// Reproduces an experiment with this grid in a folder below `root`.
fn reproduce(root: &Path, experiment: &str, grid: &str, more: &[&str]) -> Value {
    let settings =
        file(root, &format!("{experiment}.toml"), format!("seeds = [1, 2]\n[grid]\n{grid}\n{}", run_table(root)));
    let folder = root.join("experiments");
    let arguments = ["reproduce", experiment, "--settings", &settings, "--folder", text(&folder), "--format", "json"];
    serde_json::from_str(&succeed(&[&arguments[..], more].concat())).unwrap()
}

const COST: &str = r#"
effort = 100000
base = { clients = 5, skew = 0.3, weight = 0.1, generation_cost = 1.0, prior_spread = 0.5 }
axes = { clients = [3, 5], weight = [0.1, 1] }
"#;

/// Everything but wall times.
fn without_times(result: &Value) -> Value {
    let mut result = result.clone();
    let keys = result.as_object_mut().unwrap();
    keys.remove("seconds").unwrap();
    keys["measured"].as_object_mut().unwrap().remove("seconds").unwrap();
    result
}

#[test]
fn cost_reports_reductions_against_all_seven_benchmarks_for_any_number_of_workers() {
    let root = tempfile::tempdir().unwrap();
    let result = reproduce(root.path(), "cost", COST, &["--workers", "1"]);
    assert_eq!((&result["schema"], &result["experiment"]), (&"imfl.reproduce/1".into(), &"cost".into()));
    let reductions = result["reductions"].as_array().unwrap();
    assert_eq!(reductions.len(), 7);
    for reduction in reductions {
        let number = |key: &str| reduction[key].as_f64().unwrap();
        assert_eq!(reduction["settings"], 3, "the base is one setting on both axes");
        assert!(number("min") <= number("median") && number("median") <= number("max"), "{reduction}");
        let lost = reduction["not_won"].as_array().unwrap().len();
        assert_eq!(lost == 0, number("min") > 0.0, "what is not won is shown: {reduction}");
    }
    // Nobody is cheaper than personal offers.
    for point in result["axes"]["weight"].as_array().unwrap() {
        let cost = |rule: &str| {
            let rules = point["rules"].as_array().unwrap();
            rules.iter().find(|shown| shown["rule"] == rule).unwrap()["server_cost"]["mean"].as_f64().unwrap()
        };
        assert!(cost("personal-offers") <= cost("posted-price-complete") + 1e-5);
        assert!(cost("posted-price-complete") <= cost("no-generation") + 1e-5);
    }
    let folder = root.path().join("experiments/cost");
    for name in [
        "plots/clients.svg",
        "plots/weight.svg",
        "plots/weight-informed.svg",
        "result.json",
        "report.html",
        "measured.json",
    ] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let other = reproduce(root.path(), "cost", COST, &["--workers", "2", "--name", "again"]);
    assert_eq!(without_times(&result), without_times(&other));
}

#[test]
fn a_second_run_computes_only_what_is_missing_and_refuses_other_settings() {
    let root = tempfile::tempdir().unwrap();
    let first = reproduce(root.path(), "cost", COST, &[]);
    let cells = root.path().join("experiments/cost/cells.jsonl");
    let whole = fs::read_to_string(&cells).unwrap();
    assert_eq!(whole.lines().count(), 6);
    // Two cells and a torn one are left; the others come back as they were.
    let kept: Vec<&str> = whole.lines().take(2).collect();
    fs::write(&cells, format!("{}\n{{\"cell\":[", kept.join("\n"))).unwrap();
    let second = reproduce(root.path(), "cost", COST, &[]);
    assert_eq!(without_times(&first), without_times(&second));
    let after = fs::read_to_string(&cells).unwrap();
    assert_eq!((after.lines().take(2).collect::<Vec<_>>(), after.lines().count()), (kept, 6));

    let settings = root.path().join("cost.toml");
    let changed = fs::read_to_string(&settings).unwrap().replace("weight = 0.01", "weight = 0.02");
    let changed = file(root.path(), "changed.toml", changed);
    let folder = root.path().join("experiments");
    let error = fail(&["reproduce", "cost", "--settings", &changed, "--folder", text(&folder)], 3);
    assert!(error.contains("weight = 0.02") && error.contains("--fresh"), "{error}");
}

#[test]
fn accuracy_trains_every_rule_and_equal_allocations_have_equal_accuracy() {
    let root = tempfile::tempdir().unwrap();
    let grid =
        "rules = [\"posted-price\", \"everyone-at-cost\", \"everyone-augmented\"]\ntarget = 0.2\neffort = 100000";
    let result = reproduce(root.path(), "accuracy", grid, &[]);
    let mechanisms = result["mechanisms"].as_array().unwrap();
    assert_eq!(mechanisms.len(), 3);
    for mechanism in mechanisms {
        let accuracy = ["low", "mean", "high"].map(|end| mechanism["accuracy"][end].as_f64().unwrap());
        assert!(accuracy[0] <= accuracy[1] && accuracy[1] <= accuracy[2] && accuracy[1] > 0.1, "{mechanism}");
        assert!(mechanism["payments"].as_f64().unwrap() > 0.0, "{mechanism}");
    }
    assert_eq!(mechanisms[1]["local"]["mean"], 5.0);
    assert_eq!(mechanisms[2]["augmented"]["mean"], 5.0);
}

#[test]
fn loss_ranks_phi_against_the_test_loss() {
    let root = tempfile::tempdir().unwrap();
    let result = reproduce(root.path(), "loss", "choices = 10\nevery = 1", &[]);
    let objectives = result["objectives"].as_array().unwrap();
    assert_eq!(
        objectives.iter().map(|of| of["objective"].as_str().unwrap()).collect::<Vec<_>>(),
        ["forecast", "bound"]
    );
    for of in objectives {
        assert!((-1.0..=1.0).contains(&of["spearman_error"]["mean"].as_f64().unwrap()), "{of}");
        assert!(of["r2_log_loss"].as_f64().unwrap() <= 1.0, "{of}");
        assert!(of["regret"].as_array().unwrap().iter().all(|regret| regret["credits"].as_f64() >= Some(0.0)), "{of}");
    }
    let correlations = result["correlations"].as_array().unwrap();
    assert!(correlations.len() >= 4);
    for correlation in correlations {
        let value = correlation["spearman"]["mean"].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&value), "{correlation}");
    }
    assert_eq!(result["spearman_mixture"], correlations[0]["spearman"]["mean"]);
    let assumptions = result["assumptions"].as_array().unwrap();
    assert_eq!(assumptions[0]["spearman"], correlations[0]["spearman"], "nothing is replaced in the first");
    // What is bounded ranks as itself.
    let bounded = assumptions.iter().find(|row| row["predictor"].as_str().unwrap().starts_with("what is bounded"));
    assert_eq!(bounded.unwrap()["spearman_gradient"]["mean"], 1.0);
}

#[test]
fn behaviour_has_more_participants_the_higher_the_price() {
    let root = tempfile::tempdir().unwrap();
    let result = reproduce(root.path(), "behaviour", "resolution = 5\nprices = [0, 0.5, 1, 2]", &[]);
    let points = result["against_price"].as_array().unwrap();
    let of = |key: &str| points.iter().map(|point| point[key]["mean"].as_f64().unwrap()).collect::<Vec<f64>>();
    for key in ["payments", "effective"] {
        assert!(of(key).is_sorted(), "{key}: {:?}", of(key));
    }
    assert_eq!(of("payments")[0], 0.0);
    assert!(*of("effective").last().unwrap() > 0.5);
    let shares: f64 =
        ["out", "local", "augmented"].map(|mode| result["modes"][mode]["mean"].as_f64().unwrap()).iter().sum();
    assert!((shares - 1.0).abs() < 1e-9);
}

#[test]
fn mixture_replaces_what_it_says_and_stays_below_the_bound() {
    let root = tempfile::tempdir().unwrap();
    let grid = "shares = [0, 1]\nbound_rounds = 3\nevery = 1\nimages_per_class = 4";
    let result = reproduce(root.path(), "mixture", grid, &[]);
    let points = result["points"].as_array().unwrap();
    assert_eq!(points.len(), 8);
    // With nothing replaced, the kind of replacement does not matter.
    let untouched: Vec<&Value> = points.iter().filter(|point| point["share"] == 0.0).collect();
    assert!(untouched.iter().all(|point| point["accuracy"] == untouched[0]["accuracy"]));
    // Authentic images that make the labels the target's leave no bias.
    let phi = |aim: &str, origin: &str, share: f64| {
        let point =
            points.iter().find(|point| point["aim"] == aim && point["origin"] == origin && point["share"] == share);
        point.unwrap()["phi"]["mean"].as_f64().unwrap()
    };
    assert!(phi("targeted", "authentic", 1.0) < phi("targeted", "generated", 1.0));
    assert!(phi("targeted", "authentic", 1.0) < phi("targeted", "authentic", 0.0));
    assert_eq!(result["bound_exceeded"], 0);
    let error = file(root.path(), "none.toml", format!("seeds = [1]\n[grid]\n{grid}\n{}", run_table(root.path())));
    let folder = root.path().join("none");
    let arguments = ["reproduce", "mixture", "--settings", &error, "--folder", text(&folder), "--generator", "none"];
    assert!(fail(&arguments, 2).contains("needs a generator"));
}

#[test]
fn faults_cost_what_they_should() {
    let root = tempfile::tempdir().unwrap();
    let grid = "dropout = [0, 0.5]\ncosts = [1, 2]\nliars = [0, 1]\nbelief = [0.5, 1]\neffort = 100000\n\
                poisoning = { attack = \"sign-flip:3\", hostile = [0, 1], aggregations = [\"mean\", \"median\"] }";
    let result = reproduce(root.path(), "faults", grid, &[]);
    let truth = &result["costs"][0]["rules"];
    assert!(truth.as_array().unwrap().iter().all(|rule| rule["gain"]["mean"] == 0.0), "the truth gains nothing");
    for rule in result["costs"][1]["rules"].as_array().unwrap() {
        if ["posted-price", "vcg", "optimal-auction"].iter().any(|name| rule["rule"] == *name) {
            let largest = rule["largest_gain"]["mean"].as_f64().unwrap();
            assert!(largest <= 2e-6, "{rule}: a lie pays under a truthful rule");
        }
    }
    let liars = |index: usize, key: &str| result["histograms"][index][key]["mean"].as_f64().unwrap();
    assert!((liars(0, "believed") - liars(0, "actual")).abs() < 1e-5, "without liars the server believes the truth");
    assert!(liars(1, "actual") > liars(1, "believed"));
    assert_eq!(result["poisoning"].as_array().unwrap().len(), 4);
    let caught = result["caught_by_gradient_gap"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&caught));
}

#[test]
fn a_report_joins_runs_and_experiments() {
    let root = tempfile::tempdir().unwrap();
    reproduce(root.path(), "behaviour", "resolution = 4\nprices = [0, 1]", &[]);
    let config = run_table(root.path()).replace("[run]\n", "").replace("[run.", "[");
    let config = file(root.path(), "run.toml", config);
    let runs = root.path().join("runs");
    for rule in ["posted-price", "everyone-at-cost"] {
        succeed(&["run", "--config", &config, "--runs", text(&runs), "--seed", "1", "--name", rule, "--rule", rule]);
    }
    let page = root.path().join("page.html");
    let folders = ["runs/0001-posted-price", "runs/0002-everyone-at-cost", "experiments/behaviour"];
    let folders = folders.map(|name| text(&root.path().join(name)).to_string());
    let [a, b, c] = [&folders[0], &folders[1], &folders[2]];
    let table = succeed(&["report", a, b, c, "--out", text(&page)]);
    assert!(table.contains("0001-posted-price") && table.contains("0002-everyone-at-cost"), "{table}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("0002-everyone-at-cost") && html.contains("behaviour") && html.contains("<svg"));
    for loader in ["<script src", "href=", "src=\"http", "@import", "url("] {
        assert!(!html.contains(loader), "the page loads something: {loader}");
    }
    let json: Value =
        serde_json::from_str(&succeed(&["report", a, b, "--out", text(&page), "--format", "json"])).unwrap();
    assert_eq!(json["entries"].as_array().unwrap().len(), 2);
    let everyone = &json["entries"][1]["result"]["modes"];
    assert_eq!((&everyone["local"], &everyone["out"]), (&5.into(), &0.into()), "the rule that was asked for decided");
    let error = fail(&["report", text(root.path())], 4);
    assert!(error.contains("summary.json") && error.contains("result.json"), "{error}");
}

#[test]
fn wrong_settings_are_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("experiments");
    let with = |grid: &str, run: &str| {
        let settings = file(root.path(), "wrong.toml", format!("seeds = [1]\n[grid]\n{grid}\n{run}"));
        fail(&["reproduce", "cost", "--settings", &settings, "--folder", text(&folder), "--fresh"], 3)
    };
    let table = run_table(root.path());
    assert!(with("efort = 3", &table).contains("did you mean `effort`?"));
    assert!(with(COST, "[run.mechanism]\nrule = \"vgc\"").contains("no rule is called `vgc`"));
    assert!(with(&COST.replace("prior_spread = 0.5", "prior_spread = 1.5"), &table).contains("`prior_spread` is 1.5"));
    assert!(
        with(&COST.replace("axes = { clients = [3, 5], weight = [0.1, 1] }", "axes = {}"), &table)
            .contains("`grid.axes`")
    );
    let empty = file(root.path(), "empty.toml", format!("seeds = []\n[grid]\n{COST}\n{table}"));
    assert!(
        fail(&["reproduce", "cost", "--settings", &empty, "--folder", text(&folder)], 3).contains("`seeds` is empty")
    );
    assert!(fail(&["reproduce", "profit"], 2).contains("possible values: cost"));
}

#[test]
fn network_compares_policies_and_compressions() {
    let root = tempfile::tempdir().unwrap();
    let grid = "networks = [\"mobile\"]\npolicies = [\"wait\", \"buffered:2\"]\ncompressions = [\"f32\", \"q8\"]\ntarget = 0.05\n";
    let result = reproduce(root.path(), "network", grid, &[]);
    let ways = result["networks"][0]["ways"].as_array().unwrap();
    let names: Vec<(&str, &str)> =
        ways.iter().map(|way| (way["policy"].as_str().unwrap(), way["compression"].as_str().unwrap())).collect();
    assert_eq!(names, [("wait", "f32"), ("buffered:2", "f32"), ("wait", "q8")]);
    let mean = |way: usize, key: &str| ways[way][key]["mean"].as_f64().unwrap();
    // Any model is right once in twenty, so the target is met in the first round: two of five clients, or all of them.
    assert!((0..3).all(|way| mean(way, "reached") == 1.0));
    assert!(mean(1, "seconds") < mean(0, "seconds") && mean(2, "seconds") < mean(0, "seconds"));
    // The model down and the update up: four bytes and four, or four and a little more than one.
    let share = mean(2, "megabytes") / mean(0, "megabytes");
    assert!((0.6..0.65).contains(&share), "{share}");
    assert!(mean(0, "pay") > 0.0);
    assert_eq!(result["notes"].as_array().unwrap().len(), 2);
    assert!(root.path().join("experiments/network/plots/network-mobile.svg").is_file());
}
