use super::{Codec, f32_at};
use crate::random::ChaCha8Rng;

/// Four bytes a value, as it is.
pub struct Single;

impl Codec for Single {
    fn bytes(&self, values: usize) -> u64 {
        4 * values as u64
    }

    fn encode(&self, change: &[f32], _: &mut ChaCha8Rng) -> Vec<u8> {
        change.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn decode(&self, bytes: &[u8], values: usize) -> Vec<f32> {
        (0..values).map(|place| f32_at(bytes, 4 * place)).collect()
    }

    fn is_exact(&self) -> bool {
        true
    }
}
