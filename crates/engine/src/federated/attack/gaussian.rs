//! Noise without any update in it.

use super::adversary::Adversary;
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;
use rand::RngExt;

pub struct Gaussian {
    pub deviation: f64,
}

impl Adversary for Gaussian {
    fn strike(&self, hostile: &mut [&mut ClientUpdate], _: &[&[f32]], random: &dyn Fn(u32) -> ChaCha8Rng) {
        for update in hostile {
            let mut random = random(update.client);
            let mut draw = || random.sample::<f64, _>(rand_distr::StandardNormal);
            update.change.iter_mut().for_each(|value| *value = (self.deviation * draw()) as f32);
        }
    }
}
