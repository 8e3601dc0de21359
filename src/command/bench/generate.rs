//! `imfl bench generate`.

use crate::options::Machine;
use crate::output::{self, Format};
use clap::Args;
use imfl_experiment::bench::generate::{Measured, Setting};
use imfl_run::{Host, Outcome};
use serde_json::json;

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
    pub fn run(self, host: &Host) -> Outcome {
        let Self { side, channels, width, batch, shards, steps, images, repeats, .. } = self;
        let setting = Setting { side, channels, width, batch, shards, steps, images, repeats };
        let compute = self.machine.open()?;
        host.progress.note(format!(
            "training a network of width {width} for {steps} steps and drawing {images} images, {repeats} times"
        ));
        let Measured { shape, shards, trained, drawn, sampling } = setting.measure(&compute)?;
        let evaluations = drawn * sampling.evaluations() as f64;
        match self.format {
            Format::Json => output::print(&json!({
                "schema": "imfl.bench/1", "device": compute.name.to_string(), "workers": compute.workers,
                "shape": shape, "width": width, "batch": batch, "shards": shards,
                "train_images_per_second": trained, "evaluations_per_second": evaluations,
                "evaluations_per_image": sampling.evaluations(), "images_per_second": drawn,
            })),
            Format::Text => output::text(&format!(
                "{shape} on {} with {} workers, width {width}\n  \
                 training      {trained:>8.1} images/s (batch {batch} in {shards} parts)\n  \
                 evaluations   {evaluations:>8.1} /s\n  \
                 drawing       {drawn:>8.1} images/s at {} evaluations\n",
                compute.name,
                compute.workers,
                sampling.evaluations()
            )),
        }
    }
}
