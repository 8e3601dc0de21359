//! The book: every page is in it, every link leads somewhere, and every command does what it is there for, with little to do.
#![cfg(unix)]

mod common;

use common::{file, succeed, text};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Says why a block of commands that follows is not run.
const NOT_RUN: &str = "<!-- not run: ";

/// Every Markdown file of the project that a person may come to.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::from("docs"), PathBuf::from("crates"), PathBuf::from("assets")];
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        found.insert(PathBuf::from(name), fs::read_to_string(Path::new(ROOT).join(name)).unwrap());
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            let here = Path::new(ROOT).join(&path);
            if here.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.insert(path, fs::read_to_string(here).unwrap());
            }
        }
    }
    found
}

/// The lines of a page outside of its blocks of code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Where links and pictures of a page lead.
fn links(page: &str) -> Vec<String> {
    let (link, quoted) = (Regex::new(r"\]\(([^()\s]+)\)").unwrap(), Regex::new("`[^`]*`").unwrap());
    let text = prose(page).collect::<Vec<_>>().join("\n");
    link.captures_iter(&quoted.replace_all(&text, "")).map(|found| found[1].to_string()).collect()
}

/// Names of a page's headings as addresses, as mdBook and code hosts make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::new();
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let name = |heading: &str| -> String {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings
        .map(|heading| {
            let name = name(heading);
            let times = seen.entry(name.clone()).or_insert(0);
            *times += 1;
            if *times == 1 { name } else { format!("{name}-{}", *times - 1) }
        })
        .collect()
}

/// A path without `.` and `..`.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(straight.pop()),
            Component::CurDir => {}
            part => straight.push(part),
        }
    }
    straight
}

/// The pages of the book, in its order.
fn chapters() -> Vec<PathBuf> {
    let summary = fs::read_to_string(Path::new(ROOT).join("docs/SUMMARY.md")).unwrap();
    links(&summary).into_iter().map(|link| Path::new("docs").join(link)).collect()
}

#[test]
fn every_page_is_in_the_book_once() {
    let chapters = chapters();
    let listed: BTreeSet<&PathBuf> = chapters.iter().collect();
    assert_eq!(listed.len(), chapters.len(), "a page is listed twice");
    let pages = pages();
    let written: BTreeSet<&PathBuf> =
        pages.keys().filter(|path| path.starts_with("docs") && !path.ends_with("SUMMARY.md")).collect();
    assert_eq!(listed, written);
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut dead = Vec::new();
    let mut followed = 0;
    for (from, page) in &pages {
        for link in links(page) {
            if link.contains("://") {
                continue;
            }
            followed += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let to = match path {
                "" => from.clone(),
                path => straight(&from.parent().unwrap().join(path)),
            };
            if !Path::new(ROOT).join(&to).exists() {
                dead.push(format!("{}: there is no {link}", from.display()));
            } else if !anchor.is_empty() && !pages.get(&to).is_some_and(|page| anchors(page).contains(anchor)) {
                dead.push(format!("{}: {} has no heading {anchor}", from.display(), to.display()));
            } else if from.starts_with("docs") && !to.starts_with("docs") {
                dead.push(format!("{}: {link} leads out of the book", from.display()));
            }
        }
    }
    assert!(dead.is_empty() && followed > 50, "{followed} links\n{}", dead.join("\n"));
    assert!(anchors("## `--a` and 1/(4 L h), so").contains("--a-and-14-l-h-so"));
    assert_eq!(links("[a](b.md#c) `[d](e)`\n```\n[f](g)\n```\n![h](i.png)"), ["b.md#c", "i.png"]);
}

/// The blocks of commands of a page that are run; every other one says why not.
fn blocks(path: &Path, page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    let mut before = "";
    while let Some(line) = lines.next() {
        if !line.starts_with("```") {
            before = if line.is_empty() { before } else { line };
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        let commands = block.iter().any(|line| line.starts_with("imfl ") || line.starts_with("cargo "));
        assert!(line == "```sh" || !commands, "{}: commands in a block that is not ```sh: {block:?}", path.display());
        let excused = before.starts_with(NOT_RUN) && before.len() > NOT_RUN.len() + 10;
        if line == "```sh" && !excused {
            found.push(block.join("\n"));
        }
        before = "";
    }
    found
}

/// A folder in which the book's commands find what they name.
fn room(root: &Path) {
    let split = |sizes: [&str; 3], out: &Path| {
        let [train, test, corpus] = sizes;
        let sizes = ["--train", train, "--test", test, "--corpus", corpus];
        succeed(&[&["data", "split", "--dataset", "mnist", "--seed", "1", "--out", text(out)], &sizes[..]].concat());
    };
    split(["200", "100", "200"], &root.join("little"));
    split(["200", "100", "0"], &root.join("MNIST"));
    split(["20", "20", "0"], &root.join("learnt"));
    let assets = root.join("assets");
    fs::create_dir_all(assets.join("mechanism")).unwrap();
    for entry in fs::read_dir(Path::new(ROOT).join("assets")).unwrap().map(Result::unwrap) {
        if entry.file_name() != "mechanism" {
            symlink(entry.path(), assets.join(entry.file_name())).unwrap();
        }
    }
    for entry in fs::read_dir(Path::new(ROOT).join("assets/mechanism")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), assets.join("mechanism").join(entry.file_name())).unwrap();
    }
    for name in ["photos", "CIFAR", "FOLDER"] {
        for (class, brightness) in [("cat", 10), ("dog", 120)] {
            let folder = root.join(name).join(class);
            fs::create_dir_all(&folder).unwrap();
            for number in 0..60u32 {
                let pixel = |x: u32, y: u32| brightness + ((x * 7 + y * 3 + number * 11) % 90) as u8;
                let pixels = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([pixel(x, y); 3]));
                pixels.save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
    let pilots = (1..=24).map(|at| format!("{},0.{},{},{}\n", 9.0 / f64::from(at), 90 / at, at * 10, at * 9));
    file(root, "pilots.csv", format!("loss,error,a0,a1\n{}", pilots.collect::<String>()));
}

/// Runs the blocks of a page one after the other; what went wrong.
fn follow(path: &Path) -> Vec<String> {
    let page = fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let blocks = blocks(path, &page);
    if blocks.is_empty() {
        return Vec::new();
    }
    let root = tempfile::tempdir().unwrap();
    room(root.path());
    let program = file(root.path(), "bin/imfl", include_str!("book/small.sh"));
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let paths = format!("{}:{}", root.path().join("bin").display(), std::env::var("PATH").unwrap());
    let mut wrong = Vec::new();
    for block in blocks {
        let mut command = Command::new("bash");
        command.args(["-euc", &block]).current_dir(root.path()).env("PATH", &paths);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("IMFL_")) {
            command.env_remove(name);
        }
        command.env("IMFL", env!("CARGO_BIN_EXE_imfl")).env("IMFL_ASSETS", root.path().join("assets"));
        command.env("IMFL_DATASET", root.path().join("little"));
        let output = command.output().unwrap();
        if !output.status.success() {
            wrong.push(format!("{}: {block}\n{}", path.display(), common::stderr(&output)));
        }
    }
    wrong
}

#[test]
fn every_command_does_what_it_is_there_for() {
    let chapters = chapters();
    let (here, there) = chapters.split_at(chapters.len() / 2);
    let all = |chapters: &[PathBuf]| chapters.iter().flat_map(|chapter| follow(chapter)).collect::<Vec<_>>();
    let wrong = std::thread::scope(|scope| {
        let there = scope.spawn(|| all(there));
        let mut wrong = all(here);
        wrong.extend(there.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let page = "```sh\nimfl a\n```\n<!-- not run: it would take all night -->\n```sh\nimfl b\n```\n";
    assert_eq!(blocks(Path::new("p"), page), ["imfl a"]);
}
