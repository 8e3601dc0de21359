//! Values that are no numbers.

use super::adversary::Adversary;
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;

pub struct NotANumber;

impl Adversary for NotANumber {
    fn strike(&self, hostile: &mut [&mut ClientUpdate], _: &[&[f32]], _: &dyn Fn(u32) -> ChaCha8Rng) {
        hostile.iter_mut().for_each(|update| update.change.fill(f32::NAN));
    }
}
