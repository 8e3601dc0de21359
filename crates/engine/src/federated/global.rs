//! The global model where the clients train: on a device with a memory of its own it stays from round to round, and so do a round's sums.

use crate::parameters::{Stacked, Weights};
use burn::tensor::Device;

/// The global model on a device, if it has been there.
#[derive(Clone, Default)]
pub(super) struct Global {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    held: std::sync::Arc<std::sync::Mutex<Option<gpu::Held>>>,
}

impl Global {
    /// The model once for each of some clients.
    pub fn stacked(&self, weights: &Weights, clients: usize, device: &Device) -> Stacked {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if crate::transfer::is_apart(device) {
            return self.spread(weights, clients, device);
        }
        Stacked::broadcast(weights, clients, device)
    }

    /// Forgets what is on a device that failed.
    pub fn forget(&self) {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        {
            *self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(super) use gpu::Sums;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu {
    use super::Global;
    use crate::federated::server::{Server, ServerRule};
    use crate::gpu::sum::{self, FAULTS};
    use crate::parameters::{Stacked, Weights};
    use crate::transfer;
    use crate::update::Refusal;
    use burn::tensor::{Device, Int, Tensor, TensorData};
    use std::sync::PoisonError;

    /// A model on a device.
    pub(in crate::federated) struct Held {
        device: Device,
        /// Its values, by which it is known again.
        values: Vec<f32>,
        tensor: Tensor<1>,
    }

    impl Global {
        /// The model in layout order, brought to the device if what is there is another one.
        pub(super) fn on(&self, weights: &Weights, device: &Device) -> Tensor<1> {
            // What is held is whole or not there, whoever panicked.
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(held) =
                held.as_ref().filter(|held| held.device == *device && same(&held.values, weights.values()))
            {
                return held.tensor.clone();
            }
            let values = weights.values().to_vec();
            let tensor: Tensor<1> = transfer::upload(TensorData::new(values.clone(), [values.len()]), device);
            *held = Some(Held { device: device.clone(), values, tensor: tensor.clone() });
            tensor
        }

        pub(super) fn spread(&self, weights: &Weights, clients: usize, device: &Device) -> Stacked {
            let global = self.on(weights, device);
            let mut first = 0;
            let spread = weights.layout().parameters().iter().map(|parameter| {
                let from = first;
                first += parameter.size();
                sum::spread(&global, from, parameter.size(), clients)
            });
            let spread = spread.collect();
            Stacked::from_tensors(weights.layout().clone(), clients, spread)
        }

        /// Takes the step there that the server took, from the sums that it took it by, so that nothing has to be brought: the device
        /// computes the bits of the CPU. A server that remembers takes its steps on the host alone, and its model is brought.
        pub(in crate::federated) fn follow(&self, server: &Server, sums: &Sums, scale: f64, weights: &Weights) {
            if let (Some(base), ServerRule::FedAvg) = (&sums.base, server.rule) {
                let (tensor, values) = (sum::follow(base, &sums.sums, scale, server.rate), weights.values().to_vec());
                let held = Held { device: tensor.device(), values, tensor };
                *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
            }
        }
    }

    fn same(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    /// Updates of a round, added on a device ([`crate::federated::aggregate`]).
    pub(in crate::federated) struct Sums {
        sums: Tensor<1, Int>,
        /// The global model that the updates were made of, whatever is held by now.
        base: Option<Tensor<1>>,
        /// Weight of everything that was added, in multiples of 2^-30.
        pub weight: i64,
    }

    impl Sums {
        /// Of models of so many values.
        pub fn new(size: usize, device: &Device) -> Self {
            Self { sums: sum::zeros(size, device), base: None, weight: 0 }
        }

        /// Adds each client's model, which it made of the global one, by its share of all weights; says of each whether it was added.
        pub fn add(
            &mut self,
            models: &Stacked,
            global: &Global,
            weights: &Weights,
            shares: &[f64],
        ) -> Vec<Result<(), Refusal>> {
            use crate::federated::intake::exact_mean::ExactMean;

            let device = self.sums.device();
            let base = global.on(weights, &device);
            let rounded: Vec<(i64, f64)> = shares.iter().map(|share| ExactMean::weight(*share)).collect();
            let words: Vec<i32> =
                rounded.iter().flat_map(|(_, share)| sum::halves(share.to_bits())).map(|word| word as i32).collect();
            let count = words.len();
            let shares: Tensor<1, Int> = transfer::upload(TensorData::new(words, [count]), &device);
            let faults = Tensor::<1, Int>::zeros([FAULTS * rounded.len()], &device);
            let add = |back| {
                let mut first = 0;
                for tensor in models.tensors() {
                    sum::add(tensor, &base, first, &shares, &self.sums, &faults, back);
                    first += tensor.dims()[1];
                }
            };
            add(false);
            let found = transfer::download(faults.clone());
            // Integers are brought home as what the device has them as, 32 bits.
            let found: Vec<i32> = found.convert::<i32>().try_to_vec().expect("converted to i32");
            if found.iter().any(|fault| *fault != 0) {
                add(true);
            }
            let verdict = |faults: &[i32]| match faults {
                [0, 0] => Ok(()),
                [0, _] => Err(Refusal::TooFar),
                _ => Err(Refusal::NotFinite),
            };
            let verdicts: Vec<Result<(), Refusal>> = found.chunks(FAULTS).map(verdict).collect();
            let added = rounded.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok());
            self.weight += added.map(|((weight, _), _)| weight).sum::<i64>();
            self.base = Some(base);
            verdicts
        }

        /// The sums, brought home.
        pub fn home(&self) -> Vec<i64> {
            let words = transfer::download(self.sums.clone());
            let words: Vec<i32> = words.convert::<i32>().try_to_vec().expect("converted to i32");
            words.as_chunks::<2>().0.iter().map(|[low, high]| i64::from(*high) << 32 | i64::from(*low as u32)).collect()
        }
    }
}
