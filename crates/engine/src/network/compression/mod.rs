//! In which form updates are sent: how many bytes that takes, and what the server gets.

mod half_precision;
mod quantised;
mod single;
mod top_k;

use crate::choice::{Entry, Named, Registered, positive, registry};
use crate::random::ChaCha8Rng;
use std::sync::Arc;

/// A form in which updates are sent.
pub trait Codec: Send + Sync {
    /// Bytes of an update of so many values.
    fn bytes(&self, values: usize) -> u64;

    /// A change as it goes over the line; `random` is for rounding.
    fn encode(&self, change: &[f32], random: &mut ChaCha8Rng) -> Vec<u8>;

    /// What the server makes of it, of so many values; values that were not finite come out as such.
    fn decode(&self, bytes: &[u8], values: usize) -> Vec<f32>;

    /// Whether the server gets exactly what the client has, so that nothing need be encoded to know it.
    fn is_exact(&self) -> bool {
        false
    }

    /// Whether a client adds what was left out to its next update (error feedback, Seide et al. 2014; Stich et al. 2018, arXiv
    /// 1809.07599).
    fn remembers(&self) -> bool {
        false
    }
}

/// A form in which updates are sent, by name.
pub type Compression = Named<dyn Codec>;

impl Registered for dyn Codec {
    const THING: &'static str = "compression";
    const LIMITS: &'static str = ", with a SHARE above 0 and at most 1";
    const ENTRIES: &'static [Entry<Self>] = registry![
        "f32": [] => single::Single,
        "f16": [] => half_precision::Half,
        "q8": [] => quantised::Quantised,
        "top-k:SHARE": [share] => top_k::TopK { share: positive(share).filter(|share| *share <= 1.0)? },
    ];
}

impl Default for Compression {
    fn default() -> Self {
        Self::own("f32", Arc::new(single::Single))
    }
}

/// A number of four bytes.
fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, keyed};
    use proptest::prelude::*;

    const ALL: [&str; 4] = ["f32", "f16", "q8", "top-k:0.25"];

    fn sent(codec: &Compression, change: &[f32]) -> Vec<f32> {
        let bytes = codec.encode(change, &mut keyed(1, Purpose::Rounding, 1, 2, 0));
        assert_eq!(bytes.len() as u64, codec.bytes(change.len()), "{codec}");
        codec.decode(&bytes, change.len())
    }

    proptest! {
        #[test]
        fn what_arrives_is_near_what_was_sent(change in prop::collection::vec(-3f32..3.0, 0..1500)) {
            let largest = change.iter().fold(0f32, |most, value| most.max(value.abs()));
            for (name, within) in [("f32", 0.0), ("f16", largest / 1024.0), ("q8", largest / 127.0 * 1.001), ("top-k:0.25", largest)] {
                let codec: Compression = name.parse().unwrap();
                let arrived = sent(&codec, &change);
                prop_assert_eq!(arrived.len(), change.len());
                for (a, b) in arrived.iter().zip(&change) {
                    prop_assert!((a - b).abs() <= within, "{}: {} for {}", name, a, b);
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_not_hidden() {
        for name in ALL {
            let codec: Compression = name.parse().unwrap();
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let arrived = sent(&codec, &[0.5, bad, 0.25, 0.0, -1.0, 0.0, 0.0, 1.0]);
                assert!(arrived.iter().any(|value| !value.is_finite()), "{name} {bad}");
            }
        }
    }

    #[test]
    fn rounding_to_eight_bits_is_right_on_average() {
        let codec: Compression = "q8".parse().unwrap();
        let change = [1.0f32, 0.3, -0.7, 0.0];
        let mut sums = [0.0f64; 4];
        for draw in 0..4000 {
            let bytes = codec.encode(&change, &mut keyed(1, Purpose::Rounding, draw, 0, 0));
            let arrived = codec.decode(&bytes, 4);
            sums.iter_mut().zip(arrived).for_each(|(sum, value)| *sum += f64::from(value));
        }
        for (sum, value) in sums.iter().zip(change) {
            // A step is 1/127, its deviation at most half of it; five deviations of a mean of 4,000.
            assert!((sum / 4000.0 - f64::from(value)).abs() < 5.0 * 0.5 / 127.0 / 4000f64.sqrt(), "{value}");
        }
    }

    #[test]
    fn the_largest_values_are_sent_and_their_bytes_counted() {
        let codec: Compression = "top-k:0.5".parse().unwrap();
        assert_eq!(sent(&codec, &[0.1, -3.0, 2.0, 0.2]), [0.0, -3.0, 2.0, 0.0]);
        assert_eq!(sent(&codec, &[1.0, 1.0, 1.0, -1.0]), [1.0, 1.0, 0.0, 0.0], "the first of equal ones");
        assert_eq!((codec.bytes(4), codec.bytes(5), codec.bytes(0)), (16, 24, 0));
        let quantised: Compression = "q8".parse().unwrap();
        assert_eq!((quantised.bytes(512), quantised.bytes(513)), (516, 521));
    }

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ALL {
            assert_eq!(name.parse::<Compression>().unwrap().to_string(), name);
        }
        for wrong in ["", "q4", "top-k", "top-k:0", "top-k:1.5", "f32:1"] {
            let problem = wrong.parse::<Compression>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(problem.contains("top-k:SHARE"), "{wrong}: {problem}");
        }
    }
}
