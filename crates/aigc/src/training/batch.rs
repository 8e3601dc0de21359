//! What a step learns from: which images, how noisy, shown with their class or without.

use crate::pixels::PixelScale;
use crate::training_config::TrainingConfig;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use imfl_engine::batch::Batch;
use imfl_engine::client::{Images, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::noise::normals;
use imfl_engine::random::{Purpose, key, keyed};
use imfl_engine::transfer::upload;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;
use std::sync::Arc;

/// Images of one shard of a step's batch, with noise for each; all tensors `[1, images, channels, height, width]`.
pub struct Shard {
    /// Clean values y.
    pub clean: Tensor<5>,
    /// Normal noise n of deviation 1.
    pub noise: Tensor<5>,
    /// What each image's noise is multiplied by, sigma.
    pub sigmas: Vec<f64>,
    /// The class of each, or the number of classes where it is shown without.
    pub classes: Vec<usize>,
}

impl Shard {
    /// A factor for each image, in the shape of its values: `[1, images, 1, 1, 1]`.
    pub fn each(&self, factor: impl Fn(f64) -> f64) -> Tensor<5> {
        let factors: Vec<f32> = self.sigmas.iter().map(|sigma| factor(*sigma) as f32).collect();
        let count = factors.len();
        upload(TensorData::new(factors, [1, count, 1, 1, 1]), &self.clean.device())
    }

    /// Noisy values `y + sigma n`.
    pub fn noisy(&self) -> Tensor<5> {
        self.clean.clone() + self.noise.clone() * self.each(|sigma| sigma)
    }
}

/// Which image comes when: pass after pass over the data, each in an order of its own.
#[derive(Debug, Default)]
pub struct Order {
    pass: Option<u64>,
    images: Vec<u32>,
}

impl Order {
    /// The images of a step's batch. Only the last pass is remembered, and any step may be asked for.
    pub fn batch(&mut self, step: u64, config: &TrainingConfig, size: u32) -> Vec<u32> {
        let first = step * config.batch as u64;
        let visits = first..first + config.batch as u64;
        visits.map(|visit| self.image(visit, config.seed, size)).collect()
    }

    fn image(&mut self, visit: u64, seed: u64, size: u32) -> u32 {
        let pass = visit / u64::from(size);
        if self.pass != Some(pass) {
            self.images = (0..size).collect();
            self.images.shuffle(&mut keyed(seed, Purpose::Shuffle, pass, 0, 0));
            self.pass = Some(pass);
        }
        self.images[(visit % u64::from(size)) as usize]
    }
}

/// Draws the shards of any step, whatever came before. Images stay where they are drawn: a GPU is brought them once.
#[derive(Debug)]
pub struct Shards {
    images: Images,
    sigma_data: f32,
}

/// Where the noise itself is among what is drawn while a generator learns.
const NOISE: u64 = 3;

impl Shards {
    pub fn new(data: &Dataset, pixels: &PixelScale) -> Self {
        let images = Images::new(Arc::new(data.clone()), &pixels.normalisation);
        Self { images, sigma_data: pixels.sigma_data as f32 }
    }

    /// One shard of a step's batch, whose images are `batch`; sizes of shards differ by at most one. All that is drawn is keyed by step and
    /// place in the batch.
    pub fn shard(&self, step: u64, batch: &[u32], shard: usize, config: &TrainingConfig, device: &Device) -> Shard {
        let TrainingConfig { seed, noise_mean, noise_deviation, label_dropout, .. } = *config;
        let bound = |shard: usize| shard * config.batch / config.shards;
        let places = bound(shard)..bound(shard + 1);
        let samples: Vec<Sample> = batch[places.clone()].iter().map(|&image| Sample::Authentic(image)).collect();
        let keys: Vec<_> =
            places.clone().map(|place| key(seed, Purpose::Diffusion, NOISE, place as u64, step)).collect();
        let (mut sigmas, mut classes, mut mirrored) = (Vec::new(), Vec::new(), Vec::new());
        for (place, &sample) in places.zip(&samples) {
            let random = &mut keyed(seed, Purpose::Diffusion, 0, place as u64, step);
            sigmas.push((noise_mean + noise_deviation * random.sample::<f64, _>(StandardNormal)).exp());
            let shown = random.random::<f64>() >= label_dropout;
            mirrored.push(config.mirror && random.random::<bool>());
            classes.push(if shown { self.images.label(sample) } else { self.images.authentic().classes() });
        }
        let count = samples.len();
        let batch = Batch::assemble(&self.images, &[&samples], count, device);
        let mut clean = batch.inputs * self.sigma_data;
        if config.mirror {
            let mirrored = Tensor::<5, Bool>::from_data(TensorData::new(mirrored, [1, count, 1, 1, 1]), device);
            let flipped = clean.clone().flip([4]);
            clean = clean.clone().mask_where(mirrored.expand(clean.dims()), flipped);
        }
        let noise = normals(&keys, clean.dims()[2..].iter().product(), device).reshape(clean.dims());
        Shard { clean, noise, sigmas, classes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_shows_every_image_once_and_any_step_can_be_asked_for() {
        let config = TrainingConfig { batch: 7, ..TrainingConfig::default() };
        let mut order = Order::default();
        let shown: Vec<u32> = (0..10).flat_map(|step| order.batch(step, &config, 35)).collect();
        for pass in shown.chunks(35) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..35).collect::<Vec<_>>());
        }
        assert_ne!(shown[..35], shown[35..]);
        assert_eq!(Order::default().batch(6, &config, 35), shown[42..49]);
        assert_eq!(Order::default().batch(0, &config, 3).len(), 7);
    }
}
