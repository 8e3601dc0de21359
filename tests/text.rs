//! Texts from the file to the report.

mod common;

use common::quick_run::{QuickRun, json};
use common::{fail, file, succeed, text};
use std::fs;
use std::path::Path;

/// Words that only one class has, and words of all.
const WORDS: [(&str, [&str; 4]); 4] = [
    ("bird", ["wing", "beak", "feather", "nest"]),
    ("city", ["port", "capital", "street", "river"]),
    ("dish", ["stew", "bread", "spice", "sauce"]),
    ("<tool>", ["blade", "handle", "steel", "drill"]),
];

/// What row number `row` says: its class and a text of some words of it.
fn row(row: usize) -> (&'static str, String) {
    let (class, own) = &WORDS[row % 4];
    let at = row / 4;
    let kind = ["small", "large", "old", "famous", "plain"][at % 5];
    (class, format!("A {kind} {} with a {} (no. {}), and {}", own[at % 4], own[at / 4 % 4], at % 97, own[at / 16 % 4]))
}

/// Rows as a CSV file.
fn csv(first: usize, count: usize) -> String {
    let lines = (first..first + count).map(row).map(|(class, text)| format!("{class},\"{text}\"\n"));
    "label,text\n".to_string() + &lines.collect::<String>()
}

/// Rows as JSON lines.
fn json_lines(first: usize, count: usize) -> String {
    let line = |(class, text): (&str, String)| serde_json::json!({"text": text, "label": class}).to_string() + "\n";
    (first..first + count).map(row).map(line).collect()
}

/// A folder with all parts, the corpus as JSON lines.
fn things(root: &Path) -> String {
    let folder = root.join("things");
    fs::create_dir(&folder).unwrap();
    file(&folder, "train.csv", csv(0, 240));
    file(&folder, "test.csv", csv(2000, 80));
    file(&folder, "corpus.jsonl", json_lines(4000, 160));
    text(&folder).into()
}

#[test]
fn what_texts_hold_is_shown() {
    let root = tempfile::tempdir().unwrap();
    let things = things(root.path());
    let shown = succeed(&["data", "show", "--dataset", &things]);
    assert!(shown.contains("things: texts of 1x1x32 in 4 classes"), "{shown}");
    assert!(shown.contains("160 texts, 40 to 40 a class") && shown.contains("words are known;"), "{shown}");
    let glosses = json(&succeed(&["data", "show", "--dataset", "glosses", "--format", "json"]));
    assert_eq!(glosses["images_per_class"]["train"].as_array().unwrap().len(), 10);
    let [known, all, unknown] = ["known", "in_training", "unknown"].map(|key| glosses["words"][key].as_u64().unwrap());
    assert_eq!(known, 8190);
    assert!(all > 80_000 && unknown * 100 / all < 15, "{glosses}");
    // Without a test part a fifth of the texts becomes one; the words are then those of the file.
    let lines = file(root.path(), "lines.jsonl", json_lines(0, 100));
    assert!(succeed(&["data", "show", "--dataset", &lines]).contains(" 20 texts, 5 to 5 a class"));
}

#[test]
fn a_run_on_texts_augments_is_repeated_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let quick = QuickRun::new(root.path(), &things(root.path()), "rounds = 4");
    let one = quick.augmented("ngram");
    assert!(one["accuracy"].as_f64().unwrap() > 0.6, "{one}");
    let folder = quick.first();
    let stored = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(stored.contains("model = \"text-mean\""), "the model that suits texts is written down: {stored}");
    // Lines of texts stand in the place of pictures; what a file says is no markup.
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("generated for clients") && page.contains("&lt;tool&gt;") && !page.contains("<tool>"));
    assert!(!folder.join("plots/generated.png").exists());
    let lines = fs::read_to_string(folder.join("plots/generated.csv")).unwrap();
    assert!(lines.starts_with("label,text\n") && lines.contains("\nbird,a "), "{lines}");
    quick.goes_on("5", &one);
    // Texts drawn elsewhere, the other model, and what auto means.
    let drawn = format!("folder:{}", file(root.path(), "drawn.csv", csv(6000, 100)));
    assert!(quick.run(&["--generator", &drawn])["generated_images"].as_u64().unwrap() > 0);
    let cnn = quick.run(&["--generator", "none", "--model", "text-cnn", "--partition", "iid", "--rounds", "8"]);
    assert!(cnn["accuracy"].as_f64().unwrap() > 0.4, "{cnn}");
    let auto = quick.run(&["--rounds", "1"]);
    assert_eq!(
        (auto["generator"]["origin"].as_str(), auto["generator"]["dataset"].as_str()),
        (Some("fitted"), Some("things"))
    );
}

#[test]
fn texts_are_drawn_into_a_file_that_is_read_again() {
    let root = tempfile::tempdir().unwrap();
    let (things, out) = (things(root.path()), root.path().join("drawn"));
    let sample = ["aigc", "sample", "--dataset", &things, "--generator", "ngram", "--count", "30", "--out", text(&out)];
    succeed(&sample);
    let drawn = out.join("generated.csv");
    let first = fs::read_to_string(&drawn).unwrap();
    assert_eq!(first.lines().count(), 121);
    succeed(&sample);
    assert_eq!(fs::read_to_string(&drawn).unwrap(), first, "the same for a seed");
    assert!(succeed(&["data", "show", "--dataset", text(&drawn)]).contains("in 4 classes"));
    // Parts of a dataset are files of texts too.
    let parts = root.path().join("parts");
    succeed(&["data", "split", "--dataset", &things, "--train", "80", "--test", "40", "--out", text(&parts)]);
    let shown = succeed(&["data", "show", "--dataset", text(&parts)]);
    assert!(shown.contains("parts: texts of 1x1x32 in 4 classes") && shown.contains("80 texts, 20 to 20"), "{shown}");
    let error = fail(&[&sample[..], &["--png"]].concat(), 2);
    assert!(error.contains("--dataset") && error.contains("--png"), "{error}");
}

#[test]
fn a_generator_learns_texts_draws_them_and_serves_runs_on_them_and_on_others() {
    let root = tempfile::tempdir().unwrap();
    let things = things(root.path());
    let out = root.path().join("words.safetensors");
    let tiny = ["--steps", "150", "--batch", "32", "--shards", "2", "--width", "32", "--rate", "0.01", "--seed", "3"];
    let train = ["aigc", "train", "--dataset", &things, "--out", text(&out)];
    assert_eq!(succeed(&[&train[..], &tiny].concat()).trim(), text(&out));
    let preview = fs::read_to_string(out.with_extension("csv")).unwrap();
    assert!(preview.starts_with("label,text\n") && preview.contains("bird,"), "{preview}");
    let draw = |name: &str, more: &[&str]| {
        let folder = root.path().join(name);
        let sample = ["aigc", "sample", "--generator", text(&out), "--count", "20", "--out", text(&folder)];
        succeed(&[&sample[..], more].concat());
        fs::read_to_string(folder.join("generated.csv")).unwrap()
    };
    let drawn = draw("one", &["--workers", "1"]);
    assert_eq!(drawn, draw("two", &["--workers", "2"]));
    assert_eq!(drawn, draw("three", &["--dataset", &things]));
    assert_ne!(drawn, draw("four", &["--steps", "1"]));
    assert_eq!(drawn.lines().count(), 81);
    let own = |(class, words): &(&str, [&str; 4])| {
        let lines = drawn.lines().filter(|line| line.starts_with(class));
        lines.filter(|line| words.iter().any(|word| line.contains(word))).count()
    };
    assert!(WORDS.iter().map(own).sum::<usize>() >= 60, "most texts have a word of their class: {drawn}");

    let quick = QuickRun::new(root.path(), &things, "rounds = 3");
    let one = quick.augmented(text(&out));
    let generator = &one["generator"];
    assert_eq!((generator["origin"].as_str(), generator["dataset"].as_str()), (Some("given"), Some("things")));
    assert_eq!(generator["steps"].as_u64(), Some(150));
    quick.goes_on("4", &one);
    // Other texts have other words; those of them that it learnt from are known again.
    let others = root.path().join("others");
    file(
        &others,
        "train.csv",
        csv(0, 160) + &csv(4000, 12)["label,text\n".len()..] + "city,a quay\ncity,a quay of old\n",
    );
    file(&others, "test.csv", csv(2000, 80));
    let elsewhere = QuickRun::new(&others, text(&others), "rounds = 2");
    let found = elsewhere.run(&["--generator", text(&out)]);
    assert!(found["generated_images"].as_u64().unwrap() > 0, "{found}");

    let sample = ["aigc", "sample", "--generator", text(&out), "--out", text(root.path())];
    let refuse = |more: &[&str]| fail(&[&sample[..], more].concat(), 2);
    assert!(refuse(&["--guidance", "1"]).contains("guidance = 1: is for generators of values"));
    assert!(refuse(&["--png"]).contains("--png is for pictures"));
    let letters = fail(&["run", "--dataset", "letters", "--seed", "1", "--generator", text(&out)], 7);
    assert!(letters.contains("draws texts, but letters has rows"), "{letters}");
    let error = fail(&[&train[..], &["--restart", "--width", "30"]].concat(), 3);
    assert!(error.contains("width = 30: must be a multiple of the heads"), "{error}");
    let bytes = fs::read(&out).unwrap();
    fs::write(&out, &bytes[..bytes.len() - 9]).unwrap();
    assert!(fail(&sample, 7).contains("truncated"));
}

#[test]
fn what_does_not_suit_texts_is_refused_and_says_what_does() {
    let root = tempfile::tempdir().unwrap();
    let things = things(root.path());
    let run = ["run", "--dataset", &things, "--seed", "1", "--runs", text(root.path())];
    let refuse = |more: &[&str], code| fail(&[&run, more].concat(), code);
    assert!(refuse(&["--model", "mlp"], 3).contains("`mlp` does not learn from texts; take text-mean, text-cnn"));
    for rule in ["gaussian", "mixup", "smote"] {
        let error = refuse(&["--generator", rule], 7);
        assert!(error.contains(rule) && error.contains("take ngram"), "{error}");
    }
    assert!(refuse(&["--generator", "mnist"], 7).contains("has texts"));
    let letters = fail(&["run", "--dataset", "letters", "--seed", "1", "--generator", "ngram"], 7);
    assert!(letters.contains("letters has rows; take gaussian, mixup or smote"), "{letters}");
    let error = fail(&["run", "--dataset", "letters", "--seed", "1", "--model", "text-cnn"], 3);
    assert!(error.contains("`text-cnn` does not learn from rows; take mlp"), "{error}");
}

#[test]
fn wrong_texts_name_file_and_line() {
    let root = tempfile::tempdir().unwrap();
    let show = |name: &str, content: &[u8]| fail(&["data", "show", "--dataset", &file(root.path(), name, content)], 4);
    let with = |line: &[u8]| [csv(0, 8).as_bytes(), line].concat();
    assert!(show("a.csv", &with(b"bird,\"a wing")).contains("a.csv: line 10: a quote that opens"));
    assert!(show("a.csv", &with(b"bird,a \xff\n")).contains("line 10: not UTF-8"));
    assert!(show("a.csv", &with(b",a wing\n")).contains("line 10: the label is missing"));
    assert!(show("a.csv", &with(b"bird,...\n")).contains("line 10: the text has no word"));
    assert!(show("a.csv", &with(b"bird,a, b\n")).contains("line 10: 3 cells"));
    assert!(
        show("a.jsonl", b"{\"label\": \"x\", \"text\": \"a\"}\n{\"label\": \"x\"}\n")
            .contains("line 2: column 14: missing")
    );
    // A class with too few texts.
    let lone = file(root.path(), "lone.csv", csv(0, 40) + "fish,a fin\n");
    let error = fail(&["run", "--dataset", &lone, "--seed", "1"], 4);
    assert!(error.contains("`fish`") && error.contains("at least 2 of every class"), "{error}");
    let folder = root.path().join("mixed");
    file(&folder, "train.csv", csv(0, 40));
    file(&folder, "test.csv", "label,size\nbird,1\n");
    let error = fail(&["data", "show", "--dataset", text(&folder)], 4);
    assert!(error.contains("test.csv: line 1: label,size; a file of texts begins with label,text"), "{error}");
}
