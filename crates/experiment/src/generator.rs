//! Training a generator: a long work that can be interrupted.

use imfl_aigc::{
    Checkpoint, DenoiserConfig, Generator, Progress, Request, SampleSource, Sampling, Trainer, TrainingConfig,
};
use imfl_engine::data::{self, Dataset};
use imfl_engine::device::Compute;
use imfl_report::grid;
use imfl_run::assets;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::progress::{self, Task};
use imfl_storage::{Disk, Lock, remove, replace};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Images set aside for generators.
    Corpus,
    /// The images that clients would get.
    Train,
}

/// What is trained, on what, and where it is left.
#[derive(Clone, Debug)]
pub struct Training {
    /// A shipped dataset's name or a path.
    pub dataset: String,
    /// Which part to learn from; the corpus if there is one, else the training images, if absent.
    pub images: Option<Part>,
    /// The generator's file. Its state while it learns and a grid of its images stand beside it.
    pub out: PathBuf,
    /// Whether to go on from the state that an interrupted training left; its settings stay.
    pub resume: bool,
    /// Whether to begin anew where an unfinished training has left its state.
    pub restart: bool,
    /// Start from the weights of this generator, which learnt from the same images, with a fresh optimizer.
    pub start: Option<PathBuf>,
    /// Channels of the network at half resolution.
    pub width: usize,
    /// Save the state and draw a grid of fixed seeds every so many steps.
    pub every: u64,
    /// The optimizer's settings.
    pub settings: TrainingConfig,
}

/// Images of each class in a grid.
const COLUMNS: usize = 8;

impl Training {
    /// Trains to the end.
    ///
    /// # Errors
    /// A failure that names the setting or file that does not fit, or the process that trains this generator.
    pub fn run(&self, compute: &Compute, progress: &progress::Progress) -> Outcome {
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
                Some(path) => Trainer::start_from(&data, &Checkpoint::read(path)?, &self.settings)?,
                None => Trainer::new(&data, &self.network(&data), &self.settings)?,
            },
        };
        progress.note(format!(
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
        let mut reporter = Reporter::new(progress, trainer.config().steps);
        let mut failed = None;
        trainer.run(&compute.device, compute.workers, |trainer, progress| {
            reporter.advance(progress);
            if !progress.step.is_multiple_of(self.every.max(1)) {
                return ControlFlow::Continue(());
            }
            reporter.say(progress);
            match self.save(trainer, &saved, compute) {
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
        draw(&finished, &self.out, compute)?;
        Ok(remove(&Disk, &saved)?)
    }

    fn data(&self) -> Outcome<Dataset> {
        let benchmark = data::open(&assets::dataset(&self.dataset)?, self.settings.seed)?;
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
struct Reporter<'a> {
    progress: &'a progress::Progress,
    bar: Task,
    loss: f64,
    steps: u32,
}

impl<'a> Reporter<'a> {
    fn new(progress: &'a progress::Progress, steps: u64) -> Self {
        Self { progress, bar: progress.task("training a generator", steps), loss: 0.0, steps: 0 }
    }

    fn advance(&mut self, progress: &Progress) {
        self.bar.set(progress.step);
        self.loss += progress.loss;
        self.steps += 1;
    }

    fn say(&mut self, progress: &Progress) {
        let Progress { step, steps, images_per_second, seconds_left, .. } = progress;
        let loss = self.loss / f64::from(self.steps);
        self.progress.note(format!(
            "step {step} of {steps}: loss {loss:.4}, {images_per_second:.0} images/s, {:.0} min left",
            seconds_left / 60.0
        ));
        (self.loss, self.steps) = (0.0, 0);
    }
}
