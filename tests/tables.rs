//! Tables from the file to the report.

mod common;

use common::generator::{small, trained};
use common::quick_run::{QuickRun, json};
use common::{fail, file, succeed, text};
use std::fs;
use std::path::Path;

/// Rows of four classes along two numbers and a category.
fn rows(first: usize, count: usize) -> String {
    let mut text = String::from("width,label,shade,height\n");
    for row in first..first + count {
        let class = row % 4;
        let shade = ["dark", "pale", "\"pale, blue\""][(class + row / 4 % 2) % 3];
        let (width, height) =
            (10 * class + row * 7 % 5, (row * 13 % 11) as f64 / 4.0 - class as f64 + row as f64 / 4096.0);
        text += &format!("{width},{},{shade},{height}\n", ["n", "e", "s", "w"][class]);
    }
    text
}

fn table(root: &Path) -> String {
    let folder = root.join("winds");
    fs::create_dir(&folder).unwrap();
    file(&folder, "train.csv", rows(0, 240));
    file(&folder, "test.csv", rows(1000, 80));
    file(&folder, "corpus.csv", rows(2000, 120));
    text(&folder).into()
}

#[test]
fn what_a_table_holds_is_shown() {
    let root = tempfile::tempdir().unwrap();
    let shown = succeed(&["data", "show", "--dataset", &table(root.path())]);
    assert!(
        shown.contains("winds: rows of 5x1x1 in 4 classes") && shown.contains("240 rows, 60 to 60 a class"),
        "{shown}"
    );
    let letters = json(&succeed(&["data", "show", "--dataset", "letters", "--format", "json"]));
    assert_eq!(letters["classes"].as_array().unwrap().len(), 26);
    assert_eq!(letters["shape"]["channels"], 16);
}

#[test]
fn a_run_on_a_table_augments_is_repeated_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let quick = QuickRun::new(root.path(), &table(root.path()), "rounds = 2");
    let one = quick.augmented("smote");
    assert!(one["accuracy"].as_f64().unwrap() > 0.5, "{one}");
    let folder = quick.first();
    let stored = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(stored.contains("model = \"mlp\""), "the model that suits a table is written down: {stored}");
    assert!(!folder.join("plots/generated.png").exists(), "rows are no pictures");
    quick.goes_on("3", &one);
    // Rows drawn elsewhere.
    let drawn = format!("folder:{}", file(root.path(), "drawn.csv", rows(5000, 100)));
    assert!(quick.run(&["--generator", &drawn])["generated_images"].as_u64().unwrap() > 0);
    // Without a generator, with the one that `auto` means where it is insisted on, and where rows that the server holds decide.
    assert_eq!(quick.run(&["--generator", "none"])["generated_images"], 0);
    assert!(quick.run(&["--generator", "gaussian"])["generated_images"].as_u64().unwrap() > 0);
    let auto = quick.run(&[]);
    assert_eq!(auto["generator"]["origin"], "fitted");
    let [without, with, error] = ["without", "with", "error"].map(|key| auto["filling"][key].as_f64().unwrap());
    assert_eq!(auto["generated_images"].as_u64().unwrap() > 0, with - without > error, "{auto}");
}

/// A generator of the table's rows that learnt for some hundred steps.
fn generator(root: &Path, winds: &str) -> String {
    let out = root.join("winds.safetensors");
    let quick = ["--steps", "300", "--batch", "32", "--shards", "2", "--width", "32", "--rate", "0.005"];
    succeed(&[&["aigc", "train", "--dataset", winds, "--out", text(&out)], &quick[..]].concat());
    let shown = fs::read_to_string(out.with_extension("csv")).unwrap();
    assert_eq!(shown.lines().count(), 33, "eight rows of each class show how far it is: {shown}");
    text(&out).into()
}

#[test]
fn a_generator_of_a_table_learns_draws_and_is_run() {
    let root = tempfile::tempdir().unwrap();
    let winds = table(root.path());
    let trained = generator(root.path(), &winds);
    let drawn = root.path().join("drawn");
    let sample = |more: &[&str]| {
        succeed(&[&["aigc", "sample", "--generator", &trained, "--out", text(&drawn)], more].concat());
        fs::read_to_string(drawn.join("generated.csv")).unwrap()
    };
    let rows = sample(&["--count", "20"]);
    assert_eq!(rows.lines().next(), Some("label,width,shade,height"));
    // Widths of class k are whole and lie between 10 k and 10 k + 4.
    let near = rows.lines().skip(1).filter(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let class = ["n", "e", "s", "w"].iter().position(|name| *name == cells[0]).unwrap() as i64;
        (cells[1].parse::<i64>().unwrap() - 10 * class - 2).abs() <= 5
    });
    assert!(near.count() >= 70, "{rows}");
    let one = sample(&["--count", "1", "--classes", "s", "--first", "45"]);
    assert_eq!(one.lines().nth(1), rows.lines().nth(46), "a row depends on class, seed and number alone");
    assert_eq!(sample(&["--count", "20", "--dataset", &winds]), rows, "the same rows as for a run of this seed");

    let quick = QuickRun::new(root.path(), &winds, "rounds = 2");
    let run = quick.augmented(&trained);
    assert_eq!(run["generator"]["origin"], "given");
    assert!(run["theta"].as_f64().unwrap() > 0.0 && run["accuracy"].as_f64().unwrap() > 0.5, "{run}");
    quick.goes_on("3", &run);
    assert_eq!(quick.run(&["--generator", "train"])["generator"]["origin"], "trained");

    let assess = ["aigc", "assess", "--dataset", &winds, "--epochs", "2", "--points", "2", "--images-per-class", "8"];
    let worth = |generator: &str| {
        json(&succeed(&[&assess[..], &["--format", "json", "--on", "validation", "--generator", generator]].concat()))
    };
    let [learnt, rule] = [&trained, "smote"].map(worth);
    assert!(learnt["tstr_accuracy"].as_f64().unwrap() > 0.5, "{learnt}");
    assert!(
        learnt["sampling"]["steps"].is_u64() && rule["sampling"].is_null() && rule["theta"].as_f64().unwrap() > 0.0
    );
}

#[test]
fn a_generator_of_other_samples_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let winds = table(root.path());
    let rows = generator(root.path(), &winds);
    let of = |dataset: &str, generator: &str| {
        fail(&["run", "--dataset", dataset, "--seed", "1", "--generator", generator], 7)
    };
    let error = of("letters", &rows);
    assert!(
        error.contains("rows with the columns width, shade, height") && error.contains("letters has x_box"),
        "{error}"
    );
    let error = of("mnist", &rows);
    assert!(error.contains("draws rows, but mnist has images"), "{error}");
    let pictures = small(root.path());
    let pictures = trained(root.path(), &pictures);
    let error = of(&winds, text(&pictures));
    assert!(error.contains("draws images, but winds has rows"), "{error}");
    let sample = ["aigc", "sample", "--generator", &rows, "--out", text(root.path()), "--strip"];
    assert!(fail(&sample, 2).contains("--strip is for pictures"));
    let never = root.path().join("never.safetensors");
    let train = ["aigc", "train", "--dataset", &winds, "--out", text(&never), "--mirror"];
    assert!(fail(&train, 3).contains("no left and right"));
}

#[test]
fn wrong_tables_name_file_line_and_column() {
    let root = tempfile::tempdir().unwrap();
    let holes = file(root.path(), "holes.csv", rows(0, 40).replacen("\n0,n", "\n,n", 1));
    let error = fail(&["data", "show", "--dataset", &holes], 4);
    assert!(error.contains("holes.csv: line 2: column `width` has no value"), "{error}");
    assert!(succeed(&["data", "show", "--dataset", &holes, "--missing", "mean"]).contains("rows of 5x1x1"));
    let open = file(root.path(), "open.csv", rows(0, 40) + "1,n,\"dark,2\n");
    assert!(fail(&["run", "--dataset", &open], 4).contains("open.csv: line 42: a quote that opens"));
    let letters = ["run", "--dataset", "letters", "--seed", "1", "--generator"];
    let few = format!("folder:{}", file(root.path(), "few.csv", "label,x_box\nA,1\n"));
    assert!(
        fail(&[&letters[..], &[few.as_str()]].concat(), 4).contains("few.csv: line 1: beside the label, letters has")
    );
    let error = fail(&["run", "--dataset", "letters", "--model", "simple-cnn", "--seed", "1"], 3);
    assert!(error.contains("simple-cnn") && error.contains("16x1x1"), "{error}");
}
