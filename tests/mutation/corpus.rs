//! Good inputs to start from.

use flate2::{Compression, GzBuilder};
use imfl_aigc::{
    AdamW, Checkpoint, Denoiser, DenoiserConfig, Description, Fingerprints, PixelScale, Sampling, Trainer,
    TrainingConfig,
};
use imfl_engine::data::{Dataset, ImageShape, Kind, Normalisation, Vocabulary};
use imfl_engine::federated::{ClientUpdate, Moments, ServerState, Variates};
use imfl_engine::network::{Flight, Load, NetworkState, Observed};
use imfl_engine::parameters::{Initialiser, Layout, Weights};
use imfl_mechanism::Credits;
use imfl_mechanism::ledger::{Posting, Transaction};
use std::io::Write;
use std::sync::Arc;

fn asset(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/assets/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn idx(kind: u8, sizes: &[u32], data: impl Iterator<Item = u8>) -> Vec<u8> {
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, kind].into_iter().chain(sizes).chain(data).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Four images: grey, colour, and gzipped.
pub fn idx_images() -> Vec<Vec<u8>> {
    let (grey, colour) = (idx(3, &[4, 3, 4], 0..48), idx(4, &[4, 3, 2, 2], 0..48));
    vec![gzip(&grey), grey, colour]
}

/// Labels of four images, also gzipped.
pub fn idx_labels() -> Vec<Vec<u8>> {
    let labels = idx(1, &[4], [0, 1, 2, 1].into_iter());
    vec![gzip(&labels), labels]
}

pub fn cifar() -> Vec<Vec<u8>> {
    let record = |label: u8| std::iter::once(label).chain((0..3072u32).map(|i| (i % 251) as u8));
    vec![record(3).collect(), record(0).chain(record(9)).collect()]
}

pub fn table() -> Vec<Vec<u8>> {
    let plain = b"size,label,colour\n1.5,a,red\n-2,b,\"light, \"\"blue\"\"\"\n,a,red\n1e3,b,red\n".to_vec();
    vec![gzip(&plain), plain]
}

pub fn text() -> Vec<Vec<u8>> {
    let plain = b"label,text\na,A red bird (small)\nb,\"Stew, with \"\"bread\"\"\"\na,\xc3\xa9t\xc3\xa9\n".to_vec();
    vec![gzip(&plain), plain]
}

pub fn text_lines() -> Vec<Vec<u8>> {
    let plain =
        b"{\"label\": \"a\", \"text\": \"A red bird\"}\n{\"class\": 7, \"text\": \"\\u00e9t\\u00e9\"}\n".to_vec();
    vec![gzip(&plain), plain]
}

pub fn clients() -> Vec<Vec<u8>> {
    vec![asset("mechanism/clients.csv"), asset("mechanism/bids.csv")]
}

pub fn prior_rows() -> Vec<Vec<u8>> {
    vec![b"compute_cost,synthesis_cost,setup_cost\n0.001,0.0005,0.02\n0.002,0.0004,0.01\n".to_vec()]
}

pub fn constants() -> Vec<Vec<u8>> {
    vec![asset("mechanism/constants.toml")]
}

pub fn prior() -> Vec<Vec<u8>> {
    vec![asset("mechanism/prior.toml")]
}

pub fn ledger() -> Vec<Vec<u8>> {
    let pay = |id: &str, amount| {
        let amount = Credits::from_micros(amount);
        serde_json::to_string(&Transaction::transfer(id, "local mode", "server", "client:1", amount).unwrap()).unwrap()
    };
    let posting = |account: &str, amount| Posting { account: account.into(), amount: Credits::from_micros(amount) };
    let postings = vec![posting("server", -3), posting("a", 1), posting("b", 2)];
    let split = Transaction { id: "s".into(), memo: "\u{e9}\"".into(), postings };
    let split = serde_json::to_string(&split).unwrap();
    vec![format!("{}\n{}\n", pay("1", 5), pay("2", i64::MAX - 7)).into_bytes(), format!("{split}\n\n").into_bytes()]
}

/// The model that stored states are of.
pub fn layout() -> Arc<Layout> {
    let mut layout = Layout::new();
    layout.declare("a.weight", &[3, 4], Initialiser::fan_in(3));
    layout.declare("a.bias", &[4], Initialiser::Ones);
    Arc::new(layout)
}

fn state() -> ServerState {
    let values = vec![0.5f32; 16];
    let late = ClientUpdate {
        client: 3,
        made: 4,
        weight: 1.5,
        change: values.clone(),
        variate: Some(values.clone()),
        loss: 0.5,
        samples: 7,
    };
    ServerState {
        round: 4,
        weights: Weights::initialise(layout(), 1),
        moments: Moments { first: values.clone(), second: values.clone() },
        variates: Variates { server: values.clone(), clients: [(2, Arc::new(values.clone()))].into() },
        late: vec![late],
        network: network(values),
        clip: Some(0.5),
    }
}

fn network(residue: Vec<f32>) -> NetworkState {
    let load = Load { down: 64, up: 16 };
    let flight =
        |client, gone| Flight { client, made: 4, asked: 1.0, received: 2.0, computed: 3.0, arrives: 4.0, gone, load };
    NetworkState {
        now: 1.5,
        flights: vec![flight(3, f64::INFINITY), flight(5, 2.5)],
        residues: [(3, Arc::new(residue))].into(),
        observed: [(2, Observed { utility: 0.5, seconds: 3.0, round: 2 })].into(),
    }
}

pub fn links() -> Vec<Vec<u8>> {
    vec![b"# two\nclient,down,up,latency\n0,41.5,10.4,28\n1,inf,1e3,0\n".to_vec()]
}

pub fn trace() -> Vec<Vec<u8>> {
    vec![b"client,from,to\n0,0,10.5\n0,20,30\n\n7,5,30\n".to_vec()]
}

/// One file of a stored state.
pub fn part(name: &str) -> Vec<Vec<u8>> {
    vec![state().to_parts().unwrap().remove(name).unwrap()]
}

pub fn images() -> Vec<Vec<u8>> {
    let shape = ImageShape { channels: 1, height: 2, width: 2 };
    let names = vec!["a".to_string(), "b".to_string()];
    vec![Dataset::new("t", shape, names, (0..12).collect(), vec![0, 1, 1]).unwrap().to_safetensors().unwrap()]
}

/// A FLAC file, an Ogg Vorbis file, and a WAV file of two channels.
pub fn sound() -> Vec<Vec<u8>> {
    let coded = ["note.flac", "tone.ogg"]
        .map(|name| std::fs::read(format!("{}/tests/common/{name}", env!("CARGO_MANIFEST_DIR"))));
    let header = [1u16, 2, 8000, 0, 32_000, 0, 4, 16].iter().flat_map(|half| half.to_le_bytes());
    let mut wav =
        [b"RIFF".to_vec(), 836u32.to_le_bytes().into(), b"WAVEfmt ".to_vec(), 16u32.to_le_bytes().into()].concat();
    wav.extend(header);
    wav.extend(b"data");
    wav.extend(800u32.to_le_bytes());
    wav.extend((0..800u32).map(|n| (n * n % 251) as u8));
    // The fuzzer, which is another package, starts from WAV alone.
    coded.into_iter().flatten().chain([wav]).collect()
}

pub fn generator() -> Vec<Vec<u8>> {
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let config = DenoiserConfig { width: 8, embedding: 16, ..DenoiserConfig::small(shape, 2) };
    let layout = Denoiser::new(&config).unwrap().layout().clone();
    let average = Weights::initialise(layout, 1);
    let size = average.values().len();
    let normalisation = Normalisation { mean: vec![0.4], deviation: vec![0.3] };
    let description = Description {
        dataset: "squares".into(),
        class_names: vec!["a".into(), "b".into()],
        kind: Kind::Images,
        denoiser: config,
        scale: PixelScale { normalisation, sigma_data: PixelScale::SIGMA_DATA },
        training: TrainingConfig::default(),
        sampling: Sampling::default(),
        steps: 7,
        steps_before: 0,
        seconds: 1.5,
        distilled: None,
    };
    let state = AdamW { weights: average.clone(), first: vec![0.5; size], second: vec![2.0; size] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.safetensors");
    let write = |state| {
        let fingerprints = Fingerprints::from_values(vec![1, 2, 3]);
        Checkpoint { description: description.clone(), average: average.clone(), fingerprints, state }
            .write(&path)
            .unwrap();
        std::fs::read(&path).unwrap()
    };
    vec![write(None), write(Some(state)), texts(&path)]
}

/// A generator of texts while it learns.
fn texts(path: &std::path::Path) -> Vec<u8> {
    let counts = ["red", "fruit", "green"].map(|word| (word.to_string(), 2));
    let vocabulary = Vocabulary::of_counts(counts.into(), 9);
    let record = vocabulary.coder().encode("a red fruit").record;
    let (shape, names) = (vocabulary.shape(), vec!["a".to_string()]);
    let kind = Arc::new(Kind::Text(vocabulary));
    let data = Dataset::of_kind(kind, "fruit", shape, names, record.repeat(2), vec![0, 0]).unwrap();
    let network = DenoiserConfig { width: 8, embedding: 8, ..DenoiserConfig::suited(&data) };
    Trainer::new(&data, &network, &TrainingConfig::default()).unwrap().checkpoint().write(path).unwrap();
    std::fs::read(path).unwrap()
}

/// The manifest of a sealed folder.
pub fn manifest() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let parts = [("a.bin".to_string(), vec![7u8; 40])].into();
    imfl_storage::seal(&imfl_storage::Disk, &path, "test/1", 42u64, &parts).unwrap();
    vec![std::fs::read(path.join("manifest.json")).unwrap()]
}
