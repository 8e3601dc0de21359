//! `imfl bench generate`.

use crate::cli::Format;
use crate::command::aigc::options::Machine;
use crate::failure::{Failure, Kind, Outcome};
use clap::Args;
use imfl_aigc::{DenoiserConfig, Generator, Request, SampleSource, Trainer, TrainingConfig};
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::random::{Purpose, keyed};
use rand::Rng;
use serde_json::json;
use std::ops::ControlFlow;
use std::time::Instant;

/// Measure training and drawing of a generator, on images of noise.
///
/// Each number is the best of --repeats: what the machine can do when nothing disturbs it.
#[derive(Args)]
pub struct Generate {
    /// Side of the images in pixels, a multiple of four
    #[arg(long, default_value_t = 28)]
    side: usize,
    /// 1 for grey, 3 for colour
    #[arg(long, default_value_t = 1)]
    channels: usize,
    /// Channels of the network at half resolution
    #[arg(long, default_value_t = 32)]
    width: usize,
    /// Images of a training step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Parts of a batch that workers share [default: one for each worker]
    #[arg(long)]
    shards: Option<usize>,
    /// Steps of one measurement of training
    #[arg(long, default_value_t = 10)]
    steps: u64,
    /// Images of one measurement of drawing
    #[arg(long, default_value_t = 100)]
    images: usize,
    /// Measurements of each kind
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    machine: Machine,
}

impl Generate {
    /// Measures and prints.
    pub fn run(self) -> Outcome {
        if self.images == 0 || self.steps == 0 || self.repeats == 0 {
            return Err(Failure::new(Kind::Usage, "--images, --steps and --repeats must be at least 1"));
        }
        let compute = self.machine.open()?;
        let shape = ImageShape { channels: self.channels, height: self.side, width: self.side };
        let data = noise(shape)?;
        let network = DenoiserConfig { width: self.width, ..DenoiserConfig::small(shape, data.classes()) };
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
            return Err(Failure::new(Kind::Usage, "--repeats must be at least 1"));
        };
        let generator = Generator::of(checkpoint).map_err(|problem| Failure::new(Kind::Unexpected, problem))?;
        let requests: Vec<Request> =
            (0..self.images as u64).map(|index| Request { label: (index % 10) as u16, index }).collect();
        let sampling = generator.sampling();
        let mut drawn = 0f64;
        for repeat in 0..=self.repeats {
            let started = Instant::now();
            generator.draw(&requests, repeat as u64, &compute, &mut |_, _| ControlFlow::Continue(()))?;
            if repeat > 0 {
                drawn = drawn.max(self.images as f64 / started.elapsed().as_secs_f64());
            }
        }
        let evaluations = drawn * sampling.evaluations() as f64;
        match self.format {
            Format::Json => println!(
                "{}",
                json!({"schema": "imfl.bench/1", "device": compute.name.to_string(), "workers": compute.workers,
                       "shape": shape, "width": self.width, "batch": self.batch, "shards": shards,
                       "train_images_per_second": trained, "evaluations_per_second": evaluations,
                       "evaluations_per_image": sampling.evaluations(), "images_per_second": drawn})
            ),
            Format::Text => {
                println!("{shape} on {} with {} workers, width {}", compute.name, compute.workers, self.width);
                println!("  training      {trained:>8.1} images/s (batch {} in {shards} parts)", self.batch);
                println!("  evaluations   {evaluations:>8.1} /s");
                println!("  drawing       {drawn:>8.1} images/s at {} evaluations", sampling.evaluations());
            }
        }
        Ok(())
    }
}

/// Two batches' worth of random bytes in ten classes.
fn noise(shape: ImageShape) -> Outcome<Dataset> {
    let count = 256;
    let mut images = vec![0; count * shape.size()];
    keyed(0, Purpose::Benchmark, 0, 0, 0).fill_bytes(&mut images);
    let names = (0..10).map(|class| class.to_string()).collect();
    let labels = (0..count).map(|index| (index % 10) as u16).collect();
    Ok(Dataset::new("noise", shape, names, images, labels)?)
}
