//! A checkpoint of 16 KiB against every flipped bit and every cut; a run that writes against every fault.

use super::*;
use crate::assessment::Assessment;
use crate::config::{RecordedCosts, RunConfig};
use crate::host::Host;
use crate::metrics::RoundMetrics;
use crate::pipeline::Journal;
use crate::progress::Progress;
use imfl_engine::federated::Moments;
use imfl_engine::parameters::{Initialiser, Layout, Weights};
use imfl_mechanism::Credits;
use imfl_mechanism::ledger::Transaction;
use imfl_storage::{Disk, Fault, Faulty, FileSystem};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Rounds of the run that is disturbed.
const ROUNDS: u64 = 3;

/// A folder in memory where there is one: these tests write and read it a hundred thousand times.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn layout(size: usize) -> Arc<Layout> {
    let mut layout = Layout::new();
    layout.declare("w", &[size], Initialiser::fan_in(4));
    Arc::new(layout)
}

/// The state after a round; each is another.
fn state(size: usize, round: u64) -> ServerState {
    let weights = Weights::initialise(layout(size), round);
    let moments = Moments { first: vec![round as f32; size], second: vec![0.5; size] };
    ServerState {
        round,
        weights,
        moments,
        variates: Default::default(),
        late: Vec::new(),
        network: Default::default(),
        clip: None,
    }
}

fn prepared() -> Prepared {
    let costs = RecordedCosts { seconds_per_sample: 0.1 + 0.2, seconds_per_image: 1e-3, seconds_for_setup: 1.0 / 3.0 };
    let assessment = Assessment {
        g_data: 1.0 / 7.0,
        sigma: 2e-17,
        smoothness: 1e300,
        theta: None,
        theta_above_noise: None,
        filling: None,
    };
    let numbers =
        prepared::Numbers { data: "d".into(), awards: vec![], costs, assessment, forecast: None, generated: None };
    Prepared { numbers, generated: None }
}

fn config() -> RunConfig {
    RunConfig { seed: Some(1), ..RunConfig::default() }
}

fn metrics(round: u64) -> RoundMetrics {
    RoundMetrics {
        round,
        cohort: vec![0, 1],
        dropped: vec![],
        late: vec![],
        network: None,
        rejected: vec![],
        skipped: false,
        train_loss: 0.5,
        loss: 0.25,
        accuracy: 0.75,
        samples: 9,
        seconds: 1.0,
        waiting: 0.0,
        communication: 0.0,
        privacy: None,
    }
}

fn payments(round: u64) -> Vec<Transaction> {
    let pay = |client: u32| {
        let account = format!("client:{client}");
        Transaction::transfer(&format!("pay:{round}:{client}"), "", "server", &account, Credits::from_micros(7))
            .unwrap()
    };
    vec![pay(0), pay(1)]
}

/// Writes what a run writes, from where `resumed` says to the last round. `acknowledged` is the last round that was saved.
fn write(folder: &RunDir, resumed: Option<&Resumed>, acknowledged: &mut Option<u64>) -> Outcome {
    let mut journal = Journal::open(&config(), folder, &prepared(), resumed, &Progress::default())?;
    let start = match resumed {
        Some(resumed) => resumed.state(&layout(20))?,
        None => state(20, 0),
    };
    assert_eq!(start, state(20, start.round), "a checkpoint holds the state of its round");
    journal.save(&start)?;
    *acknowledged = Some(start.round);
    for round in start.round + 1..=ROUNDS {
        journal.record(metrics(round), payments(round))?;
        journal.save(&state(20, round))?;
        *acknowledged = Some(round);
    }
    folder.write("model.safetensors", state(20, ROUNDS).weights.to_safetensors().unwrap())
}

/// All files of a folder but old checkpoints, by their path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_string();
            if path.is_dir() {
                open.push(path);
            } else if !name.ends_with(".new") {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn whatever_fails_the_last_checkpoint_is_whole_and_the_run_can_go_on() {
    let (root, host) = (scratch(), Host::default());
    let disk: Arc<dyn FileSystem> = Arc::new(Disk);
    let run = |name: &str, files: Arc<dyn FileSystem>| {
        let path = root.path().join(name);
        fs::create_dir_all(&path).unwrap();
        RunDir::open(files, path)
    };
    let whole = run("whole", disk.clone());
    let mut acknowledged = None;
    write(&whole, None, &mut acknowledged).unwrap();
    let expected = files(whole.path());
    assert!(expected.contains_key("checkpoints/round-000003/model.safetensors"), "{:?}", expected.keys());
    assert!(!expected.contains_key("checkpoints/round-000001/model.safetensors"), "two checkpoints are kept");

    let mut tried = 0;
    for for_good in [false, true] {
        for fault in Fault::ALL {
            for at in 0.. {
                let faulty = Arc::new(Faulty::new(Some(at), fault, for_good));
                let folder = run(&format!("{for_good}-{fault:?}-{at}"), faulty.clone());
                let mut acknowledged = None;
                let result = write(&folder, None, &mut acknowledged);
                let operations = faulty.operations();
                let Some(failed) = operations.get(at) else {
                    result.unwrap();
                    break;
                };
                tried += 1;
                let what = format!("{fault:?} at {failed}");
                match result {
                    // An old checkpoint that cannot be removed is a warning.
                    Ok(()) => assert!(fault == Fault::Short || failed.starts_with("remove folder"), "{what}"),
                    Err(error) => {
                        assert!(fault != Fault::Short, "{what}: {error}");
                        assert_eq!(error.kind(), Kind::Unexpected, "{what}: {error}");
                        let names_it = error.to_string().contains(folder.path().to_str().unwrap());
                        assert!(names_it, "{what}: {error} does not name the file");
                    }
                }
                // The fault is gone; what was saved is there, and going on leads to what would have been.
                let folder = run(&format!("{for_good}-{fault:?}-{at}"), disk.clone());
                let resumed = super::resume(&host, folder.path().to_str().unwrap(), Path::new("none"));
                match (&resumed, acknowledged) {
                    (Ok(resumed), Some(acknowledged)) => {
                        let next = [acknowledged, acknowledged + 1].contains(&resumed.point.round);
                        assert!(next, "{what}: {acknowledged} was saved, {} is there", resumed.point.round);
                    }
                    (Ok(resumed), None) => assert_eq!(resumed.point.round, 0, "{what}"),
                    (Err(error), None) => {
                        assert_eq!(error.kind(), Kind::Checkpoint, "{what}: {error}");
                        assert!(error.to_string().contains("no checkpoint"), "{what}: {error}");
                    }
                    (Err(error), Some(_)) => panic!("{what}: {error}"),
                }
                write(&folder, resumed.ok().as_ref(), &mut None).unwrap();
                let mut found = files(folder.path());
                // One that could not be removed may still be there.
                found.retain(|name, _| expected.contains_key(name));
                assert!(found == expected, "{what}: other files than without the fault");
                fs::remove_dir_all(folder.path()).unwrap();
            }
        }
    }
    println!("{tried} faults");
    assert!(tried > 400, "only {tried} operations could fail");
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_checkpoint_is_an_error_that_says_what_is_wrong() {
    let (root, host) = (scratch(), Host::default());
    let folder = RunDir::open(host.files.clone(), root.path());
    let size = 1190;
    let mut journal = Journal::open(&config(), &folder, &prepared(), None, &Progress::default()).unwrap();
    journal.save(&state(size, 5)).unwrap();
    let load = || {
        super::resume(&host, root.path().to_str().unwrap(), Path::new("none"))
            .and_then(|resumed| resumed.state(&layout(size)).map(|state| (resumed.prepared.numbers.clone(), state)))
    };
    assert_eq!(load().unwrap(), (prepared().numbers, state(size, 5)));

    let checkpoint = round_folder(&folder, 5);
    let mut bytes = 0;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused = |what: String| {
        let error = load().expect_err(&what);
        assert_eq!(error.kind(), Kind::Checkpoint, "{what}: {error}");
        let text = error.to_string();
        assert!(text.contains(checkpoint.to_str().unwrap()), "{what}: {text} does not name the file");
        let known = ["is not what manifest.sha256 says", "is not what its manifest says", "bytes, its manifest says"];
        let kind = known.into_iter().find(|kind| text.contains(kind)).unwrap_or_else(|| panic!("{what}: {text}"));
        *kinds.entry(kind).or_default() += 1;
    };
    for (name, content) in files(&checkpoint) {
        let path = checkpoint.join(&name);
        bytes += content.len();
        for place in 0..content.len() {
            for bit in 0..8 {
                let mut flipped = content.clone();
                flipped[place] ^= 1 << bit;
                fs::write(&path, flipped).unwrap();
                refused(format!("{name}: bit {bit} of byte {place}"));
            }
            fs::write(&path, &content[..place]).unwrap();
            refused(format!("{name}: cut to {place} bytes"));
        }
        fs::write(&path, [&content[..], b" "].concat()).unwrap();
        refused(format!("{name}: a byte longer"));
        fs::remove_file(&path).unwrap();
        let error = load().expect_err(&name);
        assert!(error.kind() == Kind::Checkpoint && error.to_string().contains(&name), "{error}");
        fs::write(&path, &content).unwrap();
    }
    println!("{bytes} bytes, {kinds:?}");
    assert!((14_000..=18_000).contains(&bytes), "{bytes} bytes are not about 16 KiB");
    assert_eq!(load().unwrap().1, state(size, 5));
}

#[test]
fn what_was_measured_reads_back_to_the_bit() {
    let root = scratch();
    let reference = prepared().save(&Disk, root.path(), 0).unwrap();
    let read = Prepared::load(&Disk, root.path(), &reference).unwrap();
    assert_eq!(read.numbers, prepared().numbers);
    let other = Reference { sha256: "0".repeat(64), ..reference };
    assert!(Prepared::load(&Disk, root.path(), &other).unwrap_err().to_string().contains("another run's"));
}
