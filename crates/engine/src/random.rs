//! Random numbers keyed by what they are for.
//!
//! Every generator is a ChaCha8 stream addressed by `(seed, purpose, round, client, step)`: the four numbers are the
//! key, the purpose is the stream. A draw therefore depends on nothing that was drawn before it, nor on the thread that
//! draws, nor on how many threads there are.

use rand::{Rng, SeedableRng};
pub use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is used for. The discriminants are part of the format of saved runs: add, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial parameters of a model.
    Initialisation = 1,
    /// Who holds which sample.
    Partition = 2,
    /// Which clients take part in a round.
    Cohort = 3,
    /// The order in which a client visits its samples.
    Shuffle = 4,
    /// Dropout masks, by [`key`].
    Dropout = 5,
    /// Splitting a dataset into parts.
    Split = 6,
    /// Speed of a client's device relative to this one.
    DeviceSpeed = 7,
    /// Initial noise of a generated image, by [`key`]; what is random about a generated text.
    Latent = 8,
    /// Noise levels and, by [`key`], noise while a generator learns.
    Diffusion = 9,
    /// Which samples of a client give way to generated ones.
    Augmentation = 10,
    /// Samples of a prior over client types.
    Prior = 11,
    /// Which samples a probe of the gradients looks at.
    Probe = 12,
    /// Synthetic data for benchmarks.
    Benchmark = 13,
    /// Which clients drop out of a round or are late.
    Availability = 14,
    /// Who is hostile, and the noise that they send.
    Attack = 15,
    /// Random choices of an experiment that is not part of a run: who takes part, who fails, who lies.
    Experiment = 16,
    /// What connects a client with the server.
    Link = 20,
    /// When a client can be reached.
    Presence = 21,
    /// Which clients a policy asks that chooses itself.
    Dispatch = 22,
    /// Rounding of updates on their way to the server.
    Rounding = 23,
}

/// The generator for one purpose at one place of a run. Use 0 for coordinates that do not apply.
pub fn keyed(seed: u64, purpose: Purpose, round: u64, client: u64, step: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (bytes, value) in key.chunks_exact_mut(8).zip([seed, round, client, step]) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(purpose as u64);
    generator
}

/// The first eight bytes of the stream that [`keyed`] gives: the key of a counter-based generator ([`crate::philox`]), where so many
/// numbers are drawn that they had better be vectors, or drawn on a device.
pub fn key(seed: u64, purpose: Purpose, round: u64, client: u64, step: u64) -> [u32; 2] {
    let bits = keyed(seed, purpose, round, client, step).next_u64();
    [bits as u32, (bits >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coordinate_gives_another_stream() {
        let first = |seed, purpose, round, client, step| keyed(seed, purpose, round, client, step).next_u64();
        let base = first(1, Purpose::Shuffle, 2, 3, 4);
        assert_eq!(base, first(1, Purpose::Shuffle, 2, 3, 4));
        for other in [
            first(2, Purpose::Shuffle, 2, 3, 4),
            first(1, Purpose::Dropout, 2, 3, 4),
            first(1, Purpose::Shuffle, 3, 3, 4),
            first(1, Purpose::Shuffle, 2, 4, 4),
            first(1, Purpose::Shuffle, 2, 3, 5),
            first(1, Purpose::Shuffle, 3, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }
}
