//! What leaves the server in a private round: the sum with its noise, and the votes with theirs.

use super::Correlation;
use crate::worker;
use imfl_kernel::mean::UNIT;
use imfl_privacy::ftrl::Node;
use imfl_privacy::noise::DiscreteGaussian;
use imfl_privacy::secret::{Draw, Secret};

/// Values that share a stream of random numbers.
const SLICE: usize = 1 << 16;

/// The noise of a round, and what its sum is divided by.
pub(in crate::federated) struct Release {
    /// The round, from 1.
    pub round: u64,
    /// The clipping bound.
    pub clip: f64,
    /// The same in units of 2^-40.
    pub bound: u64,
    pub(super) gaussian: DiscreteGaussian,
    pub(super) votes: Option<DiscreteGaussian>,
    pub(super) correlation: Correlation,
    pub(super) secret: Secret,
    pub(super) expected: f64,
}

/// A term of a round's noise: added, or taken away again.
struct Term {
    draw: Draw,
    at: u64,
    sign: i64,
}

impl Release {
    /// The mean change: sums in units of 2^-40 get their noise and are divided by the expected cohort. The same for any number
    /// of workers.
    pub fn mean(&self, sums: &[i64], workers: usize) -> Vec<f64> {
        let terms = self.terms();
        let slices: Vec<&[i64]> = sums.chunks(SLICE).collect();
        let scale = UNIT / self.expected;
        let noised = worker::map(workers, slices.len(), |slice| {
            let mut values = slices[slice].to_vec();
            for Term { draw, at, sign } in &terms {
                let mut random = self.secret.stream(*draw, *at, slice as u64);
                for value in &mut values {
                    // Sums are at most 2^62 and deviations 2^54 by the limits of `Private`: 64 bits hold them but for noise of
                    // over 256 deviations. Arithmetic modulo 2^64 is a function of the exact sum, so that even then nothing
                    // more is told.
                    *value = value.wrapping_add(sign * self.gaussian.sample(&mut random));
                }
            }
            values.into_iter().map(|value| value as f64 * scale).collect::<Vec<f64>>()
        });
        noised.concat()
    }

    /// The sum of votes with its noise; 0 where nobody votes.
    pub fn votes(&self, votes: i64) -> i64 {
        let noise = |gaussian: &DiscreteGaussian| gaussian.sample(&mut self.secret.stream(Draw::Votes, self.round, 0));
        self.votes.as_ref().map_or(0, |gaussian| votes.saturating_add(noise(gaussian)))
    }

    /// What the noise of this round is made of. Under a tree the noise of all rounds so far is that of the prefix's nodes: this
    /// round brings the node that ends with it, and takes away those that it is made of.
    fn terms(&self) -> Vec<Term> {
        match self.correlation {
            Correlation::Independent => vec![Term { draw: Draw::Noise, at: self.round, sign: 1 }],
            Correlation::Tree(tree) => {
                let nodes = |round| tree.prefix(round).collect::<Vec<Node>>();
                let (before, now) = (nodes(self.round - 1), nodes(self.round));
                let only = |nodes: &[Node], others: &[Node], sign| {
                    let term =
                        |node: &Node| Term { draw: Draw::Node, at: (node.index << 6) | u64::from(node.level), sign };
                    nodes.iter().filter(|node| !others.contains(node)).map(term).collect::<Vec<Term>>()
                };
                only(&now, &before, 1).into_iter().chain(only(&before, &now, -1)).collect()
            }
        }
    }
}
