//! What a step learns from: which images, how noisy, shown with their class or without.

use crate::pixels::PixelScale;
use crate::training_config::TrainingConfig;
use imfl_engine::data::{Dataset, Scale};
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;

/// An image with noise for it.
pub struct Example {
    /// Clean values y, `[channels, height, width]`.
    pub clean: Vec<f32>,
    /// Normal noise n of deviation 1, of the same shape.
    pub noise: Vec<f32>,
    /// What the noise is multiplied by, sigma.
    pub sigma: f64,
    /// Its class, or the number of classes where it is shown without.
    pub class: usize,
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
    pixels: &'a PixelScale,
    scale: Scale,
}

impl<'a> Batches<'a> {
    pub fn new(data: &'a Dataset, config: &'a TrainingConfig, pixels: &'a PixelScale) -> Self {
        Self { data, config, pixels, scale: pixels.scale() }
    }

    /// The examples of one shard of a step's batch, whose images are `batch`; sizes of shards differ by at most one.
    pub fn shard(&self, step: u64, batch: &[u32], shard: usize) -> Vec<Example> {
        let bound = |shard: usize| shard * self.config.batch / self.config.shards;
        (bound(shard)..bound(shard + 1)).map(|place| self.example(step, place, batch[place] as usize)).collect()
    }

    /// The example at one place of a step's batch. All that is drawn is keyed by step and place.
    fn example(&self, step: u64, place: usize, image: usize) -> Example {
        let TrainingConfig { seed, noise_mean, noise_deviation, label_dropout, mirror, .. } = *self.config;
        let random = &mut keyed(seed, Purpose::Diffusion, 0, place as u64, step);
        let sigma = (noise_mean + noise_deviation * random.sample::<f64, _>(StandardNormal)).exp();
        let shown = random.random::<f64>() >= label_dropout;
        let mirrored = mirror && random.random::<bool>();
        let clean = self.values(image, mirrored);
        let noise = (0..clean.len()).map(|_| random.sample(StandardNormal)).collect();
        Example { clean, noise, sigma, class: if shown { self.data.label(image) } else { self.data.classes() } }
    }

    /// An image's values, on request with left and right exchanged.
    fn values(&self, image: usize, mirrored: bool) -> Vec<f32> {
        let mut values = self.pixels.values(self.data, image, &self.scale);
        if mirrored {
            values.chunks_exact_mut(self.data.shape.width).for_each(<[f32]>::reverse);
        }
        values
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
