//! Where generated images come from: a shipped generator, a given one, or one trained on the spot.

use crate::assets;
use crate::config::{GeneratorSource, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::progress::Progress;
use imfl_aigc::{DenoiserConfig, Generator, Trainer, TrainingConfig};
use imfl_engine::data::{Benchmark, Dataset};
use imfl_engine::device::Compute;
use std::ops::ControlFlow;

/// The generator that ships with the project.
const SHIPPED: &str = "generators/mnist.safetensors";
/// Share of the training images that a generator learns from where a dataset brings no corpus: one in so many.
const CORPUS_SHARE: usize = 5;

/// Opens or trains the generator that the configuration asks for. Training takes its images out of `benchmark`, so that
/// no client gets them.
pub fn open(
    config: &RunConfig,
    benchmark: &mut Benchmark,
    compute: &Compute,
    seed: u64,
    progress: &Progress,
) -> Outcome<Option<Generator>> {
    match &config.generator.source {
        GeneratorSource::None => Ok(None),
        GeneratorSource::Train => train(config, benchmark, compute, seed, progress).map(Some),
        GeneratorSource::Auto => match shipped(&benchmark.train)? {
            Some(generator) => Ok(Some(generator)),
            None => train(config, benchmark, compute, seed, progress).map(Some),
        },
        GeneratorSource::File(path) => {
            let generator = Generator::open(path)?;
            generator.check_fits(&benchmark.train)?;
            Ok(Some(generator))
        }
    }
}

/// The shipped generator, if it is there and its images are of this dataset's kind.
fn shipped(data: &Dataset) -> Outcome<Option<Generator>> {
    let Ok(path) = assets::path(SHIPPED) else { return Ok(None) };
    let generator = Generator::open(&path)?;
    Ok(generator.check_fits(data).is_ok().then_some(generator))
}

fn train(
    config: &RunConfig,
    benchmark: &mut Benchmark,
    compute: &Compute,
    seed: u64,
    progress: &Progress,
) -> Outcome<Generator> {
    let corpus = corpus(benchmark, seed)?;
    let steps = config.generator.train_steps;
    progress.note(format!(
        "no shipped generator draws {} images of {}: training one for {steps} steps on {} images that no client gets \
         (a better one: `imfl aigc train`, then `--generator FILE`)",
        corpus.shape,
        corpus.name,
        corpus.len()
    ));
    let training = TrainingConfig { steps, seed, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(&corpus, &DenoiserConfig::small(corpus.shape, corpus.classes()), &training)?;
    let bar = progress.task("training a generator", steps);
    trainer.run(&compute.device, compute.workers, |_, progress| {
        bar.set(progress.step);
        ControlFlow::Continue(())
    })?;
    Generator::of(trainer.finished()).map_err(|problem| Failure::new(Kind::Unexpected, problem))
}

/// The images that a generator may learn from: the dataset's corpus, or a part of its training images, which are taken out.
pub fn corpus(benchmark: &mut Benchmark, seed: u64) -> Outcome<Dataset> {
    match benchmark.corpus.take() {
        Some(corpus) => Ok(corpus),
        None => set_aside(benchmark, seed),
    }
}

fn set_aside(benchmark: &mut Benchmark, seed: u64) -> Outcome<Dataset> {
    let size = benchmark.train.len() / CORPUS_SHARE;
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
