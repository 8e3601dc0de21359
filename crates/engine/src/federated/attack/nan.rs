//! Values that are no numbers.

use super::adversary::Adversary;
use crate::choice::Entry;
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;
use std::sync::Arc;

pub const ENTRY: Entry<dyn Adversary> =
    Entry { form: "nan", read: |numbers| numbers.is_empty().then(|| Arc::new(NotANumber) as _) };

struct NotANumber;

impl Adversary for NotANumber {
    fn name(&self) -> String {
        "nan".into()
    }

    fn strike(&self, hostile: &mut [&mut ClientUpdate], _: &[&[f32]], _: &dyn Fn(u32) -> ChaCha8Rng) {
        hostile.iter_mut().for_each(|update| update.change.fill(f32::NAN));
    }
}
