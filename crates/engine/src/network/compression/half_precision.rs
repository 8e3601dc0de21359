use super::Codec;
use crate::random::ChaCha8Rng;
use half::f16;

/// Two bytes a value, IEEE 754 half precision, to the nearest.
pub struct Half;

impl Codec for Half {
    fn bytes(&self, values: usize) -> u64 {
        2 * values as u64
    }

    fn encode(&self, change: &[f32], _: &mut ChaCha8Rng) -> Vec<u8> {
        change.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
    }

    fn decode(&self, bytes: &[u8], values: usize) -> Vec<f32> {
        let pairs = bytes.as_chunks::<2>().0.iter().take(values);
        pairs.map(|pair| f16::from_le_bytes(*pair).to_f32()).collect()
    }
}
