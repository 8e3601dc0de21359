//! What a client does in a round: epochs of mini-batch gradient descent on its own samples.

mod algorithm;
mod fedprox;
mod scaffold;
mod schedule;
mod sgd;

pub use algorithm::{ClientAlgorithm, Memory, Step, Trained, Variates};
pub use schedule::Schedule;

use crate::choice::{Entry, Named, Registered, at_least_0, registry};
use crate::client::{Client, Sample};
use crate::random::{Purpose, keyed};
use rand::seq::SliceRandom;
use std::sync::Arc;

/// What keeps clients with different data from drifting apart.
pub type LocalAlgorithm = Named<dyn ClientAlgorithm>;

impl Registered for dyn ClientAlgorithm {
    const THING: &'static str = "local algorithm";
    const LIMITS: &'static str = ", with MU of at least 0";
    const ENTRIES: &'static [Entry<Self>] = registry![
        "sgd": [] => sgd::Sgd,
        "fedprox:MU": [mu] => fedprox::FedProx { mu: at_least_0(mu)? },
        "scaffold": [] => scaffold::Scaffold,
    ];
}

impl Default for LocalAlgorithm {
    fn default() -> Self {
        Self::own("sgd", Arc::new(sgd::Sgd))
    }
}

/// Stochastic gradient descent on a client.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalSgd {
    /// Learning rate.
    pub rate: f64,
    /// How it changes from round to round.
    pub schedule: Schedule,
    /// Passes over the client's samples in a round (local epochs).
    pub epochs: usize,
    /// Samples in a batch.
    pub batch: usize,
    /// Share of the last step that joins the next, in [0, 1); forgotten at the end of a round.
    pub momentum: f64,
    /// Multiple of the weights that joins the gradient, at least 0.
    pub weight_decay: f64,
    /// What keeps clients from drifting apart.
    pub algorithm: LocalAlgorithm,
}

impl Default for LocalSgd {
    /// One epoch in batches of 10 at rate 0.1, the settings of pfl-research's CIFAR-10 benchmark.
    fn default() -> Self {
        Self {
            rate: 0.1,
            schedule: Schedule::Constant,
            epochs: 1,
            batch: 10,
            momentum: 0.0,
            weight_decay: 0.0,
            algorithm: LocalAlgorithm::default(),
        }
    }
}

impl LocalSgd {
    /// Local steps that a client with `samples` samples takes in a round.
    pub fn steps(&self, samples: usize) -> usize {
        self.epochs * samples.div_ceil(self.batch)
    }

    /// The learning rate in `round`, counted from 1.
    pub fn rate_in(&self, round: u64) -> f64 {
        self.rate * self.schedule.factor(round)
    }

    /// Whether a step is nothing but `w - rate * gradient`.
    pub(super) fn is_plain(&self) -> bool {
        self.algorithm.is_plain() && self.momentum == 0.0 && self.weight_decay == 0.0
    }

    /// The samples of every step of a client's round, in order: each epoch is a shuffle of its own, cut into batches.
    pub(super) fn batches(&self, seed: u64, client: &Client, round: u64) -> Vec<Vec<Sample>> {
        let epoch = |epoch: usize| {
            let mut order = client.samples.clone();
            order.shuffle(&mut keyed(seed, Purpose::Shuffle, round, u64::from(client.id), epoch as u64));
            order.chunks(self.batch).map(<[Sample]>::to_vec).collect::<Vec<_>>()
        };
        (0..self.epochs).flat_map(epoch).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_visits_every_sample_once_in_another_order() {
        let client = Client::authentic(3, &(0..23).collect::<Vec<_>>());
        let local = LocalSgd { epochs: 2, batch: 5, ..LocalSgd::default() };
        let batches = local.batches(1, &client, 7);
        assert_eq!(batches.len(), local.steps(23));
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 5, 3, 5, 5, 5, 5, 3]);
        let epoch = |range: std::ops::Range<usize>| batches[range].concat();
        let sorted = |mut samples: Vec<Sample>| {
            samples.sort_by_key(|sample| match sample {
                Sample::Authentic(index) | Sample::Generated(index) => *index,
            });
            samples
        };
        assert_ne!(epoch(0..5), epoch(5..10));
        assert_eq!(sorted(epoch(0..5)), client.samples);
        assert_eq!(sorted(epoch(5..10)), client.samples);
    }

    #[test]
    fn algorithms_are_read_and_written_alike() {
        for text in ["sgd", "fedprox:0.1", "scaffold"] {
            assert_eq!(text.parse::<LocalAlgorithm>().unwrap().to_string(), text);
        }
        for wrong in ["", "fedprox", "fedprox:-1", "fedprox:nan", "scaffold:3"] {
            assert!(wrong.parse::<LocalAlgorithm>().is_err(), "{wrong}");
        }
    }
}
