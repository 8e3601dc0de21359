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
    /// Samples of each client in the batch, `[clients]`, without autodiff.
    pub counts: Tensor<1>,
}

/// The batches of a chunk of clients, step by step.
pub struct Batches<'a> {
    images: &'a Images,
    /// Of each client, the samples of each step.
    clients: &'a [Vec<Vec<Sample>>],
    size: usize,
    device: Device,
    /// Where a device keeps the samples: they, and what is in each row.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    resident: Option<(crate::gpu::gather::Stored, Tensor<1, Int>)>,
}

impl<'a> Batches<'a> {
    /// Batches of `size` rows a client, of the samples of its steps. Where the device keeps the samples, all that is brought there is which
    /// of them is in which row.
    pub fn new(images: &'a Images, clients: &'a [Vec<Vec<Sample>>], size: usize, device: &Device) -> Self {
        Self {
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            resident: resident(images, clients, size, device),
            images,
            clients,
            size,
            device: device.clone(),
        }
    }

    /// The most steps that a client takes.
    pub fn steps(&self) -> usize {
        self.clients.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The samples of each client in a step; none for a client that is done.
    pub fn samples(&self, step: usize) -> Vec<&'a [Sample]> {
        of_step(self.clients, step)
    }

    /// The batch of a step.
    pub fn batch(&self, step: usize) -> Batch {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if let Some((stored, about)) = &self.resident {
            let (clients, size) = (self.clients.len(), self.size);
            let rows = clients * size;
            let gathered = crate::gpu::gather::gather(stored, about, step * rows, rows, size);
            let [channels, height, width] = self.images.authentic().shape();
            let records = |tensor: Tensor<2>| if self.device.is_autodiff() { tensor.autodiff() } else { tensor };
            return Batch {
                inputs: records(gathered.inputs).reshape([clients, size, channels, height, width]),
                labels: gathered.labels.reshape([clients, size]),
                weights: records(gathered.weights.reshape([clients, size])),
                counts: gathered.counts,
            };
        }
        Batch::assemble_on_host(self.images, &self.samples(step), self.size, &self.device)
    }
}

fn of_step(clients: &[Vec<Vec<Sample>>], step: usize) -> Vec<&[Sample]> {
    clients.iter().map(|steps| steps.get(step).map_or(&[] as &[Sample], Vec::as_slice)).collect()
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn resident(
    images: &Images,
    clients: &[Vec<Vec<Sample>>],
    size: usize,
    device: &Device,
) -> Option<(crate::gpu::gather::Stored, Tensor<1, Int>)> {
    use crate::gpu::gather::{NONE, WORDS};

    let parts: Vec<_> = std::iter::once(images.authentic()).chain(images.generated()).collect();
    let stored = images.residence().on(device, &parts, images.scale())?;
    let steps = clients.iter().map(Vec::len).max().unwrap_or(0);
    let mut about: Vec<i32> = Vec::with_capacity(steps * clients.len() * size * WORDS);
    for samples in (0..steps).flat_map(|step| of_step(clients, step)) {
        let count = samples.len() as f32;
        let [weight, none, count] = [1.0 / count, 0.0, count].map(|value: f32| value.to_bits() as i32);
        let row = |&one: &Sample| [images.place(one) as i32, images.label(one) as i32, weight, count];
        about.extend(samples.iter().flat_map(row));
        (samples.len()..size).for_each(|_| about.extend([NONE, 0, none, count]));
    }
    let words = about.len();
    (words > 0).then(|| (stored, transfer::upload(TensorData::new(about, [words]), &device.clone().without_autodiff())))
}

impl Batch {
    /// Lays the samples of each client side by side, filled up to `size` rows.
    pub fn assemble(images: &Images, clients: &[&[Sample]], size: usize, device: &Device) -> Self {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if transfer::is_apart(device) {
            let clients: Vec<Vec<Vec<Sample>>> = clients.iter().map(|samples| vec![samples.to_vec()]).collect();
            return Batches::new(images, &clients, size, device).batch(0);
        }
        Self::assemble_on_host(images, clients, size, device)
    }

    fn assemble_on_host(images: &Images, clients: &[&[Sample]], size: usize, device: &Device) -> Self {
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
        let counts: Vec<f32> = clients.iter().map(|samples| samples.len() as f32).collect();
        let dims = [clients.len(), size, channels, height, width];
        Self {
            inputs: transfer::upload(TensorData::new(values, dims), device),
            labels: transfer::upload(TensorData::new(labels, [clients.len(), size]), device),
            weights: transfer::upload(TensorData::new(weights, [clients.len(), size]), device),
            counts: transfer::upload(TensorData::new(counts, [clients.len()]), &device.clone().without_autodiff()),
        }
    }

    /// The mean cross-entropy of each client, `[clients]`, from logits `[clients, batch, classes]`.
    pub fn cross_entropy(&self, logits: Tensor<3>) -> Tensor<1> {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if transfer::is_apart(&logits.device()) {
            let weights = self.weights.clone();
            let weights = if weights.device().is_autodiff() { weights.inner() } else { weights };
            let targets = crate::op::loss::Targets { labels: self.labels.clone(), weights };
            return crate::op::loss::cross_entropy(logits, targets);
        }
        let chosen = log_softmax(logits, 2).gather(2, self.labels.clone().unsqueeze_dim(2)).squeeze_dim::<2>(2);
        (chosen.neg() * self.weights.clone()).sum_dim(1).squeeze_dim(1)
    }
}
