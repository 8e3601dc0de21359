//! What a client does in a round: epochs of mini-batch gradient descent on its own samples.

use super::Federation;
use crate::batch::Batch;
use crate::client::{Client, Sample};
use crate::layer::Pass;
use crate::parameters::{Stacked, Weights};
use crate::random::{Purpose, keyed};
use rand::seq::SliceRandom;

/// Plain stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalSgd {
    /// Learning rate.
    pub rate: f64,
    /// Passes over the client's samples in a round (local epochs).
    pub epochs: usize,
    /// Samples in a batch.
    pub batch: usize,
}

/// What a client sends back.
pub(super) struct Update {
    /// Its model after training.
    pub weights: Weights,
    /// Mean loss over the samples, each at the time it was trained on.
    pub loss: f64,
    /// Samples trained on, every epoch counted.
    pub samples: u64,
}

impl LocalSgd {
    /// Local steps that a client with `samples` samples takes in a round.
    pub fn steps(&self, samples: usize) -> usize {
        self.epochs * samples.div_ceil(self.batch)
    }

    pub(super) fn train(&self, federation: &Federation, start: &Weights, client: &Client, round: u64) -> Update {
        let device = federation.compute.device.clone().autodiff();
        let mut weights = Stacked::broadcast(start, 1, &federation.compute.device);
        let (mut loss, mut step) = (0.0, 0);
        for epoch in 0..self.epochs {
            let order = self.shuffled(federation.seed, client, round, epoch);
            for samples in order.chunks(self.batch) {
                let batch = Batch::assemble(&federation.images, &[samples], self.batch, &device);
                let mut dropout = [keyed(federation.seed, Purpose::Dropout, round, u64::from(client.id), step)];
                let mean;
                (weights, mean) = self.step(federation, weights, &batch, &mut dropout);
                loss += mean * samples.len() as f64;
                step += 1;
            }
        }
        let samples = (self.epochs * client.samples.len()) as u64;
        // One client was stacked, so one comes back, in the layout that it went in.
        let values = weights.into_host().swap_remove(0);
        let weights = Weights::from_values(start.layout().clone(), values).expect("the layout has not changed");
        Update { weights, loss: loss / samples.max(1) as f64, samples }
    }

    /// One gradient step of a chunk; returns the new parameters and the mean loss over its clients.
    fn step(
        &self,
        federation: &Federation,
        weights: Stacked,
        batch: &Batch,
        dropout: &mut [crate::random::ChaCha8Rng],
    ) -> (Stacked, f64) {
        let leaves = weights.leaves();
        let logits = federation.model.forward(&mut Pass::train(&leaves, dropout), batch.images.clone());
        // Clients share no parameter: the gradient of the sum holds each client's own gradient.
        let losses = batch.cross_entropy(logits);
        let mut gradients = losses.clone().sum().backward();
        let tensors = leaves.tensors().iter().map(|leaf| match leaf.grad_remove(&mut gradients) {
            Some(gradient) => leaf.clone().inner() - gradient * self.rate,
            None => leaf.clone().inner(),
        });
        let moved = leaves.with_tensors(tensors.collect());
        (moved, f64::from(losses.inner().mean().into_scalar::<f32>()))
    }

    fn shuffled(&self, seed: u64, client: &Client, round: u64, epoch: usize) -> Vec<Sample> {
        let mut order = client.samples.clone();
        order.shuffle(&mut keyed(seed, Purpose::Shuffle, round, u64::from(client.id), epoch as u64));
        order
    }
}
