//! Sounds from the file to the report.

mod common;

use common::quick_run::{QuickRun, json};
use common::{fail, file, succeed, text};
use std::f64::consts::PI;
use std::fs;
use std::path::Path;

/// Small pictures, so that tests are quick.
const SETTINGS: &str =
    r#"{"spectrogram": {"rate": 4000, "samples": 1000, "window": 256, "mels": 12, "frames": 8, "decibels": [-60, 0]}}"#;
const CLASSES: [&str; 4] = ["low", "high", "rising", "hiss"];

/// A WAV file of 16 bits a sample.
fn wav(rate: u32, channels: u16, samples: &[f64]) -> Vec<u8> {
    let bytes = 2 * samples.len() as u32;
    let mut file = [b"RIFF".to_vec(), (36 + bytes).to_le_bytes().into(), b"WAVEfmt ".to_vec()].concat();
    file.extend([16, 0, 0, 0, 1, 0]);
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2 * u32::from(channels)).to_le_bytes());
    file.extend((2 * channels).to_le_bytes());
    file.extend([16, 0]);
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| ((sample * 32767.0) as i16).to_le_bytes()));
    file
}

/// A quarter of a second of a class; no two numbers sound the same.
fn sound(class: usize, number: usize) -> Vec<u8> {
    let rate = 4000.0;
    let (louder, off) = (0.3 + number as f64 % 7.0 / 20.0, number as f64 * 0.37);
    let samples = (0..1000).map(|n| {
        let t = f64::from(n) / rate;
        let tone = |hertz: f64| (2.0 * PI * hertz * t + off).sin();
        louder
            * match class {
                0 => tone(200.0 + off % 40.0),
                1 => tone(1200.0 + off % 90.0),
                2 => tone((300.0 + 2000.0 * t) + off % 30.0),
                _ => ((f64::from(n) * 12.9898 + off).sin() * 43758.5453).fract(),
            }
    });
    wav(4000, 1, &samples.collect::<Vec<f64>>())
}

/// A class folder of sounds for each class.
fn classes(root: &Path, first: usize, count: usize) {
    for (class, name) in CLASSES.iter().enumerate() {
        for number in first..first + count {
            file(root, &format!("{name}/{number:03}.wav"), sound(class, number));
        }
    }
}

/// A dataset with all parts.
fn dataset(root: &Path) -> String {
    let folder = root.join("signals");
    classes(&folder.join("train"), 0, 40);
    classes(&folder.join("test"), 100, 12);
    classes(&folder.join("corpus"), 200, 15);
    file(&folder, "sound.json", SETTINGS);
    text(&folder).into()
}

#[test]
fn what_a_folder_of_sounds_holds_is_shown_and_is_the_same_as_idx() {
    let root = tempfile::tempdir().unwrap();
    let folder = dataset(root.path());
    let shown = succeed(&["data", "show", "--dataset", &folder]);
    assert!(shown.contains("signals: sounds of 1x12x8 in 4 classes"), "{shown}");
    assert!(shown.contains("0.25 s at 4000 Hz; 12 mel bands at 8 times, windows of 256 samples"), "{shown}");
    let parts = root.path().join("signals-idx");
    let sizes = ["--train", "160", "--test", "48", "--corpus", "0", "--out", text(&parts)];
    succeed(&[&["data", "split", "--dataset", &folder][..], &sizes].concat());
    let again = succeed(&["data", "show", "--dataset", text(&parts)]);
    assert!(again.contains("sounds of 1x12x8 in 4 classes") && again.contains("160 sounds, 40 to 40"), "{again}");
    let names = json(&succeed(&["data", "show", "--dataset", text(&parts), "--format", "json"]));
    assert_eq!(names["classes"], serde_json::json!(["high", "hiss", "low", "rising"]));
    // Without settings they are found out from the files.
    fs::remove_file(Path::new(&folder).join("sound.json")).unwrap();
    let shown = succeed(&["data", "show", "--dataset", &folder]);
    assert!(shown.contains("0.25 s at 4000 Hz; 32 mel bands at 32 times"), "{shown}");
    let notes = json(&succeed(&["data", "show", "--dataset", "notes", "--format", "json"]));
    assert_eq!((notes["classes"].as_array().unwrap().len(), &notes["shape"]["height"]), (10, &32.into()));
}

#[test]
fn a_run_on_sounds_augments_is_repeated_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let quick = QuickRun::new(root.path(), &dataset(root.path()), "rounds = 3\nrate = 0.05");
    let one = quick.augmented("smote");
    assert!(one["accuracy"].as_f64().unwrap() > 0.5, "{one}");
    let folder = quick.first();
    let stored = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(stored.contains("model = \"simple-cnn\""), "{stored}");
    // One player for an authentic sound of each class and one for a generated one, with labels, and nothing from elsewhere.
    assert!(folder.join("plots/generated.png").exists());
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let players = page.matches("<audio controls").count();
    assert!((5..=8).contains(&players), "{players} players");
    assert!(page.contains("aria-label=\"low, authentic\"") && page.contains(", generated\""));
    assert_eq!(page.matches("src=\"").count(), page.matches("src=\"data:").count());
    quick.goes_on("4", &one);
    // Sounds drawn elsewhere, at another rate.
    let drawn = root.path().join("drawn");
    classes(&drawn, 500, 5);
    file(&drawn, "low/stereo.wav", wav(8000, 2, &vec![0.1; 3000]));
    let source = format!("folder:{}", text(&drawn));
    assert!(quick.run(&["--generator", &source])["generated_images"].as_u64().unwrap() > 0);
    assert_eq!(quick.run(&["--generator", "none"])["generated_images"], 0);
    let all = ["run", "--config", &quick.config, "--generator", "mnist"];
    assert!(fail(&all, 7).contains("draws images, but signals has sounds"));
}

#[test]
fn a_generator_of_sounds_writes_sounds_that_can_be_read() {
    let root = tempfile::tempdir().unwrap();
    let folder = dataset(root.path());
    let generator = root.path().join("signals.safetensors");
    let few = ["--steps", "4", "--batch", "8", "--width", "8", "--out", text(&generator)];
    succeed(&[&["aigc", "train", "--dataset", &folder][..], &few].concat());
    let out = root.path().join("out");
    let draw = ["aigc", "sample", "--generator", text(&generator), "--count", "2", "--idx", "--out", text(&out)];
    succeed(&draw);
    assert!(out.join("grid.png").exists() && out.join("sounds/rising/00007.wav").exists());
    let shown = succeed(&["data", "show", "--dataset", text(&out)]);
    assert!(shown.contains("sounds of 1x12x8 in 4 classes") || shown.contains("too few"), "{shown}");
    let shown = succeed(&["data", "show", "--dataset", text(&out.join("sounds"))]);
    assert!(shown.contains("0.25 s at 4000 Hz"), "{shown}");
}

#[test]
fn wrong_sounds_name_the_file() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("wrong");
    let classes = |content: &[(&str, Vec<u8>)]| {
        let _ = fs::remove_dir_all(&folder);
        for number in 0..4 {
            file(&folder, &format!("good/{number}.wav"), sound(0, number));
            file(&folder, &format!("other/{number}.wav"), sound(1, number));
        }
        content.iter().for_each(|(name, content)| drop(file(&folder, name, content)));
        text(&folder).to_string()
    };
    let problem = |name: &str, content: Vec<u8>| fail(&["data", "show", "--dataset", &classes(&[(name, content)])], 4);
    let flac = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/note.flac")).unwrap();
    assert!(succeed(&["data", "show", "--dataset", &classes(&[("good/a.flac", flac.clone())])]).contains("sounds"));
    for (name, content, expected) in [
        ("good/cut.flac", flac[..flac.len() / 2].to_vec(), "cut.flac: cut short or broken: its header says"),
        ("good/zero.wav", wav(0, 1, &[0.0; 100]), "zero.wav: a rate of 0 Hz"),
        ("good/empty.wav", wav(8000, 1, &[]), "empty.wav: the sound has no sample"),
        ("good/nothing.wav", Vec::new(), "nothing.wav: not a readable sound"),
        (
            "good/text.wav",
            b"these are no samples at all, but words in a file".repeat(20),
            "text.wav: not a readable sound",
        ),
        ("good/cut.wav", wav(8000, 1, &[0.5; 4000])[..4000].to_vec(), "cut.wav: cut short or broken"),
        ("good/a.png", vec![1], "good: the class folder holds sounds and pictures"),
        ("third/a.mp3", vec![1], "third: the class folder holds no WAV, FLAC or OGG file"),
        ("sound.json", b"{}".to_vec(), "sound.json: missing field `spectrogram`"),
        ("sound.json", SETTINGS.replace("256", "250").into_bytes(), "sound.json: `window` is 250"),
    ] {
        let error = problem(name, content);
        assert!(error.contains(expected), "{name}: {error}");
    }
    // A class with one file cannot be trained on and tested.
    let one = classes(&[("third/one.wav", sound(2, 0))]);
    assert!(fail(&["run", "--dataset", &one, "--seed", "1", "--generator", "none"], 4).contains("class `third`"));
    // Ten hours: no more is read than is needed.
    let long = classes(&[("good/long.wav", wav(8000, 1, &[0.5; 4000]))]);
    let path = Path::new(&long).join("good/long.wav");
    let mut header = fs::read(&path).unwrap();
    let bytes = 10 * 3600 * 8000 * 2u32;
    header[4..8].copy_from_slice(&(36 + bytes).to_le_bytes());
    header[40..44].copy_from_slice(&bytes.to_le_bytes());
    fs::write(&path, header).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(u64::from(bytes) + 44).unwrap();
    let shown = succeed(&["data", "show", "--dataset", &long]);
    assert!(shown.contains("4.00 s at 4000 Hz"), "{shown}");
}
