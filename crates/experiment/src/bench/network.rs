//! How long a round takes on many nodes: compute, imbalance, and one exchange.
//!
//! The exchange is modelled as the all-reduce of Rabenseifner (2004): twice log2 N messages that pay the latency, and twice
//! (N - 1)/N of the data through every node's link.

use imfl_engine::random::{Purpose, keyed};
use imfl_ranks::balanced;
use rand::RngExt;
use rand_distr::LogNormal;

/// What a message costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Seconds before the first byte arrives.
    pub latency: f64,
    /// Seconds of each byte.
    pub per_byte: f64,
}

/// What a round is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Seconds of a node for one client.
    pub client: f64,
    /// Seconds of every node whatever the clients: the server's step, and what precedes it.
    pub fixed: f64,
    /// Parameters of the model.
    pub parameters: usize,
}

/// Deviation of the logarithm of clients' sizes in what is predicted: one client in six has twice the median or more.
const RAGGED: f64 = 0.7;

impl Network {
    /// The network on which `ranks` ranks took these seconds for these bytes, each measurement counting by its relative error.
    /// Neither constant is below zero.
    pub fn fit(ranks: usize, measured: &[(f64, f64)]) -> Self {
        // seconds = a + b bytes, weighted by 1 / seconds^2.
        let sum = |of: &dyn Fn(f64, f64) -> f64| measured.iter().map(|&(x, y)| of(x, y) / (y * y)).sum::<f64>();
        let (w, x, y) = (sum(&|_, _| 1.0), sum(&|x, _| x), sum(&|_, y| y));
        let (xx, xy) = (sum(&|x, _| x * x), sum(&|x, y| x * y));
        let slope = ((w * xy - x * y) / (w * xx - x * x)).max(0.0);
        let start = ((y - slope * x) / w).max(0.0);
        let (messages, share) = steps(ranks);
        Self { latency: start / messages, per_byte: slope / share }
    }

    /// Seconds of an all-reduce of so many bytes.
    pub fn all_reduce(&self, nodes: usize, bytes: f64) -> f64 {
        let (messages, share) = steps(nodes);
        messages * self.latency + share * bytes * self.per_byte
    }
}

/// Messages in a row, and how often the data passes a link.
fn steps(nodes: usize) -> (f64, f64) {
    let nodes = nodes as f64;
    (2.0 * nodes.log2().ceil(), 2.0 * (nodes - 1.0) / nodes)
}

/// Clients of a round by their samples, relative to the mean: log-normal, in a fixed order.
pub struct Cohort(Vec<u64>);

impl Cohort {
    /// Draws so many.
    pub fn draw(clients: usize) -> Self {
        let mut random = keyed(0, Purpose::Benchmark, 1, 0, 0);
        // The deviation is a constant above zero.
        let sizes = LogNormal::new(0.0, RAGGED).expect("a deviation above zero");
        Self((0..clients).map(|_| (1000.0 * random.sample(sizes)) as u64 + 1).collect())
    }

    /// The largest share that a node gets, in clients of mean size.
    fn largest_share(&self, nodes: usize) -> f64 {
        let mut loads = vec![0; nodes];
        for (size, owner) in self.0.iter().zip(balanced(&self.0, nodes)) {
            loads[owner] += size;
        }
        let (largest, sum) = (loads.into_iter().max().unwrap_or(0), self.0.iter().sum::<u64>());
        largest as f64 / sum as f64 * self.0.len() as f64
    }
}

/// Where the seconds of a round go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Training, if every node had the same.
    pub training: f64,
    /// Waiting for the node that has most.
    pub imbalance: f64,
    /// The server's step and what else every node does.
    pub fixed: f64,
    /// The exchange.
    pub communication: f64,
}

impl Prediction {
    /// A round of this cohort on so many nodes.
    pub fn of(round: &Round, network: &Network, cohort: &Cohort, nodes: usize) -> Self {
        let training = round.client * cohort.0.len() as f64 / nodes as f64;
        // Sums, their weight, and three numbers of each client.
        let bytes = 8.0 * (round.parameters + 2 + 3 * cohort.0.len()) as f64;
        let communication = if nodes > 1 { network.all_reduce(nodes, bytes) } else { 0.0 };
        Self {
            training,
            imbalance: round.client * cohort.largest_share(nodes) - training,
            fixed: round.fixed,
            communication,
        }
    }

    /// All of it.
    pub fn seconds(&self) -> f64 {
        self.training + self.imbalance + self.fixed + self.communication
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_found_again() {
        let network = Network { latency: 3e-6, per_byte: 2e-10 };
        for ranks in [2, 3, 8] {
            let measured: Vec<(f64, f64)> =
                [8e2, 8e4, 8e6, 8e7].map(|bytes| (bytes, network.all_reduce(ranks, bytes))).into();
            let found = Network::fit(ranks, &measured);
            assert!((found.latency / network.latency - 1.0).abs() < 1e-6, "{found:?}");
            assert!((found.per_byte / network.per_byte - 1.0).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn a_round_by_hand() {
        let round = Round { client: 0.5, fixed: 0.25, parameters: 1_000_000 };
        let network = Network { latency: 1e-3, per_byte: 1e-9 };
        let equal = Cohort(vec![7; 9]);
        let one = Prediction::of(&round, &network, &equal, 1);
        assert_eq!((one.training, one.fixed, one.communication), (4.5, 0.25, 0.0));
        assert!(one.imbalance.abs() < 1e-12);
        let two = Prediction::of(&round, &network, &equal, 2);
        assert!((two.training - 2.25).abs() < 1e-12 && (two.imbalance - 0.25).abs() < 1e-12, "five of nine: {two:?}");
        let bytes = 8.0 * 1_000_029.0;
        assert!((two.communication - (2.0 * 1e-3 + bytes * 1e-9)).abs() < 1e-12, "{two:?}");
        // More nodes than clients gain nothing, and pay for more messages.
        let many = |nodes| Prediction::of(&round, &network, &equal, nodes).seconds();
        assert!(many(64) > many(16));
        assert_eq!(Cohort::draw(1000).0.len(), 1000);
        assert!(Cohort::draw(1000).largest_share(1000) > 2.0, "ragged clients cannot be balanced one by one");
    }
}
