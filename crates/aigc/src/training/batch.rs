use super::TrainingConfig;
use crate::checkpoint::Description;
use crate::denoiser::{Denoiser, Preconditioning};
use burn::tensor::{Device, Int, Tensor, TensorData};
use imfl_engine::data::Dataset;
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;
use rand::seq::SliceRandom;
use std::ops::Range;

/// Noisy images and what the network should make of them.
pub struct Examples {
    /// Noisy images, scaled by c_in, `[1, batch, channels, height, width]`.
    pub images: Tensor<5>,
    /// What the network should give, of the same shape.
    pub targets: Tensor<5>,
    /// Features of the noise levels, `[1, batch, 64]`.
    pub noise: Tensor<3>,
    /// Classes, `[1, batch]`.
    pub classes: Tensor<2, Int>,
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

/// Draws the examples of any step, whatever came before.
pub struct Batches<'a> {
    data: &'a Dataset,
    config: &'a TrainingConfig,
    table: Vec<[f32; 256]>,
    conditioning: Preconditioning,
}

impl<'a> Batches<'a> {
    pub fn new(data: &'a Dataset, description: &'a Description) -> Self {
        let conditioning = Preconditioning { sigma_data: description.scale.sigma_data };
        Self { data, config: &description.training, table: description.scale.table(), conditioning }
    }

    /// Places in the batch that belong to a shard; sizes differ by at most one.
    fn places(&self, shard: usize) -> Range<usize> {
        let TrainingConfig { batch, shards, .. } = *self.config;
        shard * batch / shards..(shard + 1) * batch / shards
    }

    /// The examples of one shard of a step's batch, whose images are `batch`.
    pub fn shard(&self, step: u64, batch: &[u32], shard: usize, device: &Device) -> Examples {
        let places = self.places(shard);
        let indices = &batch[places.clone()];
        let shape = self.data.shape;
        let plane = shape.height * shape.width;
        let size = indices.len() * shape.size();
        let (mut images, mut targets) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let (mut sigmas, mut classes) = (Vec::new(), Vec::new());
        for (&index, place) in indices.iter().zip(places) {
            let random = &mut keyed(self.config.seed, Purpose::Diffusion, 0, place as u64, step);
            let normal: f64 = random.sample(rand_distr::StandardNormal);
            let sigma = (self.config.noise_mean + self.config.noise_deviation * normal).exp();
            let shown = random.random::<f64>() >= self.config.label_dropout;
            let mirrored = self.config.mirror && random.random::<bool>();
            let image = self.data.image(index as usize);
            let p = &self.conditioning;
            // The target is a weighted sum of the clean and the noisy value.
            let of_clean = p.target(1.0, 0.0, sigma) as f32;
            let of_noisy = p.target(0.0, 1.0, sigma) as f32;
            let (scale, deviation) = (p.input(sigma) as f32, sigma as f32);
            for place in 0..shape.size() {
                let (row, column) = (place / shape.width, place % shape.width);
                let column = if mirrored { shape.width - 1 - column } else { column };
                let clean = self.table[place / plane][usize::from(image[row * shape.width + column])];
                let noisy = clean + deviation * random.sample::<f32, _>(rand_distr::StandardNormal);
                images.push(scale * noisy);
                targets.push(of_clean * clean + of_noisy * noisy);
            }
            sigmas.push(sigma);
            let label = self.data.label(index as usize);
            classes.push(if shown { label } else { self.data.classes() } as i64);
        }
        let dims = [1, indices.len(), shape.channels, shape.height, shape.width];
        Examples {
            images: Tensor::from_data(TensorData::new(images, dims), device),
            targets: Tensor::from_data(TensorData::new(targets, dims), device),
            noise: Denoiser::noise_features(&sigmas, device),
            classes: Tensor::from_data(TensorData::new(classes, [1, indices.len()]), device),
        }
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
