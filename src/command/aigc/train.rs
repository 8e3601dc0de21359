//! `imfl aigc train`.

use super::options::Machine;
use crate::assets;
use crate::failure::{Failure, Kind, Outcome};
use crate::progress::{self, Bar};
use crate::report::grid;
use clap::{Args, ValueEnum};
use imfl_aigc::{
    Checkpoint, DenoiserConfig, Generator, Progress, Request, SampleSource, Sampling, Trainer, TrainingConfig,
};
use imfl_engine::data::{self, Dataset};
use imfl_engine::device::Compute;
use imfl_storage::{Disk, Lock, remove, replace};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Train a generator on a dataset's images.
///
/// The state is saved beside the generator while it learns; after an interruption, --resume goes on from there, and the
/// result is that of a run that was never interrupted, bit for bit.
#[derive(Args)]
pub struct Train {
    /// A shipped dataset's name (mnist) or a path: IDX folder, CIFAR-10 binary, image folder
    #[arg(long, default_value = "mnist", env = "IMFL_DATASET")]
    dataset: String,
    /// Which part to learn from [default: the corpus if there is one, else the training images]
    #[arg(long, value_enum)]
    images: Option<Part>,
    /// The generator's file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Go on from the state that an interrupted run left beside --out; its settings stay
    #[arg(long)]
    resume: bool,
    /// Start from the weights of this generator, which learnt from the same images, with a fresh optimizer
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "width"])]
    start: Option<PathBuf>,
    /// Begin anew where an unfinished run has left its state
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
    /// Optimizer steps
    #[arg(long, default_value_t = TrainingConfig::default().steps)]
    steps: u64,
    /// Images of a step
    #[arg(long, default_value_t = TrainingConfig::default().batch)]
    batch: usize,
    /// Parts of a batch that workers share; the weights depend on it, not on the workers
    #[arg(long, default_value_t = TrainingConfig::default().shards)]
    shards: usize,
    /// Highest learning rate
    #[arg(long, default_value_t = TrainingConfig::default().learning_rate, allow_negative_numbers = true)]
    rate: f64,
    /// Decay of the moving average of the weights
    #[arg(long, default_value_t = TrainingConfig::default().average, allow_negative_numbers = true)]
    average: f64,
    /// Share of images shown without their class, for guidance
    #[arg(long, default_value_t = TrainingConfig::default().label_dropout, allow_negative_numbers = true)]
    label_dropout: f64,
    /// Mean of the logarithm of noise levels (P_mean of Karras et al. 2022)
    #[arg(long, default_value_t = TrainingConfig::default().noise_mean, allow_negative_numbers = true)]
    noise_mean: f64,
    /// Deviation of the logarithm of noise levels (P_std of Karras et al. 2022)
    #[arg(long, default_value_t = TrainingConfig::default().noise_deviation, allow_negative_numbers = true)]
    noise_deviation: f64,
    /// Also show images mirrored
    #[arg(long)]
    mirror: bool,
    /// Channels of the network at half resolution
    #[arg(long, default_value_t = 32)]
    width: usize,
    /// Seed of weights, order and noise
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    seed: u64,
    /// Save the state and draw a grid of fixed seeds every so many steps
    #[arg(long, default_value_t = 500)]
    every: u64,
    #[command(flatten)]
    machine: Machine,
}

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Images set aside for generators.
    Corpus,
    /// The images that clients would get.
    Train,
}

/// Images of each class in a grid.
const COLUMNS: usize = 8;

impl Train {
    /// Trains to the end.
    pub fn run(self) -> Outcome {
        let compute = self.machine.open()?;
        let saved = beside(&self.out, "training.safetensors");
        let _lock = Lock::take(&saved).map_err(|error| Failure::new(Kind::Checkpoint, error))?;
        let data = self.data()?;
        let mut trainer = match self.resume {
            true => Trainer::resume(&data, Checkpoint::read(&saved)?)?,
            false if saved.exists() && !self.restart => {
                let problem = format!(
                    "{} holds an unfinished training: pass --resume to go on with it, or --restart to begin anew",
                    saved.display()
                );
                return Err(Failure::new(Kind::Usage, problem));
            }
            false => match &self.start {
                Some(path) => Trainer::start_from(&data, &Checkpoint::read(path)?, &self.training())?,
                None => Trainer::new(&data, &self.network(&data), &self.training())?,
            },
        };
        progress::note(format!(
            "learning from {} images of {} in {} classes, from step {} to {} ({} images a step, seed {})",
            data.len(),
            data.name,
            data.classes(),
            trainer.step(),
            trainer.config().steps,
            trainer.config().batch,
            trainer.config().seed,
        ));
        // The file that is still missing at the end of a long training had better be writable at its start.
        trainer.checkpoint().write(&saved)?;
        let mut reporter = Reporter::new(trainer.config().steps);
        let mut failed = None;
        trainer.run(&compute.device, compute.workers, |trainer, progress| {
            reporter.advance(progress);
            if !progress.step.is_multiple_of(self.every.max(1)) {
                return ControlFlow::Continue(());
            }
            reporter.say(progress);
            match self.save(trainer, &saved, &compute) {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => {
                    failed = Some(failure);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(failure) = failed {
            return Err(failure);
        }
        let finished = trainer.finished();
        finished.write(&self.out)?;
        draw(&finished, &self.out, &compute)?;
        remove(&Disk, &saved)?;
        println!("{}", self.out.display());
        Ok(())
    }

    fn data(&self) -> Outcome<Dataset> {
        let benchmark = data::open(&assets::dataset(&self.dataset)?, self.seed)?;
        match (self.images, benchmark.corpus) {
            (Some(Part::Corpus) | None, Some(corpus)) => Ok(corpus),
            (Some(Part::Corpus), None) => {
                let name = &benchmark.train.name;
                Err(Failure::new(
                    Kind::Data,
                    format!("{name} has no corpus; pass --images train to learn from the training images"),
                ))
            }
            (Some(Part::Train) | None, _) => Ok(benchmark.train),
        }
    }

    fn network(&self, data: &Dataset) -> DenoiserConfig {
        DenoiserConfig { width: self.width, ..DenoiserConfig::small(data.shape, data.classes()) }
    }

    fn training(&self) -> TrainingConfig {
        TrainingConfig {
            steps: self.steps,
            batch: self.batch,
            shards: self.shards.min(self.batch),
            learning_rate: self.rate,
            average: self.average,
            label_dropout: self.label_dropout,
            noise_mean: self.noise_mean,
            noise_deviation: self.noise_deviation,
            mirror: self.mirror,
            seed: self.seed,
            ..TrainingConfig::default()
        }
    }

    fn save(&self, trainer: &Trainer, saved: &Path, compute: &Compute) -> Outcome {
        trainer.checkpoint().write(saved)?;
        draw(&trainer.finished(), &self.out, compute)
    }
}

/// Draws a grid with the same seeds every time.
fn draw(checkpoint: &Checkpoint, out: &Path, compute: &Compute) -> Outcome {
    let mut checkpoint = checkpoint.clone();
    checkpoint.description.sampling = Sampling::default();
    let generator = Generator::of(checkpoint).map_err(|problem| Failure::new(Kind::Unexpected, problem))?;
    let requests = Request::of_counts(&vec![COLUMNS; generator.class_names().len().min(20)], 0);
    let images = generator.draw(&requests, 0, compute, &mut |_, _| ControlFlow::Continue(()))?;
    Ok(replace(&Disk, &beside(out, "png"), &grid::png(&images)?)?)
}

/// The file of another kind beside the generator's.
fn beside(out: &Path, ending: &str) -> PathBuf {
    out.with_extension(ending)
}

/// A bar on a terminal, a line now and then elsewhere.
struct Reporter {
    bar: Bar,
    loss: f64,
    steps: u32,
}

impl Reporter {
    fn new(steps: u64) -> Self {
        Self { bar: Bar::new("training a generator", steps), loss: 0.0, steps: 0 }
    }

    fn advance(&mut self, progress: &Progress) {
        self.bar.set(progress.step);
        self.loss += progress.loss;
        self.steps += 1;
    }

    fn say(&mut self, progress: &Progress) {
        let Progress { step, steps, images_per_second, seconds_left, .. } = progress;
        let loss = self.loss / f64::from(self.steps);
        progress::note(format!(
            "step {step} of {steps}: loss {loss:.4}, {images_per_second:.0} images/s, {:.0} min left",
            seconds_left / 60.0
        ));
        (self.loss, self.steps) = (0.0, 0);
    }
}
