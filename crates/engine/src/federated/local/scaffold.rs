//! SCAFFOLD (Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1 with option II), whose letters are kept here: `c - c_k`
//! joins the gradient. Every client that ever took part keeps as many values as the model has.

use super::algorithm::{ClientAlgorithm, Memory, Step, Trained, Variates};
use burn::tensor::Tensor;
use std::sync::Arc;

pub struct Scaffold;

impl ClientAlgorithm for Scaffold {
    fn direction(&self, Step { gradient, correction, .. }: Step) -> Tensor<2> {
        match correction {
            Some(correction) => gradient + correction.clone(),
            None => gradient,
        }
    }

    fn memory(&self) -> Option<&dyn Memory> {
        Some(self)
    }
}

impl Memory for Scaffold {
    /// What joins the gradient of a client: `c - c_k`; `None` while both are zero.
    fn correction(&self, variates: &Variates, client: u32) -> Option<Vec<f32>> {
        let c = Some(&variates.server).filter(|server| !server.is_empty())?;
        let Some(own) = variates.clients.get(&client) else { return Some(c.clone()) };
        Some(c.iter().zip(own.iter()).map(|(c, own)| c - own).collect())
    }

    /// The client's next variate, option II: `c_k + (x - y) / (steps * rate) - c`, from the round's model `x` and its own
    /// after training, `y`. The correction is `c - c_k`.
    fn renewed(&self, Trained { start: x, model: y, correction, steps, rate }: &Trained) -> Vec<f32> {
        let scale = 1.0 / ((*steps).max(1) as f64 * rate);
        let mean_gradient = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)) * scale;
        let gradients = x.iter().zip(*y).map(mean_gradient);
        match correction {
            None => gradients.map(|gradient| gradient as f32).collect(),
            Some(correction) => gradients.zip(*correction).map(|(g, c)| (g - f64::from(*c)) as f32).collect(),
        }
    }

    /// Moves the server's variate by the sum of the clients' changes over the population:
    /// `c += (|S| / N) mean(c_k' - c_k)`.
    fn step(&self, variates: &mut Variates, renewed: Vec<(u32, Vec<f32>)>, population: usize) {
        let Some((_, first)) = renewed.first() else { return };
        let mut changes = vec![0.0f64; first.len()];
        for (client, variate) in renewed {
            let old = variates.clients.get(&client);
            for (index, (change, new)) in changes.iter_mut().zip(&variate).enumerate() {
                *change += f64::from(*new) - old.map_or(0.0, |old| f64::from(old[index]));
            }
            variates.clients.insert(client, Arc::new(variate));
        }
        variates.server.resize(changes.len(), 0.0);
        for (c, change) in variates.server.iter_mut().zip(changes) {
            *c = (f64::from(*c) + change / population.max(1) as f64) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(start: f32, model: f32, correction: Option<&[f32]>, steps: usize, rate: f64) -> Vec<f32> {
        Scaffold.renewed(&Trained { start: &[start], model: &[model], correction, steps, rate })
    }

    #[test]
    fn by_hand() {
        let mut variates = Variates::default();
        assert_eq!(Scaffold.correction(&variates, 7), None);
        // Two steps of rate 0.5 from 1 to 0: the mean gradient was 1.
        let new = renewed(1.0, 0.0, None, 2, 0.5);
        assert_eq!(new, [1.0]);
        Scaffold.step(&mut variates, vec![(7, new)], 4);
        assert_eq!(variates.server, [0.25]);
        assert_eq!(Scaffold.correction(&variates, 7), Some(vec![-0.75]));
        assert_eq!(Scaffold.correction(&variates, 8), Some(vec![0.25]));
        // Another mean move of 1 with correction -0.75 in it: the client's own gradient was 1.75.
        let new = renewed(1.0, 0.0, Scaffold.correction(&variates, 7).as_deref(), 2, 0.5);
        assert_eq!(new, [1.75]);
        Scaffold.step(&mut variates, vec![(7, new)], 4);
        assert_eq!(variates.server, [0.25 + 0.75 / 4.0]);
    }

    #[test]
    fn equal_gradients_are_a_fixed_point() {
        // Everybody's gradient is 2 and both variates say so: nothing changes, and nothing is corrected.
        let mut variates =
            Variates { server: vec![2.0], clients: (0..3).map(|id| (id, Arc::new(vec![2.0]))).collect() };
        let before = variates.clone();
        let correction = Scaffold.correction(&variates, 1);
        assert_eq!(correction, Some(vec![0.0]));
        let new = renewed(1.0, 1.0 - 0.1 * 2.0 * 5.0, correction.as_deref(), 5, 0.1);
        Scaffold.step(&mut variates, vec![(1, new)], 3);
        assert!((variates.server[0] - before.server[0]).abs() < 1e-6);
    }
}
