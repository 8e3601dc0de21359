//! Anybody's generator: samples that were drawn elsewhere, and programs that draw them.

mod common;

use common::quick_run::{QuickRun, json};
use common::{fail, file, imfl, stderr, succeed, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A run of little, on images of its own, with recorded costs.
const QUICK: &str = r#"
seed = 3
[partition]
clients = 4
scheme = "shards:2"
[training]
model = "mlp"
rounds = 1
[probe]
points = 2
images_per_class = 8
[costs]
seconds_per_sample = 1e-4
seconds_per_image = 1e-3
seconds_for_setup = 0.01
[mechanism]
objective = "bound"
weight = 1e6
scenarios = 10
"#;

struct Room {
    root: tempfile::TempDir,
    config: String,
    runs: PathBuf,
}

impl Room {
    /// 200 training and 50 test digits.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let digits = root.path().join("digits");
        succeed(&["data", "split", "--dataset", "mnist", "--train", "200", "--test", "50", "--out", text(&digits)]);
        let config = file(root.path(), "quick.toml", format!("dataset = {digits:?}\n{QUICK}"));
        Self { runs: root.path().join("runs"), config, root }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn arguments<'a>(&'a self, generator: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let all =
            ["run", "--config", &self.config, "--runs", text(&self.runs), "--format", "json", "--generator", generator];
        [&all, more].concat()
    }

    /// A run's summary and what it said.
    fn run(&self, generator: &str, more: &[&str]) -> (Value, String) {
        let output = imfl().args(self.arguments(generator, more)).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        (serde_json::from_slice(&output.stdout).unwrap(), stderr(&output))
    }

    /// A folder of so many drawn images of each class.
    fn drawn(&self, name: &str, count: &str) -> PathBuf {
        let out = self.path().join(name);
        succeed(&["aigc", "sample", "--out", text(&out), "--count", count, "--steps", "2", "--png"]);
        out.join("images")
    }

    /// A program that copies images out of a folder, after `first`.
    fn program(&self, images: &Path, first: &str) -> String {
        program(self.path(), &format!("{first}\n{}", copying(images)))
    }
}

/// A program that reads its arguments and then does this.
fn program(root: &Path, body: &str) -> String {
    let arguments = "while [ $# -gt 1 ]; do case $1 in --class) class=$2;; --label) label=$2;; --count) count=$2;; \
                     --seed) seed=$2;; --out) out=$2;; esac; shift 2; done";
    format!("command:sh {}", file(root, "draw.sh", format!("{arguments}\n{body}\n")))
}

/// Copies files out of a folder of class folders.
fn copying(stock: &Path) -> String {
    let stock = text(stock);
    format!("ls {stock}/$class | head -n $count | while read file; do cp {stock}/$class/$file $out/; done")
}

const CLASSES: [&str; 4] = ["east", "north", "south", "west"];

/// Rows of four classes, along a number and a word.
fn rows(root: &Path) -> String {
    let row = |row: usize| format!("{}.{row:03},{},{}\n", 10 * (row % 4), CLASSES[row % 4], ["dark", "pale"][row % 2]);
    file(root, "winds.csv", "size,label,shade\n".to_string() + &(0..200).map(row).collect::<String>())
}

const DRAW_ROWS: &str = r#"awk -v n=$count -v s=$seed -v k=$label 'BEGIN {
    srand(s); print "size,shade"; for (; n > 0; n--) printf "%.4f,%s\n", 10 * k + rand(), k % 2 ? "pale" : "dark" }' > $out/samples.csv"#;

/// Texts of four classes, each with words of its own.
fn texts(root: &Path) -> String {
    let row = |row: usize| {
        let own = ["wing", "street", "stew", "blade"][row % 4];
        format!("{},\"a {own} with number {}, and a {own}\"\n", CLASSES[row % 4], row / 4)
    };
    file(root, "things.csv", "label,text\n".to_string() + &(0..200).map(row).collect::<String>())
}

const DRAW_TEXTS: &str = r#"awk -v n=$count -v s=$seed -v k=$label 'BEGIN {
    srand(s); split("wing street stew blade", own, " ");
    for (; n > 0; n--) printf "{\"text\": \"a %s with number %d\"}\n", own[k + 1], 50 * rand() }' > $out/samples.jsonl"#;

/// Class folders of so many sounds each, a tone for each class.
fn sounds(folder: &Path, first: u32, count: u32) -> String {
    for (class, name) in CLASSES.iter().enumerate() {
        for number in first..first + count {
            let (hertz, off) = (200.0 * 2f32.powi(class as i32), number as f32);
            let tone: Vec<f32> =
                (0..1000).map(|n| (n as f32 * hertz / 636.6 + off).sin() / (2.0 + off / 9.0)).collect();
            file(folder, &format!("{name}/{number:03}.wav"), imfl_engine::data::sound::wav(&tone, 4000));
        }
    }
    text(folder).into()
}

/// What a run refuses a program's samples with.
fn refusal(quick: &QuickRun, program: &str) -> String {
    let all = ["run", "--config", &quick.config, "--generator", program, "--set", "generator.limit_seconds=0.5"];
    fail(&all, 7)
}

#[test]
fn a_folder_of_images_drawn_elsewhere_fills_in() {
    let room = Room::new();
    let images = room.drawn("elsewhere", "12");
    let source = format!("folder:{}", text(&images));
    let (summary, said) = room.run(&source, &[]);
    let generator = &summary["generator"];
    assert_eq!((&generator["origin"], &generator["path"]), (&"folder".into(), &text(&images).into()), "{summary}");
    assert!(generator["dataset"].is_null() && generator["steps"].is_null(), "{summary}");
    assert!(
        summary["modes"]["augmented"].as_u64().unwrap() > 0 && summary["theta"].as_f64().unwrap() > 0.0,
        "{summary}"
    );
    assert!(
        said.contains("120 images drawn elsewhere, 12 to 12 of a class") && said.contains("--learnt PATH"),
        "{said}"
    );
    assert!(said.contains("has 12: they are used again"), "more are needed than there are: {said}");
    // What it learnt from stays from the clients, and nothing has to be said of it.
    let learnt = room.path().join("learnt");
    let split = [
        "data",
        "split",
        "--dataset",
        "mnist",
        "--train",
        "150",
        "--test",
        "10",
        "--seed",
        "5",
        "--out",
        text(&learnt),
    ];
    succeed(&split);
    let (summary, said) = room.run(&source, &["--learnt", text(&learnt)]);
    assert!(!said.contains("nobody has said"), "{said}");
    assert_eq!(summary["generator"]["dataset"], "learnt");
}

#[test]
fn a_folder_that_does_not_fit_or_holds_test_images_is_refused() {
    let room = Room::new();
    let images = room.drawn("elsewhere", "9");
    let source = format!("folder:{}", text(&images));
    fs::rename(images.join("3"), images.join("three")).unwrap();
    assert!(fail(&room.arguments(&source, &[]), 7).contains("class \"three\""));
    fs::rename(images.join("three"), room.path().join("3")).unwrap();
    assert!(fail(&room.arguments(&source, &[]), 7).contains("no sample of class \"3\""));
    fs::rename(room.path().join("3"), images.join("3")).unwrap();
    fs::write(images.join("3/0.png"), "no picture").unwrap();
    assert!(fail(&room.arguments(&source, &[]), 4).contains("0.png"));
    let missing = format!("folder:{}", text(&room.path().join("nowhere")));
    assert!(fail(&room.arguments(&missing, &[]), 4).contains("nowhere"));
}

#[test]
fn a_program_that_draws_fills_in_and_sets_its_own_price() {
    let room = Room::new();
    let images = room.drawn("stock", "60");
    let source = room.program(&images, "");
    let unpriced = fs::read_to_string(&room.config).unwrap().replace("seconds_per_image = 1e-3\n", "");
    fs::write(&room.config, unpriced).unwrap();
    let (summary, _) = room.run(&source, &[]);
    assert_eq!(summary["generator"]["origin"], "command", "{summary}");
    assert!(summary["costs"]["seconds_per_image"].as_f64().unwrap() > 0.0, "{summary}");
    assert!(summary["theta"].as_f64().unwrap() > 0.0, "{summary}");
}

#[test]
fn a_program_that_fails_in_any_way_ends_the_run_with_one_clear_error() {
    let room = Room::new();
    let images = room.drawn("stock", "60");
    let refused = |first: &str, more: &[&str]| {
        let source = room.program(&images, first);
        fail(&room.arguments(&source, more), 7)
    };
    let failed = refused("echo no weights here >&2; exit 3", &[]);
    assert!(failed.contains("exit status: 3") && failed.contains("it said: no weights here"), "{failed}");
    assert!(refused("exit 0", &[]).contains("left 0 PNG or JPEG files in FOLDER instead of"));
    assert!(refused("cp /dev/null $out/a.png", &[]).contains("a.png"));
    let started = Instant::now();
    let late = refused("sleep 100", &["--set", "generator.limit_seconds=0.5"]);
    assert!(late.contains("was not done after 0.5 s") && late.contains("generator.limit_seconds"), "{late}");
    // Not a measurement: without an end it would take longer than the program.
    assert!(started.elapsed() < Duration::from_secs(90));
    for (source, said) in [
        ("command:/no/such/program", "could not be started"),
        ("command:sh -c 'open", "a quote is not closed"),
        ("command:", "no program is named"),
    ] {
        let arguments = room.arguments(source, &[]);
        let output = imfl().args(arguments).output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(said), "{source}: {}", stderr(&output));
    }
}

/// Two runs by a program are the same; once it has drawn, the run goes on without it.
fn fills_in(quick: &QuickRun, root: &Path, body: &str) -> Value {
    let program_of = |body| program(root, body);
    let one = quick.augmented(&program_of(body));
    assert_eq!(one["generator"]["origin"], "command", "{one}");
    assert!(one["theta"].as_f64().unwrap() > 0.0 && one["accuracy"].as_f64().unwrap() > 0.5, "{one}");
    program_of("exit 3");
    quick.goes_on("9", &one);
    one
}

#[test]
fn a_program_that_draws_rows_fills_in_and_sets_its_own_price() {
    let root = tempfile::tempdir().unwrap();
    let winds = rows(root.path());
    let quick = QuickRun::new(root.path(), &winds, "rounds = 8");
    let one = fills_in(&quick, root.path(), DRAW_ROWS);
    assert!(one["generated_images"].as_u64().unwrap() > 0, "{one}");
    // Labels may stand beside the others, and a missing number be the mean.
    let labelled = r#"{ echo size,shade,class; i=0; while [ $i -lt $count ]; do echo ",pale,$class"; i=$((i + 1)); done; } > $out/samples.csv"#;
    let source = program(root.path(), labelled);
    assert!(quick.run(&["--generator", &source, "--missing", "mean"])["theta"].as_f64().unwrap() > 0.0);
    let unpriced = fs::read_to_string(&quick.config).unwrap().replace("seconds_per_image = 1e-7\n", "");
    fs::write(&quick.config, unpriced).unwrap();
    let source = program(root.path(), DRAW_ROWS);
    assert!(quick.run(&["--generator", &source])["costs"]["seconds_per_image"].as_f64().unwrap() > 1e-6);
    let assess = ["aigc", "assess", "--dataset", &winds, "--generator", &source];
    let little = ["--epochs", "5", "--points", "2", "--images-per-class", "8", "--format", "json"];
    let report = json(&succeed(&[&assess[..], &little].concat()));
    assert!(report["tstr_accuracy"].as_f64().unwrap() > 0.8, "{report}");
}

#[test]
fn programs_that_draw_texts_and_sounds_fill_in() {
    let root = tempfile::tempdir().unwrap();
    let quick = QuickRun::new(root.path(), &texts(root.path()), "rounds = 8");
    fills_in(&quick, root.path(), DRAW_TEXTS);
    let root = tempfile::tempdir().unwrap();
    let quick = QuickRun::new(root.path(), &sounds(&root.path().join("tones"), 0, 40), "rounds = 8\nrate = 0.05");
    let stock = root.path().join("stock");
    sounds(&stock, 500, 60);
    let vorbis = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/tone.ogg")).unwrap();
    file(&stock, "north/000.ogg", vorbis);
    fills_in(&quick, root.path(), &copying(&stock));
}

#[test]
fn rows_texts_and_sounds_that_do_not_fit_name_program_class_file_and_line() {
    let root = tempfile::tempdir().unwrap();
    let check = |quick: &QuickRun, cases: &[(&str, &str)]| {
        for (body, expected) in cases {
            let error = refusal(quick, &program(root.path(), body));
            assert!(error.contains("program sh, asked for ") && error.contains(" of class east, "), "{error}");
            assert!(error.contains(expected), "{body}: {error}");
        }
    };
    let quick = QuickRun::new(root.path(), &rows(root.path()), "rounds = 1");
    let cases = [
        ("exit 0", "left in FOLDER what cannot be taken: FOLDER: 0 files; expected one file samples.csv"),
        ("echo out of memory; exit 3", "failed (exit status: 3); it said: out of memory"),
        ("sleep 100", "was not done after 0.5 s and was ended"),
        ("echo size,shade > $out/samples.csv", "FOLDER/samples.csv: there is no row"),
        ("printf 'size,shade\\n1,pale\\n' > $out/samples.csv", "left 1 rows in FOLDER/samples.csv instead of"),
        (
            "printf 'shade,size\\npale,1\\n' > $out/samples.csv",
            "samples.csv: line 1: beside the label, winds.csv has the columns size,shade",
        ),
        (
            "printf 'size,shade\\n1,pale\\nx,pale\\n' > $out/samples.csv",
            "samples.csv: line 3: column `size`: `x`, expected a number",
        ),
        ("printf 'size,shade\\n,pale\\n' > $out/samples.csv", "samples.csv: line 2: column `size` has no value"),
        ("printf 'size,shade\\n1,\\377\\n' > $out/samples.csv", "samples.csv: line 2: not UTF-8"),
        (
            "printf 'label,size,shade\\nwest,1,pale\\n' > $out/samples.csv",
            "samples.csv: line 2: there is no class `west`; expected east",
        ),
    ];
    check(&quick, &cases);
    let quick = QuickRun::new(root.path(), &texts(root.path()), "rounds = 1");
    let cases = [
        (
            "touch $out/samples.csv $out/samples.jsonl",
            "FOLDER: 2 files; expected one file samples.csv or samples.jsonl",
        ),
        ("printf 'text\\na wing\\n' > $out/samples.csv", "left 1 texts in FOLDER/samples.csv instead of"),
        ("printf 'text\\n--\\n' > $out/samples.csv", "samples.csv: line 2: the text has no word"),
        (
            "echo '{\"text\": \"a wing\", \"label\": \"west\"}' > $out/samples.jsonl",
            "samples.jsonl: line 1: there is no class `west`",
        ),
        ("echo 'a wing' > $out/samples.jsonl", "samples.jsonl: line 1: column 1: expected value"),
    ];
    check(&quick, &cases);
    // What the program has learnt from is read by the words of the dataset: texts of the test are seen under another vocabulary, too.
    let known = fs::read_to_string(root.path().join("things.csv")).unwrap();
    let learnt = file(root.path(), "learnt.csv", known + "east,other words and other words\n");
    let source = program(root.path(), DRAW_TEXTS);
    let arguments = ["run", "--config", &quick.config, "--generator", &source, "--learnt", &learnt];
    assert!(fail(&arguments, 4).contains("learnt from 40 of the test texts"));
    let quick = QuickRun::new(root.path(), &sounds(&root.path().join("tones"), 0, 20), "rounds = 1");
    let cases = [
        ("exit 0", "left 0 WAV, FLAC or OGG files in FOLDER instead of"),
        ("echo no sound at all > $out/a.wav", "FOLDER/a.wav: not a readable sound"),
        ("head -c 900 $(dirname $0)/tones/east/000.wav > $out/a.wav", "FOLDER/a.wav: cut short or broken"),
    ];
    check(&quick, &cases);
}
