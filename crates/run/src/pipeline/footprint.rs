//! What a run will hold of the host's memory, estimated from its settings before any of it is taken.

use crate::config::RunConfig;
use crate::failure::Outcome;
use crate::memory::{Estimate, Memory};
use crate::progress::Progress;
use imfl_engine::data::Dataset;
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::model::{self, Model};

/// Bytes of a value.
const VALUE: usize = 4;
/// Sets of a model's values that a thread works with: parameters, gradient, what an operation makes of them, the exact sum of
/// updates (two values wide), the update.
const SETS: usize = 6;
/// Values kept for each activation of a forward pass: itself, its gradient, what the backward pass needs, a temporary.
const KEPT: usize = 4;
/// Images in a batch of gradients.
const GRADIENT_BATCH: usize = 50;
/// Classes whose gradients are held at once, beside those of one authentic half.
pub(super) const CLASSES: usize = 16;
/// Gradients that tell the noise of one sample.
const NOISE: usize = 20;
/// A run that will take more than this says so.
const WORTH_SAYING: u64 = 1 << 30;

/// Refuses a run that would take more memory than it may; says what a large one will take.
pub fn check(
    config: &RunConfig,
    train: &Dataset,
    model: &dyn Model,
    compute: &Compute,
    allowed: Memory,
    progress: &Progress,
) -> Outcome {
    let (training, probe) = (&config.training, &config.probe);
    let (values, classes) = (model.layout().size(), train.classes());
    let clients = config.partition.clients;
    let cohort = training.cohort.unwrap_or(clients);
    let workers = compute.workers.min(cohort.max(classes));
    let named = format!("a model of {values} parameters for images of {}", train.shape);
    let smaller = "the size of the images, or take another `training.model`";
    // At a point the gradients of one half's classes and of a group of the others', generated ones in two halves; of every point two vectors.
    let sets = classes.saturating_add(3 * CLASSES).max(NOISE).saturating_add(config.points().saturating_mul(2));
    let images = probe.images_per_class.min(train.len() / 2);
    let robust = !["mean", "clip"].iter().any(|name| training.aggregation.to_string().starts_with(name));
    let kept = if robust { cohort } else { 0 };
    let variates = if training.algorithm.to_string().starts_with("scaffold") { clients } else { 0 };
    let estimate = Estimate::default()
        .with(format!("{named} in the hands of {workers} threads"), &[VALUE, values, SETS, workers + 1], smaller)
        .with(
            format!("gradients of {named}, for each of {classes} classes at {} points", config.points()),
            &[VALUE, values, sets],
            "`probe.points`, the number of classes, or take another `training.model`",
        )
        .with(
            format!("generated images to measure on, {images} a class"),
            &[images, classes, train.shape.size(), 2],
            "`probe.images_per_class`",
        )
        .with(
            "the samples of every step of a round",
            &[16, workers, training.local_epochs(), train.len().div_ceil(clients.max(1))],
            "`training.local_epochs`",
        )
        .with("the plan of all rounds", &[8, training.rounds as usize, cohort], "`training.rounds`")
        .with("the updates that the robust rule compares", &[VALUE, kept, values], "`training.cohort`")
        .with("the control variates of all clients", &[VALUE, variates, values, 2], "`partition.clients`");
    estimate.check(allowed)?;
    // Found out by showing the model one image, which what was estimated so far has room for.
    let on_host = matches!(compute.name, DeviceName::Cpu | DeviceName::NdArray);
    let activations = if on_host { model::trace(model, train.shape, &compute.device).activations as usize } else { 0 };
    let rows = training.batch.min(train.len()).max(GRADIENT_BATCH);
    let estimate = estimate.with(
        format!("batches of {rows} images of {} on {workers} threads", train.shape),
        &[VALUE, KEPT, activations + train.shape.size(), rows, workers, compute.chunk.unwrap_or(1).min(cohort)],
        "`training.batch`, `workers`, or the size of the images",
    );
    estimate.check(allowed)?;
    if estimate.total() > Memory::of(WORTH_SAYING) {
        progress.note(format!("{named}; this will take about {} of memory", estimate.total()));
    }
    Ok(())
}
