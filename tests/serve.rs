//! `imfl run --serve`: a page of a run in progress, for this machine alone.
#![cfg(unix)]

mod common;

use common::small_run::{config, signal, start};
use common::{fail, text};
use std::io::{BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};

fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_run_in_progress_is_shown_to_this_machine_alone() {
    let root = tempfile::tempdir().unwrap();
    let config = config(root.path(), "");
    let more = ["--config", &config, "--rounds", "100000", "--generator", "none", "--weight", "1e6", "--serve"];
    let (mut child, mut said) = start(root.path(), &more);
    let mut line = String::new();
    let mut until = |words: &str| {
        while !line.contains(words) {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the run ended before it said {words}");
        }
        line.clone()
    };
    let told = until("live page: http://127.0.0.1:");
    let port: u16 = told.trim().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    until("round 3 of 100000");
    let own = ask(port, &format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"));
    assert!(own.starts_with("HTTP/1.1 200 OK\r\n"), "{own}");
    assert!(own.contains("of 100000 rounds are done") && own.contains("Test accuracy"), "{own}");
    assert!(!own.contains("https://"), "nothing is loaded from elsewhere");
    // A site whose name leads to this machine gets nothing, nor is there anything but the page.
    let other = ask(port, &format!("GET / HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"));
    assert!(other.starts_with("HTTP/1.1 403 ") && !other.contains("accuracy"), "{other}");
    let file = ask(port, &format!("GET /metrics.jsonl HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"));
    assert!(file.starts_with("HTTP/1.1 404 "), "{file}");
    // Whoever connects and says nothing keeps nobody waiting for long, and the run least of all.
    let silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(ask(port, &format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")).starts_with("HTTP/1.1 200 "));
    drop(silent);
    signal(child.id(), "-INT");
    said.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_computed() {
    let root = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let runs = root.path().join("runs");
    let error = fail(&["run", "--runs", text(&runs), "--generator", "none", "--serve", &port], 1);
    assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("--serve PORT"), "{error}");
    assert!(!runs.exists());
    assert!(fail(&["run", "--serve", "70000"], 2).contains("70000"));
    assert!(fail(&["run", "--serve", "--init", "x.toml"], 2).contains("--init"));
}
