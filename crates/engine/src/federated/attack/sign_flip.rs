//! The client's own update times `-scale`.

use super::adversary::Adversary;
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;

pub struct SignFlip {
    /// How many times longer.
    pub scale: f64,
}

impl Adversary for SignFlip {
    fn strike(&self, hostile: &mut [&mut ClientUpdate], _: &[&[f32]], _: &dyn Fn(u32) -> ChaCha8Rng) {
        let values = hostile.iter_mut().flat_map(|update| &mut update.change);
        values.for_each(|value| *value *= -self.scale as f32);
    }
}
