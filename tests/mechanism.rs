//! `imfl mechanism` from outside: what it prints.

mod common;

use common::mechanism::{HEADER, asset, auction, imfl, json, number, on, price, write};
use serde_json::Value;
use tempfile::TempDir;

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

#[test]
fn a_page_says_what_is_bought_for_how_much_and_whether_it_could_cost_less() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let path = page.to_str().unwrap();
    let read = || std::fs::read_to_string(&page).unwrap();
    let priced = price(&["--report", path]);
    let shown = read();
    // Every payment that the JSON object has is on the page, to the micro-credit.
    for client in priced["clients"].as_array().unwrap() {
        let (id, paid) = (client["client"].as_str().unwrap(), client["payment"].as_f64().unwrap());
        let row = shown.split("<tr>").find(|row| row.contains(&format!(">{id}</td>"))).expect(id);
        assert!(row.contains(&format!(">{paid:.6}<")), "{id}, {paid}: {row}");
    }
    let asked = ["What is bought", "For how much", "Could it cost less?", "What it costs the server", "posted: "];
    assert!(asked.iter().all(|question| shown.contains(question)), "{shown}");
    assert!(shown.contains("the best single price costs"), "{shown}");
    for loader in ["<script src", "src=\"http", "@import", "url("] {
        assert!(!shown.contains(loader), "{loader}: nothing is loaded");
    }
    let bids = ["--report", path, "--rule", "vcg"];
    let auctioned = auction(&bids);
    let shown = read();
    assert!(shown.contains("VCG auction") && shown.contains("truthfulness") && shown.contains("Vickrey 1961"));
    let bound = number(&auctioned, "lower_bound");
    assert!(
        bound < number(&auctioned, "server_cost") && shown.contains("paying everyone its bid and no more would leave")
    );
    // With a forecast it is accuracy that is bought.
    let clients = asset("clients.csv");
    let laws = ["--objective", "forecast", "--worth", "0.5", "--forecast"];
    let forecast = asset("forecast.toml");
    let all =
        [&["price", "--clients", &clients, "--report", path], &laws[..], &[&forecast, "--format", "json"]].concat();
    let predicted = json(&imfl(&all));
    let accuracy = 100.0 * predicted["predicted"]["accuracy"].as_f64().unwrap();
    assert!(read().contains(&format!("{accuracy:.2} %")));
    // An id that is markup stays text, and a page that cannot be written is an error.
    let odd = format!("{HEADER}\n<b>x</b>,100,0.5,0.0001,0.0001,0.01,10\n");
    let odd = write(&folder, "odd.csv", &odd);
    json(&on("price", "--clients", &odd, &["--format", "json", "--report", path]));
    assert!(read().contains("&lt;b&gt;x&lt;/b&gt;") && !read().contains("<b>x</b>"));
    let nowhere = on("price", "--clients", &odd, &["--report", "/no/such/page.html"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("/no/such/page.html"));
}
