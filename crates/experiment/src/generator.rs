//! Training a generator: a long work that can be interrupted.

use imfl_aigc::{
    Checkpoint, DenoiserConfig, Generator, Network, Progress, Request, SampleSource, Sampling, Trainer, TrainingConfig,
};
use imfl_engine::data::{self, Benchmark, Dataset};
use imfl_engine::device::Compute;
use imfl_report::grid;
use imfl_run::assets;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::memory::{Estimate, Memory};
use imfl_run::pipeline;
use imfl_run::progress::{self, Event, Task};
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
    /// Which part to learn from; if absent, the corpus if there is one, else the training images, of rows and texts the part that a run's server holds.
    pub images: Option<Part>,
    /// The generator's file. Its state while it learns and a grid of its images stand beside it.
    pub out: PathBuf,
    /// Whether to go on from the state that an interrupted training left; its settings stay.
    pub resume: bool,
    /// Whether to begin anew where an unfinished training has left its state.
    pub restart: bool,
    /// Start from the weights of this generator, which learnt from the same images, with a fresh optimizer.
    pub start: Option<PathBuf>,
    /// Learn to draw what this generator draws, in the steps that [`Training::start`] draws in.
    pub distil: Option<PathBuf>,
    /// Channels of the network at half resolution, of a table's units of a layer; what suits the data if absent.
    pub width: Option<usize>,
    /// Save the state and draw samples of fixed seeds every so many steps.
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
    pub fn run(&self, compute: &Compute, allowed: Memory, progress: &progress::Progress) -> Outcome {
        let saved = beside(&self.out, "training.safetensors");
        if !self.wanted(&saved, progress)? {
            return Ok(());
        }
        let _lock = Lock::take(&saved)?;
        let data = self.data()?;
        self.footprint(&data).check(allowed)?;
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
        if let Some(teacher) = &self.distil {
            trainer = trainer.distil(Generator::open(teacher)?)?;
        }
        progress.note(format!(
            "learning from {} {} of {} in {} classes, from step {} to {} ({} a step, seed {})",
            data.len(),
            data.kind.plural(),
            data.name,
            data.classes(),
            trainer.step(),
            trainer.config().steps,
            trainer.config().batch,
            trainer.config().seed,
        ));
        // The file that is still missing at the end of a long training had better be writable at its start.
        trainer.checkpoint().write(&saved)?;
        let mut reporter = Reporter::new(progress, trainer.config().steps, data.kind.plural());
        let mut failed = None;
        progress.tell(&Event::StepsBegan);
        trainer.run(&compute.device, compute.workers, |trainer, now| {
            reporter.advance(now);
            let stopped = progress.stop() && now.step < now.steps;
            if !stopped && !now.step.is_multiple_of(self.every.max(1)) {
                return ControlFlow::Continue(());
            }
            reporter.say(now);
            match self.save(trainer, &saved, compute) {
                Ok(()) if !stopped => return ControlFlow::Continue(()),
                Ok(()) => failed = Some(self.interrupted(now.step)),
                Err(failure) => failed = Some(failure),
            }
            ControlFlow::Break(())
        })?;
        if let Some(failure) = failed {
            return Err(failure);
        }
        let finished = trainer.finished();
        finished.write(&self.out)?;
        draw(&finished, &self.out, compute)?;
        Ok(remove(&Disk, &saved)?)
    }

    /// Whether there is something to do; refuses to write over a generator, or where no file can be.
    fn wanted(&self, saved: &Path, progress: &progress::Progress) -> Outcome<bool> {
        let (out, exists) = (self.out.display(), self.out.exists());
        if self.out.is_dir() || self.out.file_name().is_none() {
            return Err(Failure::new(
                Kind::Unexpected,
                format!("cannot write {out}: it is a folder; give a file for the generator"),
            ));
        }
        if self.resume && !saved.exists() {
            if !exists {
                let problem =
                    format!("there is nothing to resume: {} is not there; start without --resume", saved.display());
                return Err(Failure::new(Kind::Checkpoint, problem));
            }
            let steps = Checkpoint::read(&self.out)?.description.steps;
            progress.note(format!("{out} is finished already, after {steps} steps: there is nothing to resume"));
            return Ok(false);
        }
        if exists && !self.resume && !self.restart {
            let problem = format!("{out} is there already: pass --restart to train it anew, or give another --out");
            return Err(Failure::new(Kind::Usage, problem));
        }
        Ok(true)
    }

    /// What training will hold of the host's memory.
    fn footprint(&self, data: &Dataset) -> Estimate {
        let TrainingConfig { batch, .. } = self.settings;
        let image = data.shape.size();
        let DenoiserConfig { width, network, .. } = self.network(data);
        let (places, more) = match network {
            // Logits of all symbols, and their gradients.
            Network::Transformer { length, symbols, .. } => (length, length.saturating_mul(4 * symbols)),
            // Channels at half and at a quarter of the resolution; as many units of a perceptron.
            Network::UNet | Network::Perceptron { .. } => ((data.shape.height * data.shape.width / 4).max(1), 0),
        };
        // Some thirty layers, forwards and backwards.
        let activations = places.saturating_mul(width).saturating_mul(30).saturating_add(more);
        Estimate::default().with(
            format!("steps of {batch} {} of {} in a network of width {width}", data.kind.plural(), data.shape),
            &[4, batch, activations.saturating_add(image)],
            "--batch or --width",
        )
    }

    fn interrupted(&self, step: u64) -> Failure {
        let out = self.out.display();
        let distil = self.distil.as_ref().map(|teacher| format!(" --distil {}", teacher.display())).unwrap_or_default();
        let problem = format!(
            "interrupted after step {step}, which is saved; go on with `imfl aigc train --dataset {} --out {out}{distil} --resume`",
            self.dataset
        );
        Failure::new(Kind::Interrupted, problem)
    }

    fn data(&self) -> Outcome<Dataset> {
        let benchmark = data::open(&assets::dataset(&self.dataset)?, self.settings.seed)?;
        let by_chance = !benchmark.train.kind.is_bytes();
        match (self.images, benchmark.corpus) {
            // Rows and texts of the test are among the others by chance: no run would take a generator that learnt from them.
            (None, corpus) if by_chance => Ok(pipeline::for_generators(Benchmark { corpus, ..benchmark })),
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
        let suited = DenoiserConfig::suited(data);
        DenoiserConfig { width: self.width.unwrap_or(suited.width), ..suited }
    }

    fn save(&self, trainer: &Trainer, saved: &Path, compute: &Compute) -> Outcome {
        trainer.checkpoint().write(saved)?;
        draw(&trainer.finished(), &self.out, compute)
    }
}

/// Draws with the same seeds every time: a grid of pictures, or a file of rows.
fn draw(checkpoint: &Checkpoint, out: &Path, compute: &Compute) -> Outcome {
    let mut checkpoint = checkpoint.clone();
    if checkpoint.description.distilled.is_none() {
        checkpoint.description.sampling = Sampling::default();
    }
    let generator = Generator::of(checkpoint).map_err(|problem| Failure::new(Kind::Unexpected, problem))?;
    let requests = Request::of_counts(&vec![COLUMNS; generator.class_names().len().min(20)], 0);
    let images = generator.draw(&requests, 0, compute, &mut |_, _| ControlFlow::Continue(()))?;
    let (ending, file) = match images.kind.is_bytes() {
        true => ("png", grid::png(&images)?),
        false => ("csv", images.to_csv()?.into_bytes()),
    };
    Ok(replace(&Disk, &beside(out, ending), &file)?)
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
    plural: &'static str,
}

impl<'a> Reporter<'a> {
    fn new(progress: &'a progress::Progress, steps: u64, plural: &'static str) -> Self {
        Self { progress, bar: progress.task("training a generator", steps), loss: 0.0, steps: 0, plural }
    }

    fn advance(&mut self, progress: &Progress) {
        self.loss += progress.loss;
        self.steps += 1;
        self.bar.say(format!(
            "loss {:.4}, {:.0} {}/s",
            self.loss / f64::from(self.steps),
            progress.images_per_second,
            self.plural
        ));
        self.bar.set(progress.step);
    }

    fn say(&mut self, progress: &Progress) {
        let Progress { step, steps, images_per_second, seconds_left, .. } = progress;
        let (loss, plural) = (self.loss / f64::from(self.steps), self.plural);
        self.progress.note(format!(
            "step {step} of {steps}: loss {loss:.4}, {images_per_second:.0} {plural}/s, {:.0} min left",
            seconds_left / 60.0
        ));
        (self.loss, self.steps) = (0.0, 0);
    }
}
