//! Who holds which sample.
//!
//! A scheme says how many samples each client holds (equal, or `quantity:ALPHA`) and how its labels are skewed
//! (`iid`, `dirichlet:ALPHA`, `shards:N`); the two combine, as in `dirichlet:0.5+quantity:2`.

mod labels;
mod sizes;

use crate::choice::{Choice, as_text};
use crate::data::Dataset;
use crate::random::{Purpose, keyed};
use std::fmt;

/// How the labels of clients differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LabelSkew {
    /// Every client draws from the whole.
    Iid,
    /// Each client's label shares are drawn from a symmetric Dirichlet distribution (Hsu et al. 2019): the smaller
    /// `alpha`, the fewer classes dominate a client.
    Dirichlet {
        /// Concentration, above zero.
        alpha: f64,
    },
    /// Samples sorted by label are cut into equal shards, and each client gets `per_client` of them (McMahan et al. 2017).
    Shards {
        /// Shards for each client: about the number of classes that it sees.
        per_client: usize,
    },
}

/// A way to share a dataset out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheme {
    /// How labels differ between clients.
    pub labels: LabelSkew,
    /// If given, client sizes are drawn from a symmetric Dirichlet distribution of this concentration; else all are equal.
    pub quantity: Option<f64>,
}

/// Why a dataset cannot be shared out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PartitionError {
    /// A concentration that no Dirichlet distribution has.
    #[error("`{scheme}`: the concentration must be a number above zero, not {alpha}")]
    Concentration {
        /// The part of the scheme.
        scheme: &'static str,
        /// What was given.
        alpha: f64,
    },
    /// No client, or none could get a sample.
    #[error("{clients} clients cannot share {samples} samples: each needs at least {least}")]
    TooManyClients {
        /// Clients asked for.
        clients: usize,
        /// Samples there are.
        samples: usize,
        /// Samples (or shards) that each needs.
        least: usize,
    },
    /// There has to be somebody.
    #[error("the number of clients must be at least 1")]
    NoClients,
    /// Shards that hold nobody's samples.
    #[error("shards:{0}: each client needs at least one shard")]
    NoShards(usize),
    /// Shards are equal by definition.
    #[error("shards have equal sizes and cannot be combined with quantity skew")]
    ShardsWithQuantity,
}

impl Scheme {
    /// Shares the samples of `data` among `clients`; every client gets at least one and every sample one client.
    /// Returns the indices of each client's samples in increasing order.
    ///
    /// # Errors
    /// [`PartitionError`] for a concentration that is not above zero, or more clients than samples.
    pub fn partition(&self, data: &Dataset, clients: usize, seed: u64) -> Result<Vec<Vec<u32>>, PartitionError> {
        self.check(data.len(), clients)?;
        let sizes = match self.quantity {
            None => sizes::equal(data.len(), clients),
            Some(alpha) => sizes::dirichlet(data.len(), clients, alpha, &mut keyed(seed, Purpose::Partition, 0, 0, 0)),
        };
        let mut random = keyed(seed, Purpose::Partition, 1, 0, 0);
        let mut shares = match self.labels {
            LabelSkew::Iid => labels::iid(data.len(), &sizes, &mut random),
            LabelSkew::Dirichlet { alpha } => labels::dirichlet(data, &sizes, alpha, seed),
            LabelSkew::Shards { per_client } => labels::shards(data, clients, per_client, &mut random),
        };
        shares.iter_mut().for_each(|share| share.sort_unstable());
        Ok(shares)
    }

    fn check(&self, samples: usize, clients: usize) -> Result<(), PartitionError> {
        let concentration = |scheme, alpha: f64| match alpha.is_finite() && alpha > 0.0 {
            true => Ok(()),
            false => Err(PartitionError::Concentration { scheme, alpha }),
        };
        if clients == 0 {
            return Err(PartitionError::NoClients);
        }
        let least = match self.labels {
            LabelSkew::Iid => 1,
            LabelSkew::Dirichlet { alpha } => concentration("dirichlet", alpha).map(|()| 1)?,
            LabelSkew::Shards { per_client: 0 } => return Err(PartitionError::NoShards(0)),
            LabelSkew::Shards { .. } if self.quantity.is_some() => return Err(PartitionError::ShardsWithQuantity),
            LabelSkew::Shards { per_client } => per_client,
        };
        self.quantity.map_or(Ok(()), |alpha| concentration("quantity", alpha))?;
        match clients.checked_mul(least).is_some_and(|needed| needed <= samples) {
            true => Ok(()),
            false => Err(PartitionError::TooManyClients { clients, samples, least }),
        }
    }
}

impl Choice for Scheme {
    const THING: &'static str = "partition";
    const LIMITS: &'static str = ", or two joined by +";

    fn forms() -> Vec<&'static str> {
        vec!["iid", "dirichlet:ALPHA", "shards:N", "quantity:ALPHA"]
    }

    fn named(text: &str) -> Option<Self> {
        let mut scheme = Self { labels: LabelSkew::Iid, quantity: None };
        for part in text.split('+') {
            let (name, value) = part.split_once(':').unwrap_or((part, ""));
            match name.trim() {
                "iid" if value.is_empty() => scheme.labels = LabelSkew::Iid,
                "dirichlet" => scheme.labels = LabelSkew::Dirichlet { alpha: value.parse().ok()? },
                "shards" => scheme.labels = LabelSkew::Shards { per_client: value.parse().ok()? },
                "quantity" => scheme.quantity = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(scheme)
    }
}

as_text!([] Scheme);

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.labels {
            LabelSkew::Iid => write!(f, "iid")?,
            LabelSkew::Dirichlet { alpha } => write!(f, "dirichlet:{alpha}")?,
            LabelSkew::Shards { per_client } => write!(f, "shards:{per_client}")?,
        }
        self.quantity.map_or(Ok(()), |alpha| write!(f, "+quantity:{alpha}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use proptest::prelude::*;

    fn data(samples: usize, classes: u16) -> Dataset {
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let names = (0..classes).map(|class| class.to_string()).collect();
        Dataset::new("t", shape, names, vec![0; samples], (0..samples).map(|i| i as u16 % classes).collect()).unwrap()
    }

    /// Mean over clients of half the distance between the client's label shares and the whole's.
    fn skew(data: &Dataset, shares: &[Vec<u32>]) -> f64 {
        let classes = data.classes();
        let of = |share: &Vec<u32>| {
            let mut counts = vec![0.0; classes];
            share.iter().for_each(|&index| counts[data.label(index as usize)] += 1.0 / share.len() as f64);
            counts.iter().map(|p| (p - 1.0 / classes as f64).abs()).sum::<f64>() / 2.0
        };
        shares.iter().map(of).sum::<f64>() / shares.len() as f64
    }

    #[test]
    fn a_smaller_concentration_skews_more() {
        let data = data(10_000, 10);
        let of = |text: &str| skew(&data, &text.parse::<Scheme>().unwrap().partition(&data, 20, 3).unwrap());
        let (iid, mild, strong) = (of("iid"), of("dirichlet:10"), of("dirichlet:0.1"));
        assert!(iid < 0.1 && iid < mild && mild < strong && strong > 0.6, "{iid} {mild} {strong}");
    }

    #[test]
    fn shards_bound_the_classes_of_a_client() {
        let data = data(1000, 10);
        for share in "shards:2".parse::<Scheme>().unwrap().partition(&data, 50, 3).unwrap() {
            let mut labels: Vec<usize> = share.iter().map(|&index| data.label(index as usize)).collect();
            labels.sort_unstable();
            labels.dedup();
            assert!(labels.len() <= 2);
        }
    }

    #[test]
    fn what_cannot_be_shared_says_why() {
        let data = data(10, 2);
        let problem = |text: &str, clients| match text.parse::<Scheme>() {
            Ok(scheme) => scheme.partition(&data, clients, 0).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(problem("iid", 11).contains("11 clients cannot share 10 samples"));
        assert!(problem("iid", 0).contains("at least 1"));
        assert!(problem("dirichlet:0", 2).contains("above zero, not 0"));
        assert!(problem("dirichlet:-1", 2).contains("above zero"));
        assert!(problem("quantity:NaN", 2).contains("above zero"));
        assert!(problem("shards:3", 4).contains("each needs at least 3"));
        assert!(problem("shards:0", 4).contains("at least one shard"));
        assert!(problem("shards:2+quantity:1", 2).contains("cannot be combined"));
        assert!(problem("dirichle:1", 2).contains("`dirichle:1` is no partition"));
    }

    proptest! {
        #[test]
        fn every_sample_goes_to_exactly_one_client_and_none_is_empty(
            samples in 1usize..300, classes in 1u16..12, clients in 1usize..40, seed: u64, kind in 0usize..5,
        ) {
            prop_assume!(clients * 2 <= samples);
            let data = data(samples, classes);
            let text = ["iid", "dirichlet:0.05", "shards:2", "quantity:0.1", "dirichlet:1+quantity:1"][kind];
            let scheme: Scheme = text.parse().unwrap();
            let shares = scheme.partition(&data, clients, seed).unwrap();
            prop_assert_eq!(shares.len(), clients);
            prop_assert!(shares.iter().all(|share| !share.is_empty()));
            let mut all = shares.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..samples as u32).collect::<Vec<_>>());
            prop_assert_eq!(scheme.partition(&data, clients, seed).unwrap(), shares);
            prop_assert_eq!(scheme.to_string().parse::<Scheme>().unwrap(), scheme);
        }
    }
}
