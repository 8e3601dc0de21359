//! DP-FTRL: noise that is correlated over rounds, for cohorts that cannot be sampled at random.
//!
//! The server releases, round after round, sums over all rounds so far. Written as a matrix product A = B C of the
//! prefix sums' lower triangle, it adds noise to C times the rounds' sums and multiplies by B, which reveals
//! nothing further. One Gaussian release covers the whole training: how far one client can move C times the sums is
//! the factorisation's [sensitivity](Tree::sensitivity), and it depends on how often he may take part and how far
//! apart. Nothing has to be sampled; that clients keep to their [`Participation`] has to be enforced.
//!
//! [`Tree`] is the binary tree of Kairouz et al. 2021, whose noise stays whole numbers and so takes the discrete
//! Gaussian. [`Banded`] is the banded Toeplitz matrix of Choquette-Choo et al. 2023, with less noise for the same
//! promise. Its C has fractions: with integer noise the exact promise needs coefficients rounded to a fixed point
//! (C times 2^s, rounded, is the matrix to ask the sensitivity of) and C times the sums as what is released.

mod banded;
mod tree;

pub use banded::Banded;
pub use tree::{Node, Tree};

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How often a client takes part: at most `most` times, with at least `separation` rounds from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Participation {
    /// The least difference of two of his rounds.
    pub separation: u64,
    /// The most rounds in which he takes part.
    pub most: u64,
}

impl Participation {
    /// Once in a training.
    pub const ONCE: Self = Self { separation: 1, most: 1 };

    /// How many times a client can really take part in so many rounds.
    fn times(&self, rounds: u64) -> Result<u64> {
        if self.separation == 0 {
            return Err(Error::parameter("separation", 0, "at least 1 round"));
        }
        if self.most == 0 {
            return Err(Error::parameter("most", 0, "at least once"));
        }
        Ok(self.most.min(rounds.div_ceil(self.separation)))
    }
}

/// The most that a sum of columns of C can be in square, over all sets of columns that a client may take part in, by
/// trying all: what the formulas are held against.
#[cfg(test)]
fn squared_by_trial(columns: &[Vec<f64>], participation: Participation) -> f64 {
    fn extend(columns: &[Vec<f64>], from: usize, left: u64, separation: usize, sum: &[f64], best: &mut f64) {
        *best = best.max(sum.iter().map(|x| x * x).sum());
        if left > 0 {
            for k in from..columns.len() {
                let next: Vec<f64> = sum.iter().zip(&columns[k]).map(|(a, b)| a + b).collect();
                extend(columns, k + separation, left - 1, separation, &next, best);
            }
        }
    }
    let mut best = 0.0;
    extend(columns, 0, participation.most, participation.separation as usize, &vec![0.0; columns[0].len()], &mut best);
    best
}
