//! What dropout behind an operation is told.

use crate::philox::Draw;
use burn::tensor::{Int, Tensor};

/// The dropout masks of a chunk of clients in one layer and step, each drawn by its client's key ([`crate::philox`]) where its activations are.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Of each client.
    pub keys: Vec<[u32; 2]>,
    /// Where a device draws itself: keys on that device, two words each, and which word is the first client's first.
    pub on_device: Option<(Tensor<1, Int>, usize)>,
    /// How they are used.
    pub draw: Draw,
}

impl Mask {
    /// Drops out of the activations of all clients, one after the other.
    pub(super) fn apply(&self, values: &mut [f32]) {
        let each = values.len() / self.keys.len().max(1);
        for (values, key) in values.chunks_mut(each.max(1)).zip(&self.keys) {
            self.draw.mask(values, *key);
        }
    }
}

/// What an operation is told, and the dropout behind it.
#[derive(Clone, Debug)]
pub struct Masked<T> {
    /// What it is told.
    pub options: T,
    /// Dropout of its output, after what else follows.
    pub mask: Option<Mask>,
}

impl<T> Masked<T> {
    /// Drops out of the output of an operation where it was written, if there is dropout behind it.
    pub(super) fn apply(&self, values: &mut [f32]) {
        if let Some(mask) = &self.mask {
            mask.apply(values);
        }
    }
}

impl<T> From<T> for Masked<T> {
    fn from(options: T) -> Self {
        Self { options, mask: None }
    }
}
