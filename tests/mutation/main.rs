//! Whatever bytes are in a file, its parser says what is wrong with it: no panic, and no more memory than the file deserves.

mod corpus;
mod mutate;
mod parsers;

use imfl_engine::random::{Purpose, keyed};
use parsers::{PARSERS, Parser};
use peak_alloc::PeakAlloc;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};

/// Counts every allocation of this program.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The tests of this program measure the same memory, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Inputs in all, shared out evenly over the parsers.
const INPUTS: usize = 100_000;
/// What a parser may take beside twice the file.
const ALLOWANCE: usize = 1 << 20;

/// The same for sounds: a library decodes them, which holds tags of up to 16 MiB, and a block as long as the header says that blocks may be.
const SOUND_ALLOWANCE: usize = 40 << 20;

fn allowance(parser: &Parser) -> usize {
    if parser.name == "sound" { SOUND_ALLOWANCE } else { ALLOWANCE }
}

/// Parses and measures: whether the input was accepted, and the bytes that were taken at the peak beyond those in use before.
fn measured(parser: &Parser, folder: &std::path::Path, input: &[u8], what: &str) -> (bool, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let parsed = catch_unwind(|| (parser.parse)(folder, input));
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let Ok(accepted) = parsed else { panic!("{}: a panic on {what}", parser.name) };
    (accepted, peak)
}

#[test]
fn a_hundred_thousand_mutated_inputs_panic_nowhere() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let mut total = 0;
    for (number, parser) in PARSERS.iter().enumerate() {
        let seeds = (parser.seeds)();
        for (index, seed) in seeds.iter().enumerate() {
            let (accepted, _) = measured(parser, folder.path(), seed, &format!("seed {index}"));
            assert!(accepted, "{}: seed {index} is a good input", parser.name);
        }
        let (mut refused, mut worst) = (0, 0);
        let count = INPUTS.div_ceil(PARSERS.len());
        for index in 0..count {
            let mut random = keyed(1, Purpose::Benchmark, number as u64, index as u64, 0);
            let input = mutate::mutated(&seeds, &mut random);
            let what = format!("mutated input {index}");
            let (accepted, peak) = measured(parser, folder.path(), &input, &what);
            refused += usize::from(!accepted);
            worst = worst.max(peak.saturating_sub(2 * input.len()));
            let most = 2 * input.len() + allowance(parser);
            assert!(peak <= most, "{}: {peak} bytes taken for the {} of {what}", parser.name, input.len());
        }
        println!("{:<12} {count} inputs, {refused} refused, at most twice the file plus {worst} bytes", parser.name);
        assert!(refused > count / 20, "{}: mutations that are all accepted try nothing: {refused}", parser.name);
        total += count;
    }
    assert!(total >= INPUTS);
}

/// Files of 4 MiB in which every number that could be a size is the largest there is.
#[test]
fn a_header_that_claims_the_most_is_not_believed() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    for parser in &PARSERS {
        for (index, seed) in (parser.seeds)().iter().enumerate() {
            for (lie, input) in mutate::largest_sizes(seed).into_iter().enumerate() {
                let what = format!("seed {index} with lie {lie}");
                let (_, peak) = measured(parser, folder.path(), &input, &what);
                let most = 2 * input.len() + allowance(parser);
                assert!(peak <= most, "{}: {peak} bytes taken for the {} of {what}", parser.name, input.len());
            }
        }
    }
}

/// Writes the corpus for `fuzz/`, where each target starts from these inputs.
#[test]
#[ignore = "writes fuzz/corpus: cargo test --release --test mutation corpus -- --ignored"]
fn write_the_fuzzers_corpus() {
    for parser in &PARSERS {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(parser.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (index, seed) in (parser.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed).unwrap();
        }
    }
}
