//! Control variates of SCAFFOLD (Karimireddy et al. 2020, arXiv 1910.06378), whose letters are kept here.

use std::collections::BTreeMap;
use std::sync::Arc;

/// `c` of the server and `c_k` of every client that took part, in layout order; all start at zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variates {
    /// `c`; empty before the first round.
    pub server: Vec<f32>,
    /// `c_k` by client id.
    pub clients: BTreeMap<u32, Arc<Vec<f32>>>,
}

impl Variates {
    /// What joins the gradient of a client: `c - c_k`; `None` while both are zero.
    pub(super) fn correction(&self, client: u32) -> Option<Vec<f32>> {
        if self.server.is_empty() {
            return None;
        }
        let Some(own) = self.clients.get(&client) else { return Some(self.server.clone()) };
        Some(self.server.iter().zip(own.iter()).map(|(c, own)| c - own).collect())
    }

    /// The client's next variate, option II: `c_k + (x - y) / (steps * rate) - c`, from the round's model `x` and its own
    /// after training, `y`. `correction` is `c - c_k`.
    pub(super) fn of_client(x: &[f32], y: &[f32], correction: Option<&[f32]>, steps: usize, rate: f64) -> Vec<f32> {
        let scale = 1.0 / (steps.max(1) as f64 * rate);
        let mean_gradient = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)) * scale;
        let gradients = x.iter().zip(y).map(mean_gradient);
        match correction {
            None => gradients.map(|gradient| gradient as f32).collect(),
            Some(correction) => gradients.zip(correction).map(|(g, c)| (g - f64::from(*c)) as f32).collect(),
        }
    }

    /// Takes the clients' new variates, in the order of the cohort, and moves the server's by the sum of their changes
    /// over the population: `c += (|S| / N) mean(c_k' - c_k)`.
    pub(super) fn step(&mut self, renewed: Vec<(u32, Vec<f32>)>, population: usize) {
        let Some((_, first)) = renewed.first() else { return };
        let mut changes = vec![0.0f64; first.len()];
        for (client, variate) in renewed {
            let old = self.clients.get(&client);
            for (index, (change, new)) in changes.iter_mut().zip(&variate).enumerate() {
                *change += f64::from(*new) - old.map_or(0.0, |old| f64::from(old[index]));
            }
            self.clients.insert(client, Arc::new(variate));
        }
        self.server.resize(changes.len(), 0.0);
        for (c, change) in self.server.iter_mut().zip(changes) {
            *c = (f64::from(*c) + change / population.max(1) as f64) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut variates = Variates::default();
        assert_eq!(variates.correction(7), None);
        // Two steps of rate 0.5 from 1 to 0: the mean gradient was 1.
        let new = Variates::of_client(&[1.0], &[0.0], None, 2, 0.5);
        assert_eq!(new, [1.0]);
        variates.step(vec![(7, new)], 4);
        assert_eq!(variates.server, [0.25]);
        assert_eq!(variates.correction(7), Some(vec![-0.75]));
        assert_eq!(variates.correction(8), Some(vec![0.25]));
        // Another mean move of 1 with correction -0.75 in it: the client's own gradient was 1.75.
        let new = Variates::of_client(&[1.0], &[0.0], variates.correction(7).as_deref(), 2, 0.5);
        assert_eq!(new, [1.75]);
        variates.step(vec![(7, new)], 4);
        assert_eq!(variates.server, [0.25 + 0.75 / 4.0]);
    }

    #[test]
    fn equal_gradients_are_a_fixed_point() {
        // Everybody's gradient is 2 and both variates say so: nothing changes, and nothing is corrected.
        let mut variates =
            Variates { server: vec![2.0], clients: (0..3).map(|id| (id, Arc::new(vec![2.0]))).collect() };
        let before = variates.clone();
        let correction = variates.correction(1);
        assert_eq!(correction, Some(vec![0.0]));
        let new = Variates::of_client(&[1.0], &[1.0 - 0.1 * 2.0 * 5.0], correction.as_deref(), 5, 0.1);
        variates.step(vec![(1, new)], 3);
        assert!((variates.server[0] - before.server[0]).abs() < 1e-6);
    }
}
