//! The secret that keys coins and noise.
//!
//! Whoever has it can take the noise off. Every draw is addressed by what it is for, so that nothing depends on what was drawn
//! before it, on threads or on processes: a stream of ChaCha20 for each (purpose, round, part).

use crate::{Error, Result};
use chacha20::ChaCha20Rng;
use rand::rngs::SysRng;
use rand::{Rng, SeedableRng, TryRng};
use std::fmt;
use zeroize::Zeroizing;

/// Rounds, or nodes of a tree, that have streams of their own.
const ROUNDS: u32 = 36;
/// Parts of a round that have streams of their own.
const PARTS: u32 = 24;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Draw {
    /// Whether a client takes part in a round; the part is 0.
    Coins = 1,
    /// Noise of a round; the part is a slice of the sum.
    Noise = 2,
    /// Noise of a node of a tree, which takes the place of the round.
    Node = 3,
    /// Noise on the votes about the clipping bound.
    Votes = 4,
}

/// 256 bits from the operating system. It is never shown: not by `Debug`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Draws one.
    ///
    /// # Errors
    /// An operating system without random numbers.
    pub fn draw() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(bytes.as_mut()).map_err(|error| Error::Entropy { problem: error.to_string() })?;
        Ok(Self(bytes))
    }

    /// A secret that everybody can guess, for tests of what is done with one. What is drawn from it protects nobody.
    pub fn known(number: u64) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Self(bytes)
    }

    /// One that was kept.
    ///
    /// # Errors
    /// Another number of bytes than 32.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let bytes =
            bytes.try_into().map_err(|_| Error::parameter("secret", format!("{} bytes", bytes.len()), "32 bytes"));
        Ok(Self(Zeroizing::new(bytes?)))
    }

    /// To be kept, where nobody else reads it.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Random numbers for one use.
    ///
    /// # Panics
    /// A round of 2^36 and above, or a part of 2^24 and above: two uses would draw the same.
    pub fn stream(&self, draw: Draw, round: u64, part: u64) -> ChaCha20Rng {
        assert!(round >> ROUNDS == 0 && part >> PARTS == 0, "round {round}, part {part} have no stream of their own");
        let mut stream = ChaCha20Rng::from_seed(*self.0);
        stream.set_stream(((draw as u64) << (ROUNDS + PARTS)) | (round << PARTS) | part);
        stream
    }

    /// Whether a client takes part in a round: its own coin, which comes up with probability `rate` and does not depend on
    /// who else there is. (A probability in [0, 1], cut down to a multiple of 2^-64.)
    pub fn coin(&self, round: u64, client: u32, rate: f64) -> bool {
        let mut coins = self.stream(Draw::Coins, round, 0);
        // Two words of 32 bits a coin.
        coins.set_word_pos(2 * u128::from(client));
        // 2^64 for a rate of 1, which every coin is below.
        u128::from(coins.next_u64()) < (rate * (u64::MAX as f64)) as u128
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drawn_kept_and_never_shown() {
        let (one, two) = (Secret::draw().unwrap(), Secret::draw().unwrap());
        assert_ne!(one, two);
        assert_eq!(Secret::of(one.bytes()).unwrap(), one);
        assert_eq!(format!("{one:?}"), "Secret(..)");
        assert!(Secret::of(&[1; 31]).unwrap_err().to_string().contains("31 bytes"));
    }

    #[test]
    fn every_use_has_numbers_of_its_own() {
        let first = |number, draw, round, part| Secret::known(number).stream(draw, round, part).next_u64();
        let uses = [
            (1, Draw::Noise, 1, 0),
            (2, Draw::Noise, 1, 0),
            (1, Draw::Coins, 1, 0),
            (1, Draw::Votes, 1, 0),
            (1, Draw::Node, 1, 0),
            (1, Draw::Noise, 2, 0),
            (1, Draw::Noise, 1, 1),
        ];
        let drawn: std::collections::BTreeSet<u64> =
            uses.map(|(number, draw, round, part)| first(number, draw, round, part)).into();
        assert_eq!(drawn.len(), uses.len());
        assert_eq!(first(1, Draw::Noise, 1, 0), first(1, Draw::Noise, 1, 0));
    }

    #[test]
    fn coins_come_up_as_often_as_asked_for_and_each_is_its_clients_own() {
        let secret = Secret::known(7);
        for rate in [0.0, 0.1, 0.5, 1.0] {
            let heads = (0..10_000).filter(|client| secret.coin(3, *client, rate)).count() as f64;
            // Four deviations of a binomial count.
            let allowed = 4.0 * (10_000.0 * rate * (1.0f64 - rate)).sqrt();
            assert!((heads - 10_000.0 * rate).abs() <= allowed, "{rate}: {heads}");
        }
        let rounds = |client| (0..64).map(|round| secret.coin(round, client, 0.5)).collect::<Vec<bool>>();
        assert_ne!(rounds(1), rounds(2));
    }
}
