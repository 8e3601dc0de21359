//! `imfl mechanism` from outside: what it prints, and what it says about bad input.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const HEADER: &str = "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch";

fn asset(name: &str) -> String {
    format!("{}/assets/mechanism/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn imfl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imfl"))
        .arg("mechanism")
        .args(arguments)
        .env_remove("IMFL_SEED")
        .output()
        .expect("the binary runs")
}

/// The standard arguments, then `more`.
fn on(command: &str, file: &str, path: &str, more: &[&str]) -> Output {
    let constants = asset("constants.toml");
    let mut all = vec![command, file, path, "--theta", "0.154", "--weight", "5", "--constants", &constants];
    all.extend(more);
    imfl(&all)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn price(more: &[&str]) -> Value {
    json(&on("price", "--clients", &asset("clients.csv"), &[&["--format", "json"], more].concat()))
}

fn auction(more: &[&str]) -> Value {
    json(&on("auction", "--bids", &asset("bids.csv"), &[&["--format", "json"], more].concat()))
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("`{key}` is no number in {value}"))
}

/// What holds for every outcome: sums, individual rationality, J = kappa Phi + payments, and the bound.
fn check(value: &Value) {
    let clients = value["clients"].as_array().expect("clients");
    assert_eq!(clients.len(), 12);
    let mut paid = 0.0;
    for client in clients {
        let (payment, cost, utility) = (number(client, "payment"), number(client, "cost"), number(client, "utility"));
        assert!((payment - cost - utility).abs() < 1e-9 && utility >= 0.0, "{client}");
        let mode = client["mode"].as_str().expect("mode");
        assert!(["out", "local", "augmented"].contains(&mode));
        assert!(mode != "out" || payment == 0.0 && cost == 0.0);
        paid += payment;
    }
    assert!((paid - number(value, "payments")).abs() < 1e-6);
    let cost = 5.0 * number(value, "accuracy_loss") + number(value, "payments");
    assert!((cost - number(value, "server_cost")).abs() < 2e-6, "{value}");
    assert!(number(value, "lower_bound") <= number(value, "server_cost"));
}

#[test]
fn prices_add_up_for_every_kind_of_offer() {
    for bias in ["aligned", "mixture"] {
        let uniform = price(&["--bias", bias]);
        let personal = price(&["--bias", bias, "--offers", "personal"]);
        let blind = price(&["--bias", bias, "--information", "incomplete", "--seed", "1", "--scenarios", "50"]);
        for value in [&uniform, &personal, &blind] {
            assert_eq!(value["schema"], "imfl.price/1");
            check(value);
        }
        assert_eq!(uniform["exact"], true);
        assert_eq!(personal["exact"], true);
        assert!(personal["price"].is_null());
        assert_eq!(personal["lower_bound"], personal["server_cost"]);
        // knowing more never costs more
        assert!(number(&personal, "server_cost") <= number(&uniform, "server_cost"));
        assert!(number(&uniform, "server_cost") <= number(&blind, "server_cost") + 1e-5);
        assert!(number(&blind["expected"], "standard_error") > 0.0);
    }
    // with opposite skews the mixture bound is smaller, so hiring is worth more
    let (aligned, mixture) = (price(&["--bias", "aligned"]), price(&["--bias", "mixture"]));
    assert!(number(&mixture, "server_cost") <= number(&aligned, "server_cost"));
}

#[test]
fn a_price_is_what_each_client_would_choose_at_it() {
    let value = price(&[]);
    let at = number(&value, "price");
    let table = std::fs::read_to_string(asset("clients.csv")).expect("the shipped clients");
    for (row, client) in table.lines().skip(1).zip(value["clients"].as_array().expect("clients")) {
        let cells: Vec<f64> = row.split(',').skip(1).map(|cell| cell.parse().expect("a number")).collect();
        let [d, skew, s, c, f] = cells[..5] else { panic!("{row}") };
        let local = (at * d * (1.0 - skew / 2.0) - d * s, "local");
        let augmented = (at * d * (1.0 - 0.154 * skew / 2.0) - d * s - f - c * d * skew / 2.0, "augmented");
        let best = [augmented, local, (0.0, "out")]
            .into_iter()
            .fold((f64::MIN, ""), |best, next| if next.0 > best.0 + 1e-9 { next } else { best });
        assert_eq!(client["mode"], best.1, "{client}");
        assert!((number(client, "utility") - best.0).abs() < 2e-6, "{client}");
    }
}

#[test]
fn auctions_pay_at_least_the_bid_and_name_what_they_promise() {
    let vcg = auction(&["--rule", "vcg"]);
    let optimal = auction(&["--rule", "optimal", "--prior", &asset("prior.toml")]);
    let budget = auction(&["--rule", "budget", "--budget", "2.5"]);
    for value in [&vcg, &optimal, &budget] {
        assert_eq!(value["schema"], "imfl.auction/1");
        check(value);
        let promises = value["guarantees"].as_array().expect("guarantees");
        assert!(promises.iter().any(|promise| promise == "truthfulness"));
    }
    assert!(number(&budget, "payments") <= 2.5);
    assert!(number(&budget, "payments") > 0.0);
    // without a prior the bids move the payments, and the output does not claim otherwise
    let output = on("auction", "--bids", &asset("bids.csv"), &["--rule", "optimal", "--format", "json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no --prior"));
    let value = json(&output);
    check(&value);
    assert!(!value["guarantees"].as_array().expect("guarantees").iter().any(|promise| promise == "truthfulness"));
}

/// The most that a VCG winner could have asked is what it is paid, to the micro-credit, through the files.
#[test]
fn vcg_payments_are_critical_through_the_command_line() {
    let folder = TempDir::new().expect("a folder");
    // one sample each, so that compute_cost in micro-credits is the whole cost
    let rows = |ask: f64| format!("{HEADER}\na,1,0,{ask:.6},0,9,1\nb,1,0.2,0.3,0,9,1\nc,1,0.1,0.5,0,9,1\n");
    let run = |ask: f64| {
        let bids = write(&folder, "bids.csv", &rows(ask));
        let value = json(&on("auction", "--bids", &bids, &["--rule", "vcg", "--format", "json"]));
        value["clients"][0].clone()
    };
    let honest = run(0.1);
    assert_eq!(honest["mode"], "local");
    let payment = number(&honest, "payment");
    assert!(payment > 0.1);
    let below = run(payment - 1e-6);
    assert_eq!((&below["mode"], number(&below, "payment")), (&Value::from("local"), payment));
    assert_eq!(run(payment + 1e-6)["mode"], "out");
}

#[test]
fn verification_passes_and_says_what_it_did() {
    let value = json(&imfl(&["verify", "--instances", "12", "--clients", "3", "--format", "json"]));
    assert_eq!((&value["schema"], &value["passed"]), (&Value::from("imfl.verify/1"), &Value::from(true)));
    assert_eq!(value["controls"].as_array().expect("controls").len(), 3);
    let text = imfl(&["verify", "--instances", "12", "--clients", "3"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("no violation found in") && !text.to_lowercase().contains("safe"), "{text}");
}

#[test]
fn a_person_gets_a_table_and_a_plot() {
    let folder = TempDir::new().expect("a folder");
    let plot = folder.path().join("price.svg");
    let plot_path = plot.to_str().expect("UTF-8");
    let output = on("price", "--clients", &asset("clients.csv"), &["--compare", "--plot", plot_path]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["client-01", "augmented", "server cost", "bias", "price without generation", "top-K scoring auction"] {
        assert!(text.contains(word), "{text}\nlacks {word}");
    }
    let svg = std::fs::read_to_string(&plot).expect("the plot");
    for word in ["<svg", "Server cost by price", "Who plays what", "</svg>"] {
        assert!(svg.contains(word));
    }
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// Bad clients: exit code 4, and a message with line and column.
#[test]
fn bad_clients_are_named_with_line_and_column() {
    let folder = TempDir::new().expect("a folder");
    let good = "a,100,0.5,0.001,0.001,0.1,10";
    let shares = format!("{HEADER},p0,p1");
    for (header, rows, expected) in [
        (HEADER, "a,100,NaN,0.001,0.001,0.1,10".to_owned(), "line 2, column `skew`"),
        (HEADER, format!("{good}\nb,100,0.5,-0.001,0.001,0.1,10"), "line 3, column `compute_cost`"),
        (HEADER, format!("{good}\nb,100,2.5,0.001,0.001,0.1,10"), "line 3, column `skew`: 2.5 is outside [0, 2]"),
        (HEADER, format!("{good}\nb,0,0.5,0.001,0.001,0.1,10"), "line 3, column `samples`"),
        (HEADER, format!("{good}\n{good}"), "line 3, column `client`: `a` is already on line 2"),
        (
            HEADER,
            format!("{good}\nb,100,0.5,inf,0.001,0.1,10"),
            "line 3, column `compute_cost`: `inf` is not a finite number",
        ),
        (HEADER, format!("{good}\nb,100000000000,0.5,1e6,0.001,0.1,10"), "overflow"),
        (HEADER, format!("{good}\nb,100,0.5,1e30,0.001,0.1,10"), "line 3, column `compute_cost`"),
        (HEADER, format!("{good}\nb,100,0.5"), "line 3: has 3 fields, the header has 7"),
        (HEADER, String::new(), "no client"),
        ("", String::new(), "is empty"),
        ("client,samples", "a,1".into(), "there is no column `skew`"),
        (&shares, format!("{good},0.75,0.15"), "line 2, column `p0`: the label shares sum to 0.9"),
        (&shares, format!("{good},0.9,0.1"), "line 2, column `skew`: is 0.5, but the label shares"),
    ] {
        let clients = write(&folder, "bad.csv", &format!("{header}\n{rows}\n"));
        for (command, file, more) in [("price", "--clients", &[][..]), ("auction", "--bids", &["--rule", "vcg"][..])] {
            let output = on(command, file, &clients, more);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(4), "{rows}: {error}");
            assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
            assert!(output.stdout.is_empty());
        }
    }
    let output = on("price", "--clients", "no/such/file.csv", &[]);
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn bad_configurations_and_usage_have_their_own_codes() {
    let folder = TempDir::new().expect("a folder");
    let clients = asset("clients.csv");
    let with = |constants: &str| {
        let constants = write(&folder, "constants.toml", constants);
        imfl(&["price", "--clients", &clients, "--theta", "0.1", "--weight", "1", "--constants", &constants])
    };
    let good = "g_data = 1.0\nsigma = 1.0\nsmoothness = 4.0\nrate = 0.01\nlocal_steps = 5\n";
    assert!(with(good).status.success());
    for (constants, expected) in [
        (good.replace("sigma", "sigmas"), "2:1: unknown key `sigmas`; did you mean `sigma`?"),
        (good.replace("sigma = 1.0", "sigma = -1.0"), "`sigma` = -1"),
        (good.replace("rate = 0.01", "rate = nan"), "`rate` = NaN"),
        (good.replace("local_steps = 5", "local_steps = 0"), "`local_steps`"),
        (good.replace("smoothness = 4.0\n", ""), "missing field `smoothness`"),
    ] {
        let output = with(&constants);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
    }
    // a rate that the theorem does not cover is said, not refused
    let fast = with(&good.replace("rate = 0.01", "rate = 0.5"));
    assert!(fast.status.success() && String::from_utf8_lossy(&fast.stderr).contains("above 1/(4 L h)"));

    let code = |output: Output| (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
    for (more, expected, expected_status) in [
        (&["--offers", "personal", "--information", "incomplete"][..], "--offers personal needs to know", 2),
        (&["--bias", "straight"], "aligned, mixture", 2),
        (&["--theta", "-0.1"], "theta", 3),
        (&["--scenarios", "0"], "scenarios", 3),
    ] {
        let arguments: Vec<&str> = more.to_vec();
        let (status, error) = match more[0] {
            "--theta" => code(imfl(&[
                "price",
                "--clients",
                &clients,
                "--theta",
                "-0.1",
                "--weight",
                "1",
                "--constants",
                &asset("constants.toml"),
            ])),
            _ => code(on("price", "--clients", &clients, &arguments)),
        };
        assert_eq!(status, Some(expected_status), "{error}");
        assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
    }
    let (status, error) = code(on("auction", "--bids", &asset("bids.csv"), &["--rule", "budget"]));
    assert_eq!(status, Some(2));
    assert!(error.contains("needs --budget CREDITS"));
    // the mixture bias without label shares is a question of data
    let (status, error) = code(on("price", "--clients", &asset("bids.csv"), &["--bias", "mixture"]));
    assert_eq!(status, Some(4));
    assert!(error.contains("p0, p1"), "{error}");
    let prior = write(&folder, "prior.toml", "[compute_cost]\ndistribution = \"uniform\"\nlow = 2.0\nhigh = 1.0\n");
    let more = ["--information", "incomplete", "--prior", &prior];
    let (status, error) = code(on("price", "--clients", &clients, &more));
    assert_eq!(status, Some(3));
    assert!(error.contains("`low` < `high`"), "{error}");
}

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

/// An id is somebody else's text: on a terminal it may not colour, move or hide anything.
#[test]
fn control_characters_of_ids_do_not_reach_a_terminal() {
    let folder = TempDir::new().expect("a folder");
    let row = "a\u{1b}[31m\u{9b}2J\u{202e},100,0.5,0.001,0.001,0.1,10";
    let raw = ['\u{1b}', '\u{9b}', '\u{202e}'];
    let clients = write(&folder, "clients.csv", &format!("{HEADER}\n{row}\n"));
    let output = on("price", "--clients", &clients, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains(r"a\u{1b}[31m\u{9b}2J\u{202e}") && !text.contains(raw),
        "{text:?}"
    );
    for (name, rows) in
        [("twice.csv", format!("{HEADER}\n{row}\n{row}\n")), ("header.csv", format!("{HEADER},\u{1b}c\n{row},1\n"))]
    {
        let output = on("price", "--clients", &write(&folder, name, &rows), &[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(4) && error.contains(r"\u{1b}") && !error.contains(raw), "{error:?}");
    }
    // a program gets what was in the file
    let value = json(&on("price", "--clients", &clients, &["--format", "json"]));
    assert_eq!(value["clients"][0]["client"], "a\u{1b}[31m\u{9b}2J\u{202e}");
}

/// Targets: pooled and from a file, each with the skews that belong to it.
#[test]
fn skews_are_checked_against_the_target_that_was_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let rows = "a,100,0.4,0.001,0.001,0.1,10,0.7,0.3\nb,100,0.4,0.002,0.001,0.1,10,0.3,0.7\n";
    let clients = write(&folder, "clients.csv", &format!("{HEADER},p0,p1\n{rows}"));
    let target = write(&folder, "target.txt", "0.5, 0.5\n");
    let other = write(&folder, "other.txt", "0.9 0.1\n");
    let mixture = |target: &str| on("price", "--clients", &clients, &["--bias", "mixture", "--target", target]);
    assert!(mixture("pooled").status.success());
    assert!(mixture(&target).status.success());
    assert_eq!(mixture(&other).status.code(), Some(4));
    assert_eq!(mixture("nowhere.txt").status.code(), Some(3));
    let wrong = write(&folder, "wrong.txt", "0.9 0.4\n");
    assert_eq!(mixture(&wrong).status.code(), Some(3));
}

/// The files that ship are small and whole.
#[test]
fn shipped_examples_are_small() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/mechanism");
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let size = entry.and_then(|entry| entry.metadata()).expect("a file").len();
        assert!((1..10_000).contains(&size));
    }
}
