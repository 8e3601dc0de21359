//! Where generated images come from: a shipped generator, a given one, one trained on the spot, or others' images.

mod others;

use super::provenance::{self, Origin, Provenance};
use crate::assets;
use crate::config::{GeneratorSource, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::limits;
use crate::progress::Progress;
use imfl_aigc::{DenoiserConfig, Fingerprints, Fit, Generator, SampleSource, Sampling, Trainer, TrainingConfig};
use imfl_engine::data::{self, Benchmark, Dataset};
use imfl_engine::device::Compute;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Share of the training images that a generator learns from where a dataset brings no corpus: one in so many.
const CORPUS_SHARE: usize = 5;
/// The most images that are taken from clients so that the server has some for pilots.
const MOST_HELD: usize = 4000;

/// A source of generated images, and where it came from.
type Found = (Arc<dyn SampleSource>, Provenance);

/// Opens or trains the generator that the configuration asks for, which draws with as many steps as that says, and says where
/// it came from. Training takes its images out of `benchmark`, so that no client gets them.
pub fn open(
    config: &RunConfig,
    benchmark: &mut Benchmark,
    compute: &Compute,
    seed: u64,
    progress: &Progress,
) -> Outcome<Option<Found>> {
    let (generator, provenance) = match &config.generator.source {
        GeneratorSource::None => return Ok(None),
        GeneratorSource::Fitted(fit) => return fit_to(*fit, benchmark, seed, progress).map(Some),
        GeneratorSource::Auto if matches!(*benchmark.train.kind, data::Kind::Text(_)) => {
            return fit_to(Fit::Ngram, benchmark, seed, progress).map(Some);
        }
        GeneratorSource::Folder(path) => return others::folder(config, path, benchmark, progress).map(Some),
        GeneratorSource::Command(command) => return others::command(config, command, benchmark, progress).map(Some),
        GeneratorSource::Train => train(config, benchmark, compute, seed, progress)?,
        GeneratorSource::Auto => match shipped(benchmark, progress)? {
            Some(found) => found,
            // A rule takes a moment, and what a perceptron learns in a few hundred steps is worth less.
            None if !benchmark.train.kind.is_bytes() => {
                return fit_to(Fit::suited(&benchmark.train.kind), benchmark, seed, progress).map(Some);
            }
            None => train(config, benchmark, compute, seed, progress)?,
        },
        GeneratorSource::File(given) => {
            let path = given.to_str().map_or_else(|| Ok(given.clone()), assets::generator)?;
            let generator = Generator::open(&path)?.in_words_of(&parts(benchmark));
            generator.check_fits(&benchmark.train)?;
            let origin = if path == *given { Origin::Given } else { Origin::Shipped };
            let provenance = Provenance::of(&generator, origin, Some(&path));
            (generator, provenance)
        }
    };
    let own = generator.sampling().clone();
    let sampling = Sampling { steps: config.generator.evaluations.unwrap_or(own.steps), ..own };
    let generator = generator.with_sampling(sampling).map_err(|error| Failure::new(Kind::Config, error))?;
    Ok(Some((Arc::new(generator), provenance)))
}

/// All parts of a dataset.
pub fn parts(benchmark: &Benchmark) -> Vec<&Dataset> {
    [&benchmark.train, &benchmark.test].into_iter().chain(&benchmark.corpus).collect()
}

/// The shipped generator that learnt from samples like these, if one is there.
fn shipped(benchmark: &Benchmark, progress: &Progress) -> Outcome<Option<(Generator, Provenance)>> {
    for name in assets::GENERATORS {
        let Ok(path) = assets::shipped_generator(name) else { continue };
        let generator = Generator::open(&path)?;
        if generator.check_fits(&benchmark.train).is_err() {
            continue;
        }
        if provenance::fits(&generator, benchmark)? {
            let provenance = Provenance::of(&generator, Origin::Shipped, Some(&path));
            return Ok(Some((generator, provenance)));
        }
        let (learnt, plural) = (&generator.description().dataset, benchmark.train.kind.plural());
        progress.note(format!(
            "the shipped generator draws {plural} of this shape and of classes of these names, but it learnt from {learnt}, and hardly any \
             of the {plural} of {} is from there: it is not used (`--generator {learnt}` insists)",
            benchmark.train.name
        ));
    }
    Ok(None)
}

/// Fits a simple rule to what the server holds.
fn fit_to(fit: Fit, benchmark: &mut Benchmark, seed: u64, progress: &Progress) -> Outcome<Found> {
    // Rows of a table are alike by chance: those that the test has are not learnt from.
    let learnt = untested(&corpus(benchmark, seed)?, &benchmark.test);
    limits::enough_for_gradients(&benchmark.train)?;
    let (count, plural, name) = (learnt.len(), learnt.kind.plural(), learnt.name.clone());
    progress.note(format!("generator: {} of {count} {plural} of {name} that no client gets", fit.name()));
    let source = fit.to(Arc::new(learnt.clone()))?;
    // The server holds them: it may learn more from them.
    benchmark.corpus = Some(learnt);
    let provenance = Provenance { origin: Origin::Fitted, path: None, sha256: None, dataset: Some(name), steps: None };
    Ok((source, provenance))
}

fn train(
    config: &RunConfig,
    benchmark: &mut Benchmark,
    compute: &Compute,
    seed: u64,
    progress: &Progress,
) -> Outcome<(Generator, Provenance)> {
    let corpus = untested(&corpus(benchmark, seed)?, &benchmark.test);
    limits::enough_for_gradients(&benchmark.train)?;
    let steps = config.generator.train_steps;
    progress.note(format!(
        "training a generator for {steps} steps on {} {} of {} that no client gets (a better one: `imfl aigc train`, then \
         `--generator FILE`)",
        corpus.len(),
        corpus.kind.plural(),
        corpus.name,
    ));
    let training = TrainingConfig { steps, seed, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(&corpus, &DenoiserConfig::suited(&corpus), &training)?;
    let bar = progress.task("training a generator", steps);
    trainer.run(&compute.device, compute.workers, |_, progress| {
        bar.set(progress.step);
        ControlFlow::Continue(())
    })?;
    let generator = Generator::of(trainer.finished()).map_err(|problem| Failure::new(Kind::Unexpected, problem))?;
    let provenance = Provenance::of(&generator, Origin::Trained, None);
    // The server holds these images: it may learn more from them.
    benchmark.corpus = Some(corpus);
    Ok((generator, provenance))
}

/// What a generator that is to be used in runs on the same dataset learns from: the corpus, or the part of the training samples that a run's server holds in
/// its place, so that enough is left for clients. Samples that the test has are not among them.
pub fn for_generators(benchmark: Benchmark) -> Dataset {
    let part = benchmark.corpus.unwrap_or_else(|| servers(&benchmark.train).0);
    untested(&part, &benchmark.test)
}

/// The images that a generator may learn from: the dataset's corpus, or a part of its training images, which are taken out.
pub fn corpus(benchmark: &mut Benchmark, seed: u64) -> Outcome<Dataset> {
    match benchmark.corpus.take() {
        Some(corpus) => Ok(corpus),
        None => set_aside(benchmark, benchmark.train.len() / CORPUS_SHARE, seed),
    }
}

/// Images of each class that the server has to hold for pilots.
pub const HELD_PER_CLASS: usize = 4;

/// The images that the server holds beside those of clients and test: the corpus, or, if it is `needed`, a part of the training images, which are
/// taken out; none where that would be too few for pilots, so that no client lacks images for nothing. Images that the test has are not among them.
pub fn held(benchmark: &mut Benchmark, needed: bool) -> Option<Dataset> {
    let held = match benchmark.corpus.take() {
        Some(corpus) => untested(&corpus, &benchmark.test),
        None if needed => {
            let (part, rest) = servers(&benchmark.train);
            let held = untested(&part, &benchmark.test);
            if held.histogram().iter().any(|count| *count < HELD_PER_CLASS) {
                return None;
            }
            benchmark.train = rest;
            held
        }
        None => return None,
    };
    Some(held)
}

/// The part of training samples that the server holds where a dataset brings no corpus, the same in every run, whatever its seed; and the rest.
pub fn servers(train: &Dataset) -> (Dataset, Dataset) {
    let size = (train.len() / CORPUS_SHARE).min(MOST_HELD);
    let [part, rest] = <[Dataset; 2]>::try_from(train.split_balanced(&[size], 0)).expect("one size makes two parts");
    (part, rest)
}

/// Those samples that the test has not.
pub fn untested(samples: &Dataset, test: &Dataset) -> Dataset {
    let tested = Fingerprints::of(test);
    let own = (0..samples.len() as u32).filter(|&index| !tested.contains(samples.image(index as usize)));
    samples.select(&own.collect::<Vec<u32>>())
}

fn set_aside(benchmark: &mut Benchmark, size: usize, seed: u64) -> Outcome<Dataset> {
    let mut parts = benchmark.train.split_balanced(&[size], seed).into_iter();
    match (parts.next(), parts.next()) {
        (Some(corpus), Some(rest)) if !corpus.is_empty() && !rest.is_empty() => {
            benchmark.train = rest;
            Ok(corpus)
        }
        _ => Err(Failure::new(
            Kind::Data,
            format!("{}: too few images to train a generator on; pass --generator FILE or none", benchmark.train.name),
        )),
    }
}
