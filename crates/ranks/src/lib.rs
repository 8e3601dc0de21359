//! Ranks: processes that compute one result together.
//!
//! Every rank runs the same program on the same settings and calls the same operations in the same order. Each operation is
//! a meeting of all ranks: nobody leaves it before all have come. Three are enough for the whole project:
//! [`Ranks::barrier`], [`Ranks::sum`] of integers, which is exact in any order, and [`Ranks::gather`].
//!
//! A program that nobody started in parallel is [`Ranks::alone`], where all of this costs nothing. A program that may have been
//! calls [`start`] once and keeps the [`Session`]; tests run ranks as threads by [`together`].
//!
//! ```
//! let sums = imfl_ranks::together(4, |ranks| {
//!     let mut sum = [ranks.rank() as i64];
//!     ranks.sum(&mut sum);
//!     sum[0]
//! });
//! assert_eq!(sums, [6; 4]);
//! ```
#![forbid(unsafe_code)]

mod launcher;
mod share;
mod threads;
mod transport;

pub use launcher::{Connect, Launched, Session, StartError, start};
pub use share::balanced;
pub use threads::{threads, together};
pub use transport::{Local, Transport};

use std::ops::Range;
use std::sync::Arc;

/// Most bytes that a rank contributes to one message: MPI counts in 32 bits.
const PIECE: usize = 1 << 26;

/// This process among those that compute with it.
#[derive(Clone, Debug)]
pub struct Ranks(Arc<dyn Transport>);

impl Default for Ranks {
    fn default() -> Self {
        Self::alone()
    }
}

impl Ranks {
    /// One process without company.
    pub fn alone() -> Self {
        Self(Arc::new(transport::Alone))
    }

    /// Ranks that meet by way of `transport`.
    pub fn over(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// Which of them this is, from 0.
    pub fn rank(&self) -> usize {
        self.0.rank()
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Whether this is rank 0, which alone writes files, draws progress and settles money.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Whether there are others.
    pub fn are_several(&self) -> bool {
        self.size() > 1
    }

    /// This rank among those on the same machine.
    pub fn local(&self) -> Local {
        self.0.local()
    }

    /// Waits until all ranks are here.
    pub fn barrier(&self) {
        self.0.barrier();
    }

    /// Adds up `values` over all ranks, place by place; every rank brings equally many. No sum may leave the range of `i64`.
    pub fn sum(&self, values: &mut [i64]) {
        self.0.sum(values);
    }

    /// What each rank brings, in the order of ranks, on every rank.
    pub fn gather(&self, own: &[u8]) -> Vec<Vec<u8>> {
        if !self.are_several() {
            return vec![own.to_vec()];
        }
        let mut lengths = vec![0; self.size()];
        lengths[self.rank()] = own.len() as i64;
        self.sum(&mut lengths);
        let lengths: Vec<usize> = lengths.into_iter().map(|length| length as usize).collect();
        let mut all: Vec<Vec<u8>> = lengths.iter().map(|&length| Vec::with_capacity(length)).collect();
        let piece = PIECE.min(i32::MAX as usize / self.size());
        let longest = lengths.iter().copied().max().unwrap_or(0);
        for start in (0..longest).step_by(piece) {
            let of = |length: usize| start.min(length)..(start + piece).min(length);
            let counts: Vec<usize> = lengths.iter().map(|&length| of(length).len()).collect();
            let mut rest = &self.0.gather(&own[of(own.len())], &counts)[..];
            for (bytes, count) in all.iter_mut().zip(counts) {
                let (now, later) = rest.split_at(count);
                bytes.extend_from_slice(now);
                rest = later;
            }
        }
        all
    }

    /// The same of numbers, which keep their bits.
    pub fn gather_f32(&self, own: &[f32]) -> Vec<Vec<f32>> {
        let mut bytes = vec![0; 4 * own.len()];
        bytes.as_chunks_mut::<4>().0.iter_mut().zip(own).for_each(|(bytes, value)| *bytes = value.to_le_bytes());
        let numbers =
            |bytes: Vec<u8>| bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        self.gather(&bytes).into_iter().map(numbers).collect()
    }

    /// What rank 0 brings, on every rank; the others bring nothing.
    pub fn from_first(&self, bytes: &[u8]) -> Vec<u8> {
        let own = if self.is_first() { bytes } else { &[] };
        self.gather(own).swap_remove(0)
    }

    /// This rank's part of `count` things in a row: parts are contiguous, in the order of ranks, and differ by one at most.
    pub fn part(&self, count: usize) -> Range<usize> {
        let bound = |rank: usize| count * rank / self.size();
        bound(self.rank())..bound(self.rank() + 1)
    }

    /// Ends all ranks with an exit code, whatever they are doing.
    pub fn abort(&self, code: u8) -> ! {
        self.0.abort(code)
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn alone_is_a_company_of_one() {
        let ranks = Ranks::alone();
        assert!(ranks.is_first() && !ranks.are_several());
        let mut values = [3, -4];
        ranks.sum(&mut values);
        ranks.barrier();
        assert_eq!(values, [3, -4]);
        assert_eq!(ranks.gather(b"own"), [b"own"]);
        assert_eq!(ranks.from_first(b"own"), b"own");
        assert_eq!(ranks.part(7), 0..7);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_rank_sees_the_same_whole(
            brought in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..6),
            numbers in prop::collection::vec(-1000i64..1000, 3),
        ) {
            let size = brought.len();
            let results = together(size, |ranks| {
                let mut sums = numbers.clone();
                sums[1] *= ranks.rank() as i64;
                ranks.sum(&mut sums);
                let own: Vec<f32> = brought[ranks.rank()].iter().map(|byte| f32::from(*byte) / 3.0).collect();
                for (rank, numbers) in ranks.gather_f32(&own).into_iter().enumerate() {
                    assert!(numbers.into_iter().eq(brought[rank].iter().map(|byte| f32::from(*byte) / 3.0)));
                }
                (ranks.gather(&brought[ranks.rank()]), sums, ranks.from_first(&brought[ranks.rank()]), ranks.part(10))
            });
            let places: Vec<usize> = results.iter().flat_map(|(_, _, _, part)| part.clone()).collect();
            prop_assert_eq!(places, (0..10).collect::<Vec<_>>());
            for (all, sums, first, _) in results {
                prop_assert_eq!(&all, &brought);
                prop_assert_eq!(first, brought[0].clone());
                let ranks = size as i64;
                prop_assert_eq!(sums, [numbers[0] * ranks, numbers[1] * (ranks * (ranks - 1) / 2), numbers[2] * ranks]);
            }
        }
    }
}
