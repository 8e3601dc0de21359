//! Training and drawing of a generator, on images of noise.

use imfl_aigc::{DenoiserConfig, Generator, Request, SampleSource, Sampling, Trainer, TrainingConfig};
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::device::Compute;
use imfl_engine::random::{Purpose, keyed};
use imfl_run::failure::{Failure, Kind, Outcome};
use rand::Rng;
use std::ops::ControlFlow;
use std::time::Instant;

/// Classes of the images.
const CLASSES: usize = 10;

/// What is trained and drawn.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Side of the images in pixels, a multiple of four.
    pub side: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// Channels of the network at half resolution.
    pub width: usize,
    /// Images of a training step.
    pub batch: usize,
    /// Parts of a batch that workers share; one for each worker if absent.
    pub shards: Option<usize>,
    /// Steps of one measurement of training.
    pub steps: u64,
    /// Images of one measurement of drawing.
    pub images: usize,
    /// Measurements of each kind.
    pub repeats: usize,
}

/// What was measured: the best of the repeats.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Shape of the images.
    pub shape: ImageShape,
    /// Parts of a batch.
    pub shards: usize,
    /// Images trained on in a second.
    pub trained: f64,
    /// Images drawn in a second.
    pub drawn: f64,
    /// How they were drawn.
    pub sampling: Sampling,
}

impl Setting {
    /// Trains, draws and times.
    ///
    /// # Errors
    /// A failure if there is nothing to measure, or a network that does not fit the images.
    pub fn measure(&self, compute: &Compute) -> Outcome<Measured> {
        if self.images == 0 || self.steps == 0 || self.repeats == 0 {
            return Err(Failure::new(Kind::Config, "--images, --steps and --repeats must be at least 1"));
        }
        if self.images > 10_000_000 || self.steps > 10_000_000 || self.repeats > 10_000 {
            return Err(Failure::new(
                Kind::Config,
                "--images and --steps must be at most 10000000, --repeats at most 10000",
            ));
        }
        let shape = ImageShape { channels: self.channels, height: self.side, width: self.side };
        let network = DenoiserConfig { width: self.width, ..DenoiserConfig::small(shape, CLASSES) };
        network.check().map_err(imfl_aigc::TrainingError::from)?;
        let data = noise(shape)?;
        // The first step pays for memory and threads, and is not counted.
        let steps = 1 + self.steps;
        let shards = self.shards.unwrap_or(compute.workers.min(self.batch));
        let training = TrainingConfig { steps, batch: self.batch, shards, ..TrainingConfig::default() };
        let mut trained = 0f64;
        let mut checkpoint = None;
        for _ in 0..self.repeats {
            let mut trainer = Trainer::new(&data, &network, &training)?;
            let mut started = Instant::now();
            trainer.run(&compute.device, compute.workers, |_, progress| {
                if progress.step == 1 {
                    started = Instant::now();
                }
                ControlFlow::Continue(())
            })?;
            trained = trained.max((self.steps * self.batch as u64) as f64 / started.elapsed().as_secs_f64());
            checkpoint = Some(trainer.finished());
        }
        let Some(checkpoint) = checkpoint else {
            return Err(Failure::new(Kind::Config, "--repeats must be at least 1"));
        };
        let generator = Generator::of(checkpoint).map_err(|problem| Failure::new(Kind::Unexpected, problem))?;
        let requests: Vec<Request> =
            (0..self.images as u64).map(|index| Request { label: (index % CLASSES as u64) as u16, index }).collect();
        let sampling = generator.sampling().clone();
        let mut drawn = 0f64;
        for repeat in 0..=self.repeats {
            let started = Instant::now();
            generator.draw(&requests, repeat as u64, compute, &mut |_, _| ControlFlow::Continue(()))?;
            if repeat > 0 {
                drawn = drawn.max(self.images as f64 / started.elapsed().as_secs_f64());
            }
        }
        Ok(Measured { shape, shards, trained, drawn, sampling })
    }
}

/// Two batches' worth of random bytes in ten classes.
fn noise(shape: ImageShape) -> Outcome<Dataset> {
    let count = 256;
    let mut images = vec![0; count * shape.size()];
    keyed(0, Purpose::Benchmark, 0, 0, 0).fill_bytes(&mut images);
    let names = (0..CLASSES).map(|class| class.to_string()).collect();
    let labels = (0..count).map(|index| (index % CLASSES) as u16).collect();
    Ok(Dataset::new("noise", shape, names, images, labels)?)
}
