//! Noise without any update in it.

use super::adversary::Adversary;
use crate::choice::{Entry, positive};
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;
use rand::RngExt;
use std::sync::Arc;

pub const ENTRY: Entry<dyn Adversary> = Entry {
    form: "gaussian[:DEVIATION]",
    read: |numbers| match numbers {
        [] => Some(Arc::new(Gaussian { deviation: 1.0 })),
        [deviation] => Some(Arc::new(Gaussian { deviation: positive(deviation)? })),
        _ => None,
    },
};

struct Gaussian {
    deviation: f64,
}

impl Adversary for Gaussian {
    fn name(&self) -> String {
        format!("gaussian:{}", self.deviation)
    }

    fn strike(&self, hostile: &mut [&mut ClientUpdate], _: &[&[f32]], random: &dyn Fn(u32) -> ChaCha8Rng) {
        for update in hostile {
            let mut random = random(update.client);
            let mut draw = || random.sample::<f64, _>(rand_distr::StandardNormal);
            update.change.iter_mut().for_each(|value| *value = (self.deviation * draw()) as f32);
        }
    }
}
