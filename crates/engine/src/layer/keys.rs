use crate::random::{Purpose, key};
use crate::transfer::{self, is_apart};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Keys of Philox ([`crate::philox`]) for the random numbers of local steps: one for each client of a chunk and each step.
#[derive(Clone, Debug)]
pub struct Keys {
    clients: usize,
    /// Step by step, client by client.
    words: Vec<[u32; 2]>,
    /// The same where a device draws itself, two words each.
    on_device: Option<Tensor<1, Int>>,
}

impl Keys {
    /// Keys of so many steps of some clients, given by id.
    pub fn new(seed: u64, round: u64, clients: &[u32], steps: std::ops::Range<u64>, device: &Device) -> Self {
        let key = |step: u64, client: &u32| key(seed, Purpose::Dropout, round, u64::from(*client), step);
        let words: Vec<[u32; 2]> = steps.flat_map(|step| clients.iter().map(move |client| key(step, client))).collect();
        let on_device = (is_apart(device) && !words.is_empty()).then(|| {
            let words: Vec<i32> = words.as_flattened().iter().map(|word| *word as i32).collect();
            let count = words.len();
            transfer::upload(TensorData::new(words, [count]), &device.clone().without_autodiff())
        });
        Self { clients: clients.len(), words, on_device }
    }

    /// Those of one step, counted from 0.
    pub fn step(&self, step: usize) -> StepKeys<'_> {
        StepKeys { keys: self, first: step * self.clients }
    }
}

/// The keys of one step.
#[derive(Clone, Copy, Debug)]
pub struct StepKeys<'a> {
    keys: &'a Keys,
    first: usize,
}

impl<'a> StepKeys<'a> {
    /// One for each client.
    pub(super) fn words(&self) -> &'a [[u32; 2]] {
        &self.keys.words[self.first..self.first + self.keys.clients]
    }

    /// Where a device draws itself: all keys on it, and the place of this step's first word.
    pub(super) fn on_device(&self) -> Option<(Tensor<1, Int>, usize)> {
        Some((self.keys.on_device.clone()?, 2 * self.first))
    }
}
