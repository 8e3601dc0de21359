//! How ranks reach each other.

use std::fmt::Debug;

/// What [`Ranks`](crate::Ranks) needs of a way to reach other processes. Every operation is called by all ranks in the same
/// order.
pub trait Transport: Debug + Send + Sync {
    /// Which rank this is, from 0.
    fn rank(&self) -> usize;
    /// How many there are.
    fn size(&self) -> usize;
    /// This rank among those on the same machine.
    fn local(&self) -> Local;
    /// Waits for all.
    fn barrier(&self);
    /// Adds up over all ranks, place by place.
    fn sum(&self, values: &mut [i64]);
    /// The bytes of all ranks, one after the other. Rank `r` brings `counts[r]` of them.
    fn gather(&self, own: &[u8], counts: &[usize]) -> Vec<u8>;
    /// Ends all ranks.
    fn abort(&self, code: u8) -> !;
}

/// A rank among those on the same machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Which of them it is, from 0.
    pub rank: usize,
    /// How many there are on this machine.
    pub size: usize,
    /// How many of them, this one included, may run on the cores that this one may run on.
    pub sharing: usize,
}

impl Local {
    /// The only one on its machine.
    pub const ALONE: Self = Self { rank: 0, size: 1, sharing: 1 };
}

/// No company.
#[derive(Debug)]
pub(crate) struct Alone;

impl Transport for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn local(&self) -> Local {
        Local::ALONE
    }

    fn barrier(&self) {}

    fn sum(&self, _: &mut [i64]) {}

    fn gather(&self, own: &[u8], _: &[usize]) -> Vec<u8> {
        own.to_vec()
    }

    fn abort(&self, code: u8) -> ! {
        std::process::exit(i32::from(code))
    }
}
