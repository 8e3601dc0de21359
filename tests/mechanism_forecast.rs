//! `imfl mechanism` with forecasts: what they price, how they are fitted, what they lack.

mod common;

use common::mechanism::{HEADER, asset, imfl, json, number, on, write};
use serde_json::Value;
use std::process::Output;
use tempfile::TempDir;

/// A forecast's arguments, then `more`.
fn forecast(command: &str, file: &str, path: &str, more: &[&str]) -> Output {
    let laws = asset("forecast.toml");
    let all =
        [command, file, path, "--objective", "forecast", "--forecast", &laws, "--worth", "0.5", "--format", "json"];
    imfl(&[&all[..], more].concat())
}

/// J is worth x predicted shortfall + payments, and the prediction is the law at the counts of the file, computed here from its text.
#[test]
fn a_forecast_is_recomputed_from_the_client_file() {
    let table = std::fs::read_to_string(asset("clients.csv")).expect("the shipped clients");
    for more in
        [&[][..], &["--offers", "personal"], &["--information", "incomplete", "--seed", "1", "--scenarios", "50"]]
    {
        let value = json(&forecast("price", "--clients", &asset("clients.csv"), more));
        assert_eq!((&value["objective"], number(&value, "worth")), (&Value::from("forecast"), 0.5));
        let (mut counts, mut paid) = ([0.0; 10], 0.0);
        for (row, client) in table.lines().skip(1).zip(value["clients"].as_array().expect("clients")) {
            let cells: Vec<f64> = row.split(',').skip(1).map(|cell| cell.parse().expect("a number")).collect();
            paid += number(client, "payment");
            assert!(number(client, "utility") >= 0.0);
            for (class, share) in cells[6..].iter().enumerate() {
                // every client of the file has a number of samples that ten classes divide
                let (own, goal) = ((share * cells[0]).round(), cells[0] / 10.0);
                counts[class] += match client["mode"].as_str() {
                    Some("local") => own,
                    Some("augmented") => own.min(goal) + 0.9 * (goal - own).max(0.0),
                    _ => 0.0,
                };
            }
        }
        let error: f64 = 0.02 + counts.iter().map(|u| 0.1 * 0.11 * ((u + 3.0) / 100.0_f64).powf(-0.6)).sum::<f64>();
        let loss: f64 = 0.074 + counts.iter().map(|u| 0.1 * 0.48 * ((u + 0.56) / 100.0_f64).powf(-0.61)).sum::<f64>();
        assert!((number(&value["predicted"], "accuracy") - (1.0 - error)).abs() < 1e-9, "{value}");
        assert!((number(&value["predicted"], "loss") - loss).abs() < 1e-9);
        assert!((number(&value, "server_cost") - (0.5 * 100.0 * error + paid)).abs() < 2e-6);
        assert!((number(&value, "accuracy_loss") - 100.0 * error).abs() < 1e-7 && value.get("terms").is_none());
        assert!(number(&value, "lower_bound") <= number(&value, "server_cost"));
    }
    let vcg = json(&forecast("auction", "--bids", &asset("clients.csv"), &["--rule", "vcg"]));
    assert_eq!(vcg["exact"], true);
    assert!(number(&vcg, "payments") > 0.0);
    let verified =
        json(&imfl(&["verify", "--objective", "forecast", "--instances", "12", "--clients", "3", "--format", "json"]));
    assert_eq!((&verified["passed"], &verified["objective"]), (&Value::from(true), &Value::from("forecast")));
}

/// Counts say the same as shares, to the last digit.
#[test]
fn counts_of_classes_serve_as_well_as_shares() {
    let folder = TempDir::new().expect("a folder");
    let with = |columns: &str, a: &str, b: &str| {
        let rows = format!("{HEADER},{columns}\na,40,0.5,0.001,0.001,0.1,10,{a}\nb,60,1.0,0.001,0.001,0.1,10,{b}\n");
        let clients = write(&folder, "clients.csv", &rows);
        let laws = write(
            &folder,
            "forecast.toml",
            &std::fs::read_to_string(asset("forecast.toml")).expect("laws").replace("10\n", "2\n"),
        );
        let output = imfl(&[
            "price",
            "--clients",
            &clients,
            "--objective",
            "forecast",
            "--forecast",
            &laws,
            "--worth",
            "1",
            "--format",
            "json",
        ]);
        json(&output)
    };
    assert_eq!(with("n0,n1", "30,10", "0,60"), with("p0,p1", "0.75,0.25", "0,1").clone());
}

/// Pilots in, laws out, and the laws price.
#[test]
fn a_forecast_is_fitted_to_pilots_shown_and_used() {
    let folder = TempDir::new().expect("a folder");
    let mut pilots = String::from("group,loss,error,a0,a1,g0,g1\n");
    for at in 0..24u64 {
        let (a, b, g) = (20 + 37 * at % 211, 5 + 53 * at % 173, 11 * at % 90);
        let law = |u: f64| ((u + 4.0) / 100.0).powf(-0.7);
        let error = 0.02 + 0.05 * (law(a as f64) + law(b as f64 + 0.5 * g as f64));
        pilots += &format!("{},{},{error},{a},{b},0,{g}\n", at % 6, 3.0 * error);
    }
    let (table, out) = (write(&folder, "pilots.csv", &pilots), folder.path().join("laws.toml"));
    let out = out.to_str().expect("UTF-8");
    let fitted = json(&imfl(&[
        "forecast",
        "fit",
        "--pilots",
        &table,
        "--out",
        out,
        "--about",
        "two classes",
        "--format",
        "json",
    ]));
    assert_eq!(fitted["schema"], "imfl.forecast/1");
    let held_out = &fitted["forecast"]["fitted"]["error"];
    assert!(number(held_out, "spearman") > 0.99 && number(held_out, "error") < 0.5, "{fitted}");
    assert!((number(&fitted["forecast"]["error"], "generated") - 0.5).abs() < 0.05, "{fitted}");
    assert_eq!(fitted["candidates"].as_array().expect("candidates").len(), 14);
    let shown = json(&imfl(&["forecast", "show", out, "--format", "json"]));
    assert_eq!(shown["forecast"], fitted["forecast"]);
    let text = imfl(&["forecast", "show", out]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("fitted to 24 pilots: two classes"));
    let shipped = imfl(&["forecast", "show", concat!(env!("CARGO_MANIFEST_DIR"), "/assets/forecasts/letters.toml")]);
    let text = String::from_utf8_lossy(&shipped.stdout).to_string();
    assert!(text.contains(" skew^") && text.contains(" / steps; a generated sample counts as"), "{text}");
    let clients = write(&folder, "clients.csv", &format!("{HEADER},n0,n1\na,40,0.5,0.001,0.001,0.1,10,30,10\n"));
    let priced = json(&imfl(&[
        "price",
        "--clients",
        &clients,
        "--objective",
        "forecast",
        "--forecast",
        out,
        "--worth",
        "1",
        "--format",
        "json",
    ]));
    assert!(number(&priced["predicted"], "error_points") < 0.5);
}

#[test]
fn what_a_forecast_lacks_is_said() {
    let folder = TempDir::new().expect("a folder");
    let good = std::fs::read_to_string(asset("forecast.toml")).expect("the shipped forecast");
    let (clients, bids) = (asset("clients.csv"), asset("bids.csv"));
    let run = |clients: &str, laws: &str, more: &[&str]| {
        let laws = write(&folder, "laws.toml", laws);
        imfl(&[&["price", "--clients", clients, "--objective", "forecast", "--forecast", &laws][..], more].concat())
    };
    let worth = &["--worth", "1"][..];
    for (output, status, expected) in [
        (run(&clients, &good, &[]), 2, "needs --forecast FILE.toml and --worth CREDITS"),
        (run(&clients, &good, &["--worth", "1", "--weight", "3"]), 2, "belong to --objective bound"),
        (
            imfl(&["price", "--clients", &clients, "--theta", "0.1"]),
            2,
            "--objective bound needs --theta, --weight and --constants",
        ),
        (on("price", "--clients", &clients, &["--worth", "1"]), 2, "belong to --objective forecast"),
        (run(&bids, &good, worth), 4, "give label shares (columns p0, p1, ...) or counts (n0, n1, ...)"),
        (
            run(&clients, &good.replace("classes = 10", "classes = 9"), worth),
            4,
            "have 10 classes, but the forecast is for 9",
        ),
        (run(&clients, &good.replace("offset = 3.0", "offset = 0.0"), worth), 3, "error.offset: is 0; it must lie in"),
        (
            run(&clients, &good.replace("floor = 0.02", "flor = 0.02"), worth),
            3,
            "unknown key `flor`; did you mean `floor`?",
        ),
        (run(&clients, &good.replace("error = 0.9 }", "error = 1.9 }"), worth), 3, "nobody.error: is 1.9"),
        (
            run(&clients, &format!("target = [{}]\n{good}", "0.1, ".repeat(8) + "0.15, 0.05"), worth),
            3,
            "not what the forecast predicts for",
        ),
    ] {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{error}");
        assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
    }
}
