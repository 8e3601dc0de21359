use super::{Codec, f32_at};
use crate::random::ChaCha8Rng;
use rand::RngExt;

/// One byte a value: 255 steps between the largest value of a block and its negative, rounded up or down at random so that the
/// mean is right (QSGD, Alistarh et al. 2017, arXiv 1610.02132). Each block of 512 values is preceded by its largest, as an f32.
pub struct Quantised;

/// Values that share a scale.
const BLOCK: usize = 512;
/// Steps on one side of zero.
const STEPS: f32 = 127.0;

impl Codec for Quantised {
    fn bytes(&self, values: usize) -> u64 {
        values as u64 + 4 * values.div_ceil(BLOCK) as u64
    }

    fn encode(&self, change: &[f32], random: &mut ChaCha8Rng) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes(change.len()) as usize);
        for block in change.chunks(BLOCK) {
            let finite = block.iter().all(|value| value.is_finite());
            let largest = block.iter().fold(0f32, |most, value| most.max(value.abs()));
            let scale = if finite { largest } else { f32::NAN };
            bytes.extend(scale.to_le_bytes());
            let steps = if scale > 0.0 { STEPS / scale } else { 0.0 };
            bytes.extend(block.iter().map(|value| {
                let exact = value * steps;
                let below = exact.floor();
                // Casts saturate, and turn what is no number into zero.
                (below + f32::from(u8::from(random.random::<f32>() < exact - below))) as i8 as u8
            }));
        }
        bytes
    }

    fn decode(&self, bytes: &[u8], values: usize) -> Vec<f32> {
        let mut change = Vec::with_capacity(values);
        for block in bytes.chunks(BLOCK + 4) {
            let step = f32_at(block, 0) / STEPS;
            change.extend(block[4..].iter().map(|byte| f32::from(*byte as i8) * step));
        }
        change
    }
}
