//! Sums over those who take part, kept as exact integers while clients come and go.

use crate::mode::PerMode;

/// Sums over those who take part. They do not depend on the order in which clients came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many take part in each mode.
    pub players: PerMode<u64>,
    /// Sum of effective samples in millionths: what a price pays for.
    pub effective: i128,
    /// The objective's own sums.
    pub sums: Vec<i128>,
}

impl Tally {
    /// Nobody, for an objective that keeps `width` sums.
    pub fn new(width: usize) -> Tally {
        Tally { players: PerMode::default(), effective: 0, sums: vec![0; width] }
    }
}
