use super::error::QualityError;
use super::features::Features;
use crate::optimizer::{AdamW, flat_gradient, sharded};
use burn::tensor::Tensor;
use imfl_engine::batch::Batch;
use imfl_engine::client::{Images, Sample};
use imfl_engine::data::{Dataset, Normalisation};
use imfl_engine::device::Compute;
use imfl_engine::layer::{Keys, Pass};
use imfl_engine::model::{Architecture, Model};
use imfl_engine::parameters::{Stacked, Weights};
use imfl_engine::random::{Purpose, keyed};
use imfl_engine::transfer::floats;
use imfl_engine::worker;
use imfl_statistics::argmax;
use rand::seq::SliceRandom;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Images in a batch of an evaluation.
const BATCH: usize = 100;

/// How a [`Classifier`] learns.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifierConfig {
    /// The model.
    pub architecture: Architecture,
    /// Passes over the images.
    pub epochs: usize,
    /// Images of a step.
    pub batch: usize,
    /// AdamW's first rate; it falls to zero along half a cosine.
    pub learning_rate: f64,
    /// Seed of initial weights, order of images and dropout.
    pub seed: u64,
}

impl Default for ClassifierConfig {
    fn default() -> Self {
        Self { architecture: Architecture::SimpleCnn, epochs: 8, batch: 64, learning_rate: 1e-3, seed: 0 }
    }
}

/// A model trained on all images of a dataset in one place: the eyes of the quality measures.
#[derive(Clone)]
pub struct Classifier {
    model: Arc<dyn Model>,
    weights: Weights,
    normalisation: Normalisation,
}

impl Classifier {
    /// Parts of a batch whose gradients are computed apart. Fixed, so that the weights do not depend on the workers.
    const SHARDS: usize = 4;

    /// Trains on a dataset. `observe(step, steps)` hears of every step and may stop it there.
    ///
    /// # Errors
    /// [`QualityError::TooFew`] without images, [`QualityError::Mismatch`] if the model cannot take them or diverges.
    pub fn train(
        data: &Arc<Dataset>,
        config: &ClassifierConfig,
        compute: &Compute,
        mut observe: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Self, QualityError> {
        if data.is_empty() {
            return Err(QualityError::TooFew {
                measure: "a classifier",
                which: "training images",
                needed: 1,
                found: 0,
            });
        }
        let mismatch = |error: &dyn std::fmt::Display| QualityError::Mismatch(error.to_string());
        let model =
            config.architecture.build_for(&data.kind, data.shape, data.classes()).map_err(|error| mismatch(&error))?;
        let normalisation = data.normalisation();
        let images = Images::new(data.clone(), &normalisation);
        let weights = Weights::initialise(model.layout().clone(), config.seed);
        let mut state = AdamW::new(weights);
        let batch = config.batch.max(1);
        let steps = (config.epochs * data.len().div_ceil(batch)) as u64;
        let mut step = 0;
        for epoch in 0..config.epochs {
            let mut order: Vec<Sample> = (0..data.len() as u32).map(Sample::Authentic).collect();
            order.shuffle(&mut keyed(config.seed, Purpose::Shuffle, epoch as u64, 0, 0));
            for samples in order.chunks(batch) {
                let gradient = gradient(model.as_ref(), &state.weights, &images, samples, config.seed, step, compute);
                if gradient.iter().any(|value| !value.is_finite()) {
                    return Err(QualityError::Mismatch(format!("the classifier of {} diverged", data.name)));
                }
                let rate =
                    0.5 * config.learning_rate * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
                step += 1;
                state.step(&gradient, step, rate, 1e-4);
                if observe(step, steps).is_break() {
                    return Ok(Self { model, weights: state.weights, normalisation });
                }
            }
        }
        Ok(Self { model, weights: state.weights, normalisation })
    }

    /// The last hidden activations of every image.
    pub fn features(&self, data: &Arc<Dataset>, compute: &Compute) -> Features {
        let rows = self.over(data, compute, |pass, images| self.model.features(pass, images));
        let dimension = rows.first().map_or(1, |row| row.len().max(1));
        let values = rows.into_iter().flatten().map(f64::from).collect();
        // All rows come from one model, so they are of one length.
        Features::from_rows(dimension, values).expect("rows of one length")
    }

    /// The most likely class of every image.
    pub fn predict(&self, data: &Arc<Dataset>, compute: &Compute) -> Vec<usize> {
        let logits = self.over(data, compute, |pass, images| self.model.forward(pass, images));
        logits.iter().map(|row| argmax(row)).collect()
    }

    /// Share of images whose label is the most likely class; 0 of none.
    pub fn accuracy(&self, data: &Arc<Dataset>, compute: &Compute) -> f64 {
        let predicted = self.predict(data, compute);
        let correct = predicted.iter().enumerate().filter(|(index, class)| data.label(*index) == **class).count();
        correct as f64 / predicted.len().max(1) as f64
    }

    /// Applies a part of the model to every image, one row an image.
    fn over(
        &self,
        data: &Arc<Dataset>,
        compute: &Compute,
        apply: impl Fn(&mut Pass, Tensor<5>) -> Tensor<3> + Sync,
    ) -> Vec<Vec<f32>> {
        let images = Images::new(data.clone(), &self.normalisation);
        let stacked = Stacked::broadcast(&self.weights, 1, &compute.device);
        let parts = worker::map(compute.workers, data.len().div_ceil(BATCH), |part| {
            let range = part * BATCH..data.len().min((part + 1) * BATCH);
            let samples: Vec<Sample> = range.map(|index| Sample::Authentic(index as u32)).collect();
            let batch = Batch::assemble(&images, &[&samples], samples.len(), &compute.device);
            let out = apply(&mut Pass::evaluate(&stacked), batch.inputs);
            let width = out.dims()[2];
            floats(out).chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect::<Vec<_>>()
        });
        parts.into_iter().flatten().collect()
    }
}

/// The gradient of the mean cross-entropy of a batch, summed over shards in a fixed order.
fn gradient(
    model: &dyn Model,
    weights: &Weights,
    images: &Images,
    samples: &[Sample],
    seed: u64,
    step: u64,
    compute: &Compute,
) -> Vec<f32> {
    let device = compute.device.clone().autodiff();
    let stacked = Stacked::broadcast(weights, 1, &compute.device);
    let shards: Vec<&[Sample]> = samples.chunks(samples.len().div_ceil(Classifier::SHARDS)).collect();
    let (_, gradient) = sharded(compute.workers, shards.len(), |shard| {
        let leaves = stacked.leaves();
        let batch = Batch::assemble(images, &[shards[shard]], shards[shard].len(), &device);
        let keys = Keys::new(seed, 0, &[shard as u32], step..step + 1, &compute.device);
        let logits = model.forward(&mut Pass::train(&leaves, keys.step(0)), batch.inputs.clone());
        let share = shards[shard].len() as f32 / samples.len() as f32;
        flat_gradient(&leaves, batch.cross_entropy(logits).sum() * share)
    });
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;

    /// Dark images with a bright row, whose place is the class.
    fn rows(count: usize, noise: u64) -> Arc<Dataset> {
        let shape = ImageShape { channels: 1, height: 6, width: 6 };
        let pixel = |index: usize, place: usize| {
            let dark = (index as u64 * 31 + place as u64 * 17 + noise) % 90;
            if place / 6 == 2 * (index % 3) { 200 } else { dark as u8 }
        };
        let images = (0..count).flat_map(|index| (0..36).map(move |place| pixel(index, place))).collect();
        let names = (0..3).map(|class| class.to_string()).collect();
        Arc::new(Dataset::new("rows", shape, names, images, (0..count).map(|i| (i % 3) as u16).collect()).unwrap())
    }

    fn config() -> ClassifierConfig {
        ClassifierConfig { architecture: Architecture::Mlp, epochs: 4, batch: 10, ..ClassifierConfig::default() }
    }

    #[test]
    fn it_learns_and_no_bit_depends_on_the_workers() {
        let compute = |workers| Compute { workers, ..Compute::cpu() };
        let data = rows(60, 0);
        let train =
            |workers| Classifier::train(&data, &config(), &compute(workers), |_, _| ControlFlow::Continue(())).unwrap();
        let (one, many) = (train(1), train(3));
        assert_eq!(one.weights, many.weights);
        assert_eq!(one.accuracy(&rows(150, 5), &compute(2)), 1.0);
        let features = one.features(&rows(150, 5), &compute(2));
        assert_eq!((features.len(), features.dimension()), (150, 200));
    }

    #[test]
    fn no_images_and_impossible_images_say_why() {
        let compute = Compute::cpu();
        let train = |data: Dataset, config: &ClassifierConfig| {
            Classifier::train(&Arc::new(data), config, &compute, |_, _| ControlFlow::Continue(())).err().unwrap()
        };
        assert!(train(rows(3, 0).select(&[]), &config()).to_string().contains("at least 1 training"));
        let tiny =
            Dataset::new("t", ImageShape { channels: 1, height: 2, width: 2 }, vec!["0".into()], vec![0; 4], vec![0]);
        assert!(train(tiny.unwrap(), &ClassifierConfig::default()).to_string().contains("simple-cnn"));
    }
}
