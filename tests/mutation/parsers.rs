//! The parsers of files that come from outside, each as a function of bytes.

use crate::corpus;
use imfl_aigc::Checkpoint;
use imfl_engine::data::{self, Dataset, Missing, Reading, cifar, idx};
use imfl_engine::federated::ServerState;
use imfl_engine::network::{LinkSource, Presence};
use imfl_mechanism::ledger::Book;
use imfl_mechanism::prior::{Parametric, Prior};
use imfl_mechanism::{Constants, Population, TargetChoice};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A parser and good inputs for it.
pub struct Parser {
    /// Also the name of its fuzz target's corpus.
    pub name: &'static str,
    /// Good inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Parses bytes, by way of files in the folder where the parser takes paths; whether they were accepted.
    pub parse: fn(&Path, &[u8]) -> bool,
}

/// All of them.
pub const PARSERS: [Parser; 21] = [
    Parser { name: "idx-images", seeds: corpus::idx_images, parse: read_idx_images },
    Parser { name: "idx-labels", seeds: corpus::idx_labels, parse: read_idx_labels },
    Parser { name: "cifar", seeds: corpus::cifar, parse: read_cifar },
    Parser { name: "table", seeds: corpus::table, parse: read_table },
    Parser { name: "text", seeds: corpus::text, parse: read_table },
    Parser { name: "text-lines", seeds: corpus::text_lines, parse: read_text_lines },
    Parser { name: "sound", seeds: corpus::sound, parse: read_sound },
    Parser { name: "clients", seeds: corpus::clients, parse: read_clients },
    Parser { name: "prior-csv", seeds: corpus::prior_rows, parse: |_, input| Prior::read_csv(input, "f").is_ok() },
    Parser { name: "constants", seeds: corpus::constants, parse: read_constants },
    Parser { name: "prior-toml", seeds: corpus::prior, parse: read_prior },
    Parser { name: "ledger", seeds: corpus::ledger, parse: |_, input| matches!(Book::replay(input), Ok(Ok(_))) },
    Parser { name: "model", seeds: || corpus::part("model.safetensors"), parse: read_model },
    Parser { name: "variates", seeds: || corpus::part("variates.safetensors"), parse: read_variates },
    Parser { name: "late", seeds: || corpus::part("late.safetensors"), parse: read_late },
    Parser { name: "network", seeds: || corpus::part("network.safetensors"), parse: read_network },
    Parser { name: "links", seeds: corpus::links, parse: read_links },
    Parser { name: "trace", seeds: corpus::trace, parse: read_trace },
    Parser { name: "images", seeds: corpus::images, parse: read_images },
    Parser { name: "generator", seeds: corpus::generator, parse: read_generator },
    Parser { name: "manifest", seeds: corpus::manifest, parse: read_manifest },
];

/// Images beside good labels.
fn read_idx_images(folder: &Path, input: &[u8]) -> bool {
    read_idx(folder, input, &corpus::idx_labels()[1])
}

/// Labels beside good images.
fn read_idx_labels(folder: &Path, input: &[u8]) -> bool {
    read_idx(folder, &corpus::idx_images()[1], input)
}

fn read_idx(folder: &Path, images: &[u8], labels: &[u8]) -> bool {
    let paths = [folder.join("images"), folder.join("labels")];
    fs::write(&paths[0], images).unwrap();
    fs::write(&paths[1], labels).unwrap();
    idx::read(&paths[0], &paths[1], "t", &[]).is_ok()
}

fn read_cifar(folder: &Path, input: &[u8]) -> bool {
    let path = folder.join("data.bin");
    fs::write(&path, input).unwrap();
    cifar::read(&[path], "t").is_ok()
}

fn read_table(folder: &Path, input: &[u8]) -> bool {
    let path = folder.join("t.csv");
    fs::write(&path, input).unwrap();
    data::training_images(&path, Reading { missing: Missing::Mean }).is_ok()
}

fn read_text_lines(folder: &Path, input: &[u8]) -> bool {
    let path = folder.join("t.jsonl");
    fs::write(&path, input).unwrap();
    data::training_images(&path, Reading::default()).is_ok()
}

fn read_sound(folder: &Path, input: &[u8]) -> bool {
    const SETTINGS: &str = r#"{"spectrogram": {"rate": 8000, "samples": 2000, "window": 256, "mels": 8, "frames": 8, "decibels": [-80, 0]}}"#;
    let root = folder.join("sounds");
    fs::create_dir_all(root.join("a")).unwrap();
    fs::write(root.join("sound.json"), SETTINGS).unwrap();
    // What a file is shows in its bytes, not in its name.
    fs::write(root.join("a/s.wav"), input).unwrap();
    data::training_images(&root, Reading::default()).is_ok()
}

fn read_clients(_: &Path, input: &[u8]) -> bool {
    Population::read_csv(input, "f", &TargetChoice::Pooled).is_ok()
        | Population::read_csv(input, "f", &TargetChoice::Uniform).is_ok()
}

fn read_constants(_: &Path, input: &[u8]) -> bool {
    std::str::from_utf8(input)
        .is_ok_and(|text| toml::from_str::<Constants>(text).is_ok_and(|constants| constants.check().is_ok()))
}

fn read_prior(_: &Path, input: &[u8]) -> bool {
    std::str::from_utf8(input)
        .is_ok_and(|text| toml::from_str::<Parametric>(text).is_ok_and(|prior| Prior::parametric(prior).is_ok()))
}

/// A state whose one file is the input, beside a good model.
fn read_part(name: &str, input: &[u8]) -> bool {
    let model = corpus::part("model.safetensors").remove(0);
    let mut parts = BTreeMap::from([("model.safetensors".to_string(), model)]);
    parts.insert(name.into(), input.into());
    ServerState::from_parts(&corpus::layout(), 4, &parts).is_ok()
}

fn read_model(_: &Path, input: &[u8]) -> bool {
    read_part("model.safetensors", input)
}

fn read_variates(_: &Path, input: &[u8]) -> bool {
    read_part("variates.safetensors", input)
}

fn read_late(_: &Path, input: &[u8]) -> bool {
    read_part("late.safetensors", input)
}

fn read_network(_: &Path, input: &[u8]) -> bool {
    read_part("network.safetensors", input)
}

fn read_links(folder: &Path, input: &[u8]) -> bool {
    let path = folder.join("links.csv");
    fs::write(&path, input).unwrap();
    LinkSource::File(path).links(2, 0).is_ok()
}

fn read_trace(folder: &Path, input: &[u8]) -> bool {
    let path = folder.join("trace.csv");
    fs::write(&path, input).unwrap();
    Presence::Trace(path).open().is_ok()
}

fn read_images(_: &Path, input: &[u8]) -> bool {
    Dataset::from_safetensors("t", vec!["a".into(), "b".into()], input).is_ok()
}

fn read_generator(folder: &Path, input: &[u8]) -> bool {
    let path = folder.join("g.safetensors");
    fs::write(&path, input).unwrap();
    Checkpoint::read(&path).is_ok()
}

/// A sealed folder with this manifest, and a voucher that fits it: a manifest that somebody made, not one that decayed.
fn read_manifest(folder: &Path, input: &[u8]) -> bool {
    let folder = folder.join("sealed");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.bin"), [7u8; 40]).unwrap();
    fs::write(folder.join("manifest.json"), input).unwrap();
    let voucher = format!("{}  manifest.json\n", imfl_storage::hex_digest(input));
    fs::write(folder.join("manifest.sha256"), voucher).unwrap();
    imfl_storage::unseal::<u64>(&imfl_storage::Disk, &folder, "test/1").is_ok()
}
