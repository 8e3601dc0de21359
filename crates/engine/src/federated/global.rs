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
    use crate::clipping;
    use crate::federated::intake::exact_mean::ExactMean;
    use crate::gpu::norm;
    use crate::gpu::sum::{self, FAULTS};
    use crate::parameters::{Stacked, Values, Weights};
    use crate::transfer;
    use crate::update::Refusal;
    use burn::tensor::{Device, Int, Tensor, TensorData};
    use std::sync::{Arc, PoisonError};

    /// A model on a device.
    pub(in crate::federated) struct Held {
        device: Device,
        /// Its values, by which it is known again.
        values: Arc<Values>,
        tensor: Tensor<1>,
    }

    impl Global {
        /// The model in layout order, brought to the device if what is there is another one.
        pub(in crate::federated) fn on(&self, weights: &Weights, device: &Device) -> Tensor<1> {
            // What is held is whole or not there, whoever panicked.
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let values = weights.shared();
            if let Some(held) = held.as_ref().filter(|held| held.device == *device && same(&held.values, &values)) {
                return held.tensor.clone();
            }
            let tensor: Tensor<1> =
                transfer::upload(TensorData::new(values.get().to_vec(), [values.get().len()]), device);
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

        /// Takes the step there that the server takes by plain averaging, from the sums that it takes it by, so that nothing has to be brought: the
        /// device computes the bits of the CPU. A server that remembers takes its steps on the host alone, and its model is brought.
        pub(in crate::federated) fn follow(&self, sums: &Sums, scale: f64, rate: f64, weights: &Weights) {
            if let Some(base) = &sums.base {
                let (tensor, values) = (sum::follow(base, &sums.sums, scale, rate), weights.shared());
                let held = Held { device: tensor.device(), values, tensor };
                *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
            }
        }
    }

    fn same(a: &Arc<Values>, b: &Arc<Values>) -> bool {
        let equal =
            |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        Arc::ptr_eq(a, b) || equal(a.get(), b.get())
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

        /// Adds each client's model, which it made of the global one, `base`, by its share of all weights, its change cut to `bound` if there
        /// is one; says of each whether it was added.
        pub fn add(
            &mut self,
            models: &Stacked,
            base: &Tensor<1>,
            shares: &[f64],
            bound: Option<f64>,
        ) -> Vec<Result<(), Refusal>> {
            let device = self.sums.device();
            let rounded: Vec<(i64, f64)> = shares.iter().map(|share| ExactMean::weight(*share)).collect();
            let shares: Vec<f64> = rounded.iter().map(|(_, share)| *share).collect();
            let shares = doubles(&shares, &device);
            let factors = bound.map(|bound| {
                let factor = |squares: f64| clipping::factor(squares.sqrt(), bound);
                doubles(&squares(models, base).into_iter().map(factor).collect::<Vec<_>>(), &device)
            });
            let faults = Tensor::<1, Int>::zeros([FAULTS * rounded.len()], &device);
            let add = |back| {
                for (first, tensor) in placed(models) {
                    sum::add(tensor, base, first, &shares, factors.as_ref(), &self.sums, &faults, back);
                }
            };
            add(false);
            let found = words(faults.clone());
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
            self.base = Some(base.clone());
            verdicts
        }

        /// Adds the sums to others, at home.
        pub fn join(&self, mean: &mut ExactMean) {
            let words = words(self.sums.clone());
            let sums = words.as_chunks::<2>().0.iter();
            mean.add_sums(sums.map(|[low, high]| i64::from(*high) << 32 | i64::from(*low as u32)), self.weight);
        }
    }

    /// Each parameter's values, and where in the layout they begin.
    fn placed(models: &Stacked) -> impl Iterator<Item = (usize, &Tensor<2>)> {
        models.tensors().iter().scan(0, |first, tensor| {
            let here = *first;
            *first += tensor.dims()[1];
            Some((here, tensor))
        })
    }

    /// The sum of the squares of what each client changed.
    fn squares(models: &Stacked, base: &Tensor<1>) -> Vec<f64> {
        let blocks = norm::zeros(models.clients(), base.dims()[0], &base.device());
        placed(models).for_each(|(first, tensor)| norm::add(tensor, base, first, &blocks));
        let words = words(norm::squares(&blocks, models.clients()));
        let double = |[high, low]: &[i32; 2]| f64::from_bits(u64::from(*high as u32) << 32 | u64::from(*low as u32));
        words.as_chunks().0.iter().map(double).collect()
    }

    /// Numbers of 64 bits on a device, two words each.
    fn doubles(values: &[f64], device: &Device) -> Tensor<1, Int> {
        let words: Vec<i32> =
            values.iter().flat_map(|value| sum::halves(value.to_bits())).map(|word| word as i32).collect();
        let count = words.len();
        transfer::upload(TensorData::new(words, [count]), device)
    }

    /// Integers as what the device has them as, 32 bits, brought home.
    fn words(tensor: Tensor<1, Int>) -> Vec<i32> {
        transfer::download(tensor).try_into_vec_as().expect("integers become i32")
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::federated::intake::Intake;
        use crate::federated::intake::mean::Mean;
        use crate::gpu::testing::{floats, gpus};
        use crate::parameters::{Initialiser, Layout};
        use crate::random::{Purpose, keyed};
        use rand::RngExt;
        use std::sync::Arc;

        /// Parameters that end within blocks of squares, changes of every size, some of which cannot be used.
        #[test]
        fn clipped_updates_add_up_to_the_integers_of_the_cpu() {
            let mut layout = Layout::new();
            for (name, size) in [("a", 700), ("b", 1), ("c", 255), ("d", 1500)] {
                layout.declare(name, &[size], Initialiser::Zeros);
            }
            let (layout, size) = (Arc::new(layout), 2456);
            let mut random = keyed(1, Purpose::Experiment, 0, 0, 0);
            let mut uniform = |scale: f32| (random.random::<f32>() - 0.5) * scale;
            let base: Vec<f32> = (0..size).map(|_| uniform(4.0)).collect();
            let changed = |scale: f32| base.iter().map(|value| value + uniform(scale)).collect::<Vec<_>>();
            let mut models = [1e-6, 1e-3, 0.1, 3.0, 1e4, 1.0, 1.0].map(changed);
            models[5][700] = f32::NEG_INFINITY;
            models[6][701] = f32::NAN;
            let shares: [f64; 7] = std::array::from_fn(|client| (client + 1) as f64 / 28.0);
            for bound in [0.05, 2.0, 1e6] {
                let mut mean = Mean::clipped(size, bound);
                let take = |(model, share): (&Vec<f32>, &f64)| mean.take(0, &base, model, *share);
                let expected: Vec<_> = models.iter().zip(&shares).map(take).collect();
                assert_eq!(expected[5..], [Err(Refusal::NotFinite); 2]);
                for device in gpus() {
                    let rows: Vec<&[f32]> = models.iter().map(Vec::as_slice).collect();
                    let stacked = Stacked::of_rows(layout.clone(), &rows, &device);
                    let mut sums = Sums::new(size, &device);
                    assert_eq!(sums.add(&stacked, &floats(&base, &device), &shares, Some(bound)), expected, "{bound}");
                    let exact = mean.sums().unwrap();
                    let mut joined = ExactMean::new(size);
                    sums.join(&mut joined);
                    assert_eq!((joined.sums(), joined.total()), (exact.sums(), exact.total()), "{bound}");
                }
            }
        }
    }
}
