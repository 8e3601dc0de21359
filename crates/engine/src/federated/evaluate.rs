//! Loss and accuracy of a model on a dataset.

use crate::batch::Batch;
use crate::client::{Images, Sample};
use crate::device::Compute;
use crate::layer::Pass;
use crate::model::Model;
use crate::parameters::{Stacked, Weights};
use crate::worker;

/// Images in a batch of an evaluation.
const BATCH: usize = 100;

/// How well a model does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Images whose class has the highest logit.
    pub correct: usize,
    /// Images looked at.
    pub samples: usize,
}

impl Evaluation {
    /// Share of images that were classified correctly, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }
}

/// Evaluates on the authentic images, without dropout; the result does not depend on the number of workers.
pub fn evaluate(model: &dyn Model, weights: &Weights, images: &Images, compute: &Compute) -> Evaluation {
    let samples = images.authentic().len();
    let stacked = Stacked::broadcast(weights, 1, &compute.device);
    let parts = worker::map(compute.workers, samples.div_ceil(BATCH), |index| {
        let range = index * BATCH..samples.min((index + 1) * BATCH);
        let part: Vec<Sample> = range.map(|image| Sample::Authentic(image as u32)).collect();
        let batch = Batch::assemble(images, &[&part], part.len(), &compute.device);
        let logits = model.forward(&mut Pass::evaluate(&stacked), batch.images.clone());
        let [_, rows, classes] = logits.dims();
        let loss = f64::from(batch.cross_entropy(logits.clone()).into_scalar::<f32>()) * rows as f64;
        let data = logits.into_data();
        // Logits of f32 parameters are f32.
        let logits = data.as_slice::<f32>().expect("logits are f32");
        let correct =
            logits.chunks_exact(classes).zip(&part).filter(|(row, sample)| argmax(row) == images.label(**sample));
        (loss, correct.count())
    });
    let (loss, correct) = parts.into_iter().fold((0.0, 0), |(loss, correct), part| (loss + part.0, correct + part.1));
    Evaluation { loss: loss / samples.max(1) as f64, correct, samples }
}

/// The first position of the largest value.
fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &x)| if x > best.1 { (i, x) } else { best }).0
}
