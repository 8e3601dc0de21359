//! A chunk of clients that train side by side: one graph, one launch for each operation, each client with its own
//! parameters, batches and random numbers.

use super::federation::Federation;
use super::local::{Step, Trained};
use super::state::ServerState;
use crate::batch::{Batch, Batches};
use crate::client::{Client, Sample};
use crate::layer::{Keys, Pass, StepKeys};
use crate::op::{Descending, DescendingTable};
use crate::parameters::{Layout, Stacked};
use crate::transfer;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::Gradients;
use burn::tensor::{Device, Tensor};
use std::sync::Arc;

/// What a client sends back.
pub(super) struct Update {
    /// Its model after training, in layout order.
    pub model: Vec<f32>,
    /// What its algorithm remembers of it until the next round.
    pub variate: Option<Vec<f32>>,
    /// Mean loss over the samples, each at the time it was trained on.
    pub loss: f64,
    /// Samples trained on, every epoch counted.
    pub samples: u64,
}

/// Clients of a chunk in the middle of a round.
struct Chunk<'a> {
    federation: &'a Federation,
    /// Parameters, `[clients, size]` each; those that descend are empty here.
    parameters: Stacked,
    /// Dense weights that take their step in the backward pass, by place in the layout.
    descending: Vec<Option<Descending>>,
    /// Tables whose rows take their step one by one, by place in the layout.
    tables: Vec<Option<DescendingTable>>,
    /// Momentum, by place in the layout.
    velocity: Vec<Option<Tensor<2>>>,
    /// The round's global model, unless the algorithm is plain.
    start: Option<Stacked>,
    /// What the algorithm's memory gave the clients.
    correction: Option<Stacked>,
    rate: f64,
}

/// A chunk of clients at the end of a round.
pub(super) struct Done {
    /// Their models.
    pub models: Stacked,
    /// Sum of each client's losses over its samples, `[clients]`.
    losses: Tensor<1>,
    /// What the algorithm's memory gave each.
    corrections: Vec<Option<Vec<f32>>>,
    /// Steps that each took.
    steps: Vec<usize>,
    /// Samples that each trained on, every epoch counted.
    pub samples: Vec<u64>,
    /// Rows of samples that were computed for them, padding included.
    pub rows: u64,
}

impl Federation {
    /// Trains a chunk of clients from the state's model; one update for each, in order, and the rows of samples that were
    /// computed for them, padding included.
    pub(super) fn train_chunk(&self, state: &ServerState, clients: &[&Client], round: u64) -> (Vec<Update>, u64) {
        let done = self.train_side_by_side(state, clients, round);
        let (rate, memory) = (self.local.rate_in(round), self.local.algorithm.memory());
        let losses = done.losses();
        let Done { models, corrections, steps, samples, rows, .. } = done;
        let update = |(place, model): (usize, Vec<f32>)| {
            let (start, correction) = (state.weights.values(), corrections[place].as_deref());
            let trained = Trained { start, model: &model, correction, steps: steps[place], rate };
            let variate = memory.map(|memory| memory.renewed(&trained));
            Update { model, variate, loss: losses[place], samples: samples[place] }
        };
        (models.into_host().into_iter().enumerate().map(update).collect(), rows)
    }

    /// Trains a chunk of clients from the state's model and leaves what came of it where it is.
    pub(super) fn train_side_by_side(&self, state: &ServerState, clients: &[&Client], round: u64) -> Done {
        let rate = self.local.rate_in(round);
        let memory = self.local.algorithm.memory();
        let correction = |client: &&Client| memory?.correction(&state.variates, client.id);
        let corrections: Vec<Option<Vec<f32>>> = clients.iter().map(correction).collect();
        let mut chunk = Chunk::begin(self, state, &corrections, clients.len(), rate);
        let batches: Vec<Vec<Vec<Sample>>> =
            clients.iter().map(|client| self.local.batches(self.seed, client, round)).collect();
        let recording = self.compute.device.clone().autodiff();
        let laid_out = Batches::new(&self.images, &batches, self.local.batch, &recording);
        let steps = laid_out.steps();
        let ids: Vec<u32> = clients.iter().map(|client| client.id).collect();
        let keys = Keys::new(self.seed, round, &ids, 0..steps as u64, &self.compute.device);
        let mut losses = Tensor::<1>::zeros([clients.len()], &self.compute.device);
        for step in 0..steps {
            let all = laid_out.samples(step).iter().all(|samples| !samples.is_empty());
            losses = losses + chunk.step(laid_out.batch(step), all, keys.step(step));
        }
        let samples = |client: &&Client| (self.local.epochs * client.samples.len()) as u64;
        Done {
            models: chunk.finish(),
            losses,
            corrections,
            steps: batches.iter().map(Vec::len).collect(),
            samples: clients.iter().map(samples).collect(),
            rows: (clients.len() * steps * self.local.batch) as u64,
        }
    }
}

impl Done {
    /// The mean loss of each client over its samples, each at the time it was trained on.
    pub fn losses(&self) -> Vec<f64> {
        let losses = transfer::floats(self.losses.clone());
        losses.iter().zip(&self.samples).map(|(loss, samples)| f64::from(*loss) / (*samples).max(1) as f64).collect()
    }
}

impl<'a> Chunk<'a> {
    fn begin(
        federation: &'a Federation,
        state: &ServerState,
        corrections: &[Option<Vec<f32>>],
        clients: usize,
        rate: f64,
    ) -> Self {
        let (local, device) = (&federation.local, &federation.compute.device);
        let layout = state.weights.layout();
        let mut parameters = federation.global.stacked(&state.weights, clients, device);
        let start = (!local.algorithm.is_plain()).then(|| parameters.clone());
        let mut descending: Vec<Option<Descending>> = vec![None; layout.parameters().len()];
        let mut tables: Vec<Option<DescendingTable>> = vec![None; layout.parameters().len()];
        // On a GPU one launch takes the step of all parameters.
        if local.is_plain() && !transfer::is_apart(device) {
            // Taken out, so that nobody else holds the weights and they move in place.
            let mut taken = |place| {
                let [inputs, outputs] = matrix(layout, place);
                parameters.take(place).reshape([clients, inputs, outputs])
            };
            for place in federation.trace().descendable() {
                descending[place] = Some(Descending::new(taken(place), rate as f32));
            }
            for place in federation.trace().lookups() {
                tables[place] = Some(DescendingTable::new(taken(place), rate as f32));
            }
        }
        Self {
            correction: stack(layout, corrections, device),
            velocity: vec![None; descending.len()],
            federation,
            parameters,
            descending,
            tables,
            start,
            rate,
        }
    }

    /// One gradient step of every client that has samples, which may be `all` of them; the sum of each client's losses over them, `[clients]`.
    fn step(&mut self, batch: Batch, all: bool, keys: StepKeys) -> Tensor<1> {
        let federation = self.federation;
        let leaves = self.parameters.leaves();
        let mut pass = Pass::train(&leaves, keys).descending(&self.descending).looking_up(&self.tables);
        let logits = federation.model.forward(&mut pass, batch.inputs.clone());
        // Clients share no parameter: the gradient of the sum holds each client's own gradient.
        let losses = batch.cross_entropy(logits);
        let mut gradients = losses.backward();
        self.tables.iter().flatten().for_each(|table| table.step(&mut gradients));
        let counts = batch.counts;
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if federation.local.is_plain() && transfer::is_apart(&counts.device()) {
            self.parameters = descended(&leaves, &mut gradients, &counts, self.rate as f32);
            return losses.inner() * counts;
        }
        let active = Active::of(counts, all);
        let moved = leaves.tensors().iter().enumerate().map(|(place, leaf)| {
            let weight = leaf.clone().inner();
            match leaf.grad_remove(&mut gradients) {
                Some(gradient) => active.select(self.moved(place, weight.clone(), gradient), weight),
                None => weight,
            }
        });
        let moved = moved.collect();
        self.parameters = leaves.with_tensors(moved);
        losses.inner() * active.counts
    }

    /// A parameter after a step against its gradient, both `[clients, size]`.
    fn moved<'s>(&'s mut self, place: usize, weight: Tensor<2>, gradient: Tensor<2>) -> Tensor<2> {
        let local = &self.federation.local;
        let mut gradient = gradient;
        if local.weight_decay > 0.0 {
            gradient = gradient + weight.clone() * local.weight_decay;
        }
        let of = |stacked: &'s Option<Stacked>| stacked.as_ref().map(|stacked| &stacked.tensors()[place]);
        let (start, correction) = (of(&self.start), of(&self.correction));
        gradient = local.algorithm.direction(Step { gradient, weight: &weight, start, correction });
        if local.momentum > 0.0 {
            if let Some(velocity) = self.velocity[place].take() {
                gradient = gradient + velocity * local.momentum;
            }
            self.velocity[place] = Some(gradient.clone());
        }
        weight - gradient * self.rate
    }

    /// The models.
    fn finish(mut self) -> Stacked {
        let weights = self.descending.into_iter().map(|weight| weight.map(Descending::into_weight));
        let tables = self.tables.into_iter().map(|table| table.map(DescendingTable::into_table));
        for (place, (weight, table)) in weights.zip(tables).enumerate() {
            if let Some(moved) = weight.or(table) {
                let [clients, inputs, outputs] = moved.dims();
                self.parameters.put(place, moved.reshape([clients, inputs * outputs]));
            }
        }
        self.parameters
    }
}

/// Parameters on a GPU after a step of plain gradient descent; those without a gradient stay.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn descended(leaves: &Stacked, gradients: &mut Gradients, counts: &Tensor<1>, rate: f32) -> Stacked {
    let mut weights: Vec<Tensor<2>> = leaves.tensors().iter().map(|leaf| leaf.clone().inner()).collect();
    let found = leaves.tensors().iter().enumerate();
    let (places, moving): (Vec<usize>, Vec<_>) =
        found.filter_map(|(place, leaf)| Some((place, (weights[place].clone(), leaf.grad_remove(gradients)?)))).unzip();
    for (place, moved) in places.into_iter().zip(crate::gpu::descend::descend(moving, counts, rate)) {
        weights[place] = moved;
    }
    leaves.with_tensors(weights)
}

/// Which clients of a chunk still have samples in a step.
struct Active {
    /// Samples of each client in the step, `[clients]`.
    counts: Tensor<1>,
    /// `[clients, 1]`; absent while all have some.
    waiting: Option<Tensor<2, burn::tensor::Bool>>,
}

impl Active {
    fn of(counts: Tensor<1>, all: bool) -> Self {
        let waiting = (!all).then(|| counts.clone().unsqueeze_dim::<2>(1).equal_scalar(0.0));
        Self { counts, waiting }
    }

    /// The new values of clients that had samples, the old ones of those that wait: `[clients, size]`.
    fn select(&self, new: Tensor<2>, old: Tensor<2>) -> Tensor<2> {
        match &self.waiting {
            None => new,
            Some(waiting) => {
                let waiting = waiting.clone().expand(new.dims());
                new.mask_where(waiting, old)
            }
        }
    }
}

/// Shape of a dense weight, or of a table.
fn matrix(layout: &Layout, place: usize) -> [usize; 2] {
    let shape = &layout.parameters()[place].shape;
    // Only `Linear` declares weights that descend, always `[inputs, outputs]`, and `Embedding` tables, `[symbols, width]`.
    [shape[0], shape[1]]
}

/// Corrections of all clients, stacked; `None` if all are zero.
fn stack(layout: &Arc<Layout>, corrections: &[Option<Vec<f32>>], device: &Device) -> Option<Stacked> {
    if corrections.iter().all(Option::is_none) {
        return None;
    }
    let zeros = vec![0.0; layout.size()];
    let rows: Vec<&[f32]> = corrections.iter().map(|row| row.as_deref().unwrap_or(&zeros)).collect();
    Some(Stacked::of_rows(layout.clone(), &rows, device))
}
