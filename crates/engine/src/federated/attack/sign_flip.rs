//! The client's own update times `-scale`.

use super::adversary::Adversary;
use crate::choice::{Entry, positive};
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;
use std::sync::Arc;

pub const ENTRY: Entry<dyn Adversary> = Entry {
    form: "sign-flip[:SCALE]",
    read: |numbers| match numbers {
        [] => Some(Arc::new(SignFlip { scale: 10.0 })),
        [scale] => Some(Arc::new(SignFlip { scale: positive(scale)? })),
        _ => None,
    },
};

struct SignFlip {
    /// How many times longer.
    scale: f64,
}

impl Adversary for SignFlip {
    fn name(&self) -> String {
        format!("sign-flip:{}", self.scale)
    }

    fn strike(&self, hostile: &mut [&mut ClientUpdate], _: &[&[f32]], _: &dyn Fn(u32) -> ChaCha8Rng) {
        let values = hostile.iter_mut().flat_map(|update| &mut update.change);
        values.for_each(|value| *value *= -self.scale as f32);
    }
}
