//! Batches of several clients as tensors.

use crate::client::{Images, Sample};
use crate::transfer;
use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};

/// One batch of each client in a chunk. Rows that no sample fills weigh nothing.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[clients, batch, channels, height, width]`: the axes of a sample behind those of client and batch.
    pub inputs: Tensor<5>,
    /// `[clients, batch]`.
    pub labels: Tensor<2, Int>,
    /// `[clients, batch]`; each client's weights sum to one, or to zero where it has no sample left.
    pub weights: Tensor<2>,
}

impl Batch {
    /// Lays the samples of each client side by side, filled up to `size` rows.
    pub fn assemble(images: &Images, clients: &[&[Sample]], size: usize, device: &Device) -> Self {
        let [channels, height, width] = images.authentic().shape();
        let sample = channels * height * width;
        let rows = clients.len() * size;
        let mut values = Vec::with_capacity(rows * sample);
        let mut labels = Vec::with_capacity(rows);
        let mut weights = Vec::with_capacity(rows);
        for samples in clients {
            debug_assert!(samples.len() <= size);
            for &one in *samples {
                images.extend(&mut values, one);
                labels.push(images.label(one) as i32);
                weights.push(1.0 / samples.len() as f32);
            }
            let missing = size - samples.len();
            values.resize(values.len() + missing * sample, 0.0);
            labels.resize(labels.len() + missing, 0);
            weights.resize(weights.len() + missing, 0.0f32);
        }
        let dims = [clients.len(), size, channels, height, width];
        Self {
            inputs: transfer::upload(TensorData::new(values, dims), device),
            labels: transfer::upload(TensorData::new(labels, [clients.len(), size]), device),
            weights: transfer::upload(TensorData::new(weights, [clients.len(), size]), device),
        }
    }

    /// The mean cross-entropy of each client, `[clients]`, from logits `[clients, batch, classes]`.
    pub fn cross_entropy(&self, logits: Tensor<3>) -> Tensor<1> {
        let chosen = log_softmax(logits, 2).gather(2, self.labels.clone().unsqueeze_dim(2)).squeeze_dim::<2>(2);
        (chosen.neg() * self.weights.clone()).sum_dim(1).squeeze_dim(1)
    }
}
