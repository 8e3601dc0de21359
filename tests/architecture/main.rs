//! The house as ARCHITECTURE.md promises it: which crate may import which, and no loop of imports anywhere.

mod imports;

use imports::Crate;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The crates of the workspace with the crates of the workspace that each depends on (tests and benches aside) and its folder.
fn workspace() -> BTreeMap<String, (BTreeSet<String>, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let own = dependencies.filter(|dependency| dependency["path"].is_string() && dependency["kind"] != "dev");
        let names = own.map(|dependency| dependency["name"].as_str().unwrap().to_string()).collect();
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().display().to_string();
        (package["name"].as_str().unwrap().to_string(), (names, folder))
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// The table of ARCHITECTURE.md: ``| `crate` | what is inside | what it may import |``, the crates in backquotes.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().strip_prefix("| `imfl")?.trim_end_matches('|').split('|').collect();
        let name = format!("imfl{}", cells.first()?.split('`').next()?);
        Some((name, cells.last()?.split('`').skip(1).step_by(2).map(String::from).collect()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn the_table_of_crates_is_true() {
    let found: BTreeMap<String, BTreeSet<String>> =
        workspace().into_iter().map(|(name, (imports, _))| (name, imports)).collect();
    assert_eq!(table(), found, "left: the table in ARCHITECTURE.md; right: what the manifests say");
}

#[test]
fn no_crate_names_one_that_it_may_not_import() {
    for (name, (allowed, folder)) in workspace() {
        let used = Crate::read(Path::new(&folder)).crates();
        let foreign: Vec<&String> = used.iter().filter(|used| **used != name && !allowed.contains(*used)).collect();
        assert!(foreign.is_empty(), "{name} names {foreign:?}");
    }
}

/// On every floor: the entries of a folder, files and folders as wholes, import each other one way only.
#[test]
fn no_two_files_and_no_two_folders_import_each_other_in_a_loop() {
    let mut problems = Vec::new();
    for (name, (_, folder)) in workspace() {
        problems.extend(Crate::read(Path::new(&folder)).loops().into_iter().map(|found| format!("{name}: {found}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The checks above can fail.
#[test]
fn loops_of_files_and_of_folders_are_found() {
    let loops = |files: &[(&str, &str)]| Crate::of(files).loops();
    let clean = [
        ("lib.rs", "mod a; mod b; pub use b::two::Two;"),
        ("a.rs", "use crate::Two; // crate::b::one::One\n#[cfg(test)] mod tests { use crate::a::A; }"),
        ("b/mod.rs", "pub mod one; pub mod two;"),
        ("b/one.rs", "pub struct One;"),
        ("b/two.rs", "use super::one::{self, One}; const TEXT: &str = \"use crate::a::A\";"),
    ];
    assert!(loops(&clean).is_empty(), "{:?}", loops(&clean));
    let mut files = clean;
    files[3].1 = "fn f() { super::two::g(); }";
    assert_eq!(loops(&files).len(), 1, "two files of one folder, by a path in a function");
    files[3].1 = "use crate::{a::A};";
    assert_eq!(loops(&files).len(), 1, "a file and a folder, through a name that the crate hands on");
    assert!(loops(&files)[0].contains("b/one.rs -> a.rs") && loops(&files)[0].contains("a.rs -> b/two.rs"));
}
