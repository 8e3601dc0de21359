//! Loss and accuracy of a model on a dataset.

use crate::batch::Batch;
use crate::client::{Client, Images, Sample};
use crate::device::Compute;
use crate::layer::Pass;
use crate::model::Model;
use crate::parameters::{Stacked, Weights};
use crate::transfer;
use crate::worker;
use imfl_statistics::argmax;

/// Samples in a batch of an evaluation.
const BATCH: usize = 100;
/// The same on a device with a memory of its own, where each batch costs launches.
const BATCH_APART: usize = 1000;

/// How well a model does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Samples whose class has the highest logit.
    pub correct: usize,
    /// Samples looked at.
    pub samples: usize,
}

impl Evaluation {
    /// Share of samples that were classified correctly, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }
}

/// Evaluates on all authentic samples, without dropout; the result does not depend on the number of workers or ranks.
pub fn evaluate(model: &dyn Model, weights: &Weights, images: &Images, compute: &Compute) -> Evaluation {
    let all = Client::authentic(0, &(0..images.authentic().len() as u32).collect::<Vec<_>>());
    evaluate_clients(model, weights, images, &[&all], compute).remove(0)
}

/// [`evaluate`] with the values where they are, of one client.
pub(super) fn evaluate_stacked(model: &dyn Model, stacked: &Stacked, images: &Images, compute: &Compute) -> Evaluation {
    let all = Client::authentic(0, &(0..images.authentic().len() as u32).collect::<Vec<_>>());
    each(model, stacked, images, &[&all], compute).remove(0)
}

/// Evaluates on each client's own samples, without dropout; the result does not depend on the number of workers or ranks.
pub fn evaluate_clients(
    model: &dyn Model,
    weights: &Weights,
    images: &Images,
    clients: &[&Client],
    compute: &Compute,
) -> Vec<Evaluation> {
    each(model, &Stacked::broadcast(weights, 1, &compute.device), images, clients, compute)
}

fn each(
    model: &dyn Model,
    stacked: &Stacked,
    images: &Images,
    clients: &[&Client],
    compute: &Compute,
) -> Vec<Evaluation> {
    let batch = if transfer::is_apart(&compute.device) { BATCH_APART } else { BATCH };
    let parts: Vec<(usize, &[Sample])> = clients
        .iter()
        .enumerate()
        .flat_map(|(index, client)| client.samples.chunks(batch).map(move |part| (index, part)))
        .collect();
    // Each rank evaluates a part, and all learn what the others found; losses travel as their bits.
    let own = compute.ranks.part(parts.len());
    let here = worker::map(compute.workers, own.len(), |index| {
        evaluate_batch(model, stacked, images, parts[own.start + index].1, compute)
    });
    let mut found = vec![[0; 2]; parts.len()];
    found[own]
        .iter_mut()
        .zip(here)
        .for_each(|(found, (loss, correct))| *found = [loss.to_bits() as i64, correct as i64]);
    compute.ranks.sum(found.as_flattened_mut());
    let mut evaluations = vec![Evaluation { loss: 0.0, correct: 0, samples: 0 }; clients.len()];
    for ((client, part), [loss, correct]) in parts.into_iter().zip(found) {
        let evaluation = &mut evaluations[client];
        evaluation.loss += f64::from_bits(loss as u64);
        evaluation.correct += correct as usize;
        evaluation.samples += part.len();
    }
    evaluations.iter_mut().for_each(|evaluation| evaluation.loss /= evaluation.samples.max(1) as f64);
    evaluations
}

/// Logits of all authentic samples, `[samples, classes]`, without dropout; they do not depend on the number of workers.
pub fn logits(model: &dyn Model, weights: &Weights, images: &Images, compute: &Compute) -> Vec<f32> {
    let stacked = Stacked::broadcast(weights, 1, &compute.device);
    let all = Client::authentic(0, &(0..images.authentic().len() as u32).collect::<Vec<_>>());
    let parts: Vec<&[Sample]> = all.samples.chunks(BATCH).collect();
    let found = worker::map(compute.workers, parts.len(), |index| {
        let batch = Batch::assemble(images, &[parts[index]], parts[index].len(), &compute.device);
        transfer::floats(model.forward(&mut Pass::evaluate(&stacked), batch.inputs))
    });
    found.concat()
}

/// Summed loss and correct classifications of one batch.
fn evaluate_batch(
    model: &dyn Model,
    stacked: &Stacked,
    images: &Images,
    part: &[Sample],
    compute: &Compute,
) -> (f64, usize) {
    let batch = Batch::assemble(images, &[part], part.len(), &compute.device);
    let logits = model.forward(&mut Pass::evaluate(stacked), batch.inputs.clone());
    let [_, rows, classes] = logits.dims();
    // One client has one loss.
    let loss = f64::from(transfer::floats(batch.cross_entropy(logits.clone()))[0]) * rows as f64;
    let logits = transfer::floats(logits);
    let correct = logits.chunks_exact(classes).zip(part).filter(|(row, sample)| argmax(row) == images.label(**sample));
    (loss, correct.count())
}
