//! What a client does in a round: epochs of mini-batch gradient descent on its own samples.

use super::Schedule;
use crate::client::{Client, Sample};
use crate::random::{Purpose, keyed};
use rand::seq::SliceRandom;
use std::fmt;
use std::str::FromStr;

/// What keeps clients with different data from drifting apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum LocalAlgorithm {
    /// Nothing: local SGD (McMahan et al. 2017).
    #[default]
    Sgd,
    /// A pull of strength `mu` back to the round's global model: `mu (w - w_0)` joins the gradient (Li et al. 2020,
    /// FedProx, arXiv 1812.06127, equation 2).
    FedProx {
        /// Strength of the pull, at least 0.
        mu: f64,
    },
    /// Control variates: `c - c_k` joins the gradient (Karimireddy et al. 2020, SCAFFOLD, arXiv 1910.06378, algorithm 1
    /// with option II). Every client that ever took part keeps as many values as the model has.
    Scaffold {
        /// Clients that cohorts are drawn from (N).
        population: usize,
    },
}

/// Stochastic gradient descent on a client.
#[derive(Clone, Copy, Debug, PartialEq)]
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
            algorithm: LocalAlgorithm::Sgd,
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
        self.algorithm == LocalAlgorithm::Sgd && self.momentum == 0.0 && self.weight_decay == 0.0
    }

    /// Whether clients keep control variates.
    pub(super) fn has_variates(&self) -> bool {
        matches!(self.algorithm, LocalAlgorithm::Scaffold { .. })
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

/// Text that names no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no local algorithm; expected sgd, fedprox:MU with MU of at least 0, or scaffold")]
pub struct LocalAlgorithmError(String);

impl LocalAlgorithm {
    /// Reads `sgd`, `fedprox:MU` or `scaffold`; SCAFFOLD needs to know how many clients there are.
    ///
    /// # Errors
    /// [`LocalAlgorithmError`] with the text.
    pub fn parse(text: &str, population: usize) -> Result<Self, LocalAlgorithmError> {
        let wrong = || LocalAlgorithmError(text.into());
        match text.split_once(':') {
            None if text == "sgd" => Ok(Self::Sgd),
            None if text == "scaffold" => Ok(Self::Scaffold { population }),
            Some(("fedprox", mu)) => {
                let mu = f64::from_str(mu).ok().filter(|mu| *mu >= 0.0 && mu.is_finite());
                mu.map(|mu| Self::FedProx { mu }).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for LocalAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Sgd => write!(f, "sgd"),
            Self::FedProx { mu } => write!(f, "fedprox:{mu}"),
            Self::Scaffold { .. } => write!(f, "scaffold"),
        }
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
            assert_eq!(LocalAlgorithm::parse(text, 5).unwrap().to_string(), text);
        }
        for wrong in ["", "fedprox", "fedprox:-1", "fedprox:nan", "scaffold:3"] {
            assert!(LocalAlgorithm::parse(wrong, 5).is_err(), "{wrong}");
        }
    }
}
