//! `imfl mechanism` from outside: what it says about bad input, and what it takes from files.

mod common;

use common::mechanism::{HEADER, asset, imfl, json, on, write};
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

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
