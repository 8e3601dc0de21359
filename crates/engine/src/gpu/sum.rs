//! The exact mean of a round ([`crate::federated::aggregate`]) on the device: updates are screened, rounded and added where they were
//! trained, to the integers that the CPU makes of them, bit for bit.

use super::double::{self, Wide};
use super::{grid, memory};
use burn::tensor::{Device, Int, Tensor};
use cubecl::prelude::*;

/// What the CPU adds to a number to have its nearest multiple of 2^-40 in the low bits: 6144 as binary64
/// (`imfl_kernel::mean::accumulate`).
const MAGIC: [u32; 2] = [0x40B8_0000, 0];
/// The exponent of 2048 as binary64: differences from there on are refused.
const LIMIT: u32 = 1034;
/// Words that say what is wrong with a client's update.
pub const FAULTS: usize = 2;

/// Halves of a number's bits, the high one first.
pub fn halves(bits: u64) -> [u32; 2] {
    [(bits >> 32) as u32, bits as u32]
}

/// No sums yet, two words each.
pub fn zeros(values: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::zeros([2 * values], device)
}

/// Adds `share * (model - base)` of every client to the sums from value `first` on; models `[clients, size]`, shares two words a client, and
/// so the factors by which changes are clipped, if they are.
/// Notes in `faults`, two words a client, whose models have a value that is not finite, and whose have one that moved too far. With
/// `back` it takes away what it added for those that have a fault.
pub fn add(
    models: &Tensor<2>,
    base: &Tensor<1>,
    first: usize,
    shares: &Tensor<1, Int>,
    factors: Option<&Tensor<1, Int>>,
    sums: &Tensor<1, Int>,
    faults: &Tensor<1, Int>,
    back: bool,
) {
    let [clients, size] = models.dims();
    let models = memory(models.clone());
    let (count, dim) = grid(&models, size);
    add_kernel::launch(
        &models.client.clone(),
        count,
        dim,
        models.into_buffer_arg(),
        memory(base.clone()).into_buffer_arg(),
        memory(shares.clone()).into_buffer_arg(),
        memory(factors.unwrap_or(shares).clone()).into_buffer_arg(),
        memory(sums.clone()).into_buffer_arg(),
        memory(faults.clone()).into_buffer_arg(),
        first as u32,
        size as u32,
        clients as u32,
        factors.is_some(),
        back,
    );
}

/// One thread adds one value of every client.
#[cube(launch)]
fn add_kernel(
    models: &[f32],
    base: &[f32],
    shares: &[u32],
    factors: &[u32],
    sums: &mut [u32],
    faults: &mut [u32],
    first: u32,
    size: u32,
    clients: u32,
    #[comptime] clipped: bool,
    #[comptime] back: bool,
) {
    let place = ABSOLUTE_POS;
    if place < size as usize {
        let at = first as usize + place;
        let start = double::from_single(base[at]);
        let mut sum = double::wide(sums[2 * at + 1], sums[2 * at]);
        for client in 0..clients as usize {
            let model = models[client * size as usize + place];
            let mut difference = double::subtract(double::from_single(model), start);
            let mut single = model;
            if clipped {
                // Rounded to 32 bits before and after, as a change that is sent.
                single = double::to_single(difference);
                let factor = double::wide(factors[2 * client], factors[2 * client + 1]);
                difference =
                    double::from_single(double::to_single(double::multiply(double::from_single(single), factor)));
            }
            if !back {
                if unbounded(model) || unbounded(single) {
                    // Whoever finds a fault writes the same.
                    faults[2 * client] = 1u32;
                }
                if ((difference.high >> 20u32) & 0x7FFu32) >= comptime!(LIMIT) {
                    faults[2 * client + 1] = 1u32;
                }
            }
            let share = double::wide(shares[2 * client], shares[2 * client + 1]);
            let magic = double::wide(comptime!(MAGIC[0]), comptime!(MAGIC[1]));
            let rounded = double::add(double::multiply(share, difference), magic);
            let contribution = double::subtract_integers(rounded, magic);
            if !back {
                sum = double::add_integers(sum, contribution);
            } else if faults[2 * client] + faults[2 * client + 1] != 0 {
                sum = double::subtract_integers(sum, contribution);
            }
        }
        sums[2 * at] = sum.low;
        sums[2 * at + 1] = sum.high;
    }
}

/// Whether a number is infinite or none.
#[cube]
fn unbounded(value: f32) -> bool {
    (value.to_bits() & 0x7F80_0000u32) == 0x7F80_0000u32
}

/// The global model after a step of FedAvg: `x + rate * (sum * scale)`, each operation as the CPU does it.
pub fn follow(weights: &Tensor<1>, sums: &Tensor<1, Int>, scale: f64, rate: f64) -> Tensor<1> {
    let next = Tensor::<1>::empty(weights.dims(), &weights.device());
    let output = memory(next.clone());
    let (count, dim) = grid(&output, weights.dims()[0]);
    let ([scale_high, scale_low], [rate_high, rate_low]) = (halves(scale.to_bits()), halves(rate.to_bits()));
    follow_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        memory(weights.clone()).into_buffer_arg(),
        memory(sums.clone()).into_buffer_arg(),
        output.into_buffer_arg(),
        scale_high,
        scale_low,
        rate_high,
        rate_low,
    );
    next
}

#[cube(launch)]
fn follow_kernel(
    weights: &[f32],
    sums: &[u32],
    next: &mut [f32],
    scale_high: u32,
    scale_low: u32,
    rate_high: u32,
    rate_low: u32,
) {
    let at = ABSOLUTE_POS;
    if at < next.len() {
        let sum: Wide = double::wide(sums[2 * at + 1], sums[2 * at]);
        let mean = double::multiply(double::from_integer(sum), double::wide(scale_high, scale_low));
        let step = double::multiply(double::wide(rate_high, rate_low), mean);
        next[at] = double::to_single(double::add(double::from_single(weights[at]), step));
    }
}

/// Gives each of some clients the values from `first` on: `[clients, size]`.
pub fn spread(weights: &Tensor<1>, first: usize, size: usize, clients: usize) -> Tensor<2> {
    let spread = Tensor::<2>::empty([clients, size], &weights.device());
    let output = memory(spread.clone());
    let (count, dim) = grid(&output, clients * size);
    spread_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        memory(weights.clone()).into_buffer_arg(),
        output.into_buffer_arg(),
        first as u32,
        size as u32,
    );
    spread
}

#[cube(launch)]
fn spread_kernel(weights: &[f32], spread: &mut [f32], first: u32, size: u32) {
    if ABSOLUTE_POS < spread.len() {
        spread[ABSOLUTE_POS] = weights[first as usize + ABSOLUTE_POS % size as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federated::aggregate::ExactMean;
    use crate::gpu::testing::{floats, gpus, words};
    use crate::random::{Purpose, keyed};
    use crate::update::Refusal;
    use rand::{Rng, RngExt};

    /// Values of every size, some of them close to `near`.
    fn value(random: &mut impl Rng, near: f32) -> f32 {
        match random.random_range(0..6u32) {
            0 => near,
            1 => near + (random.random::<f32>() - 0.5) * 1e-3,
            2 => f32::from_bits(near.to_bits() ^ (random.next_u32() & 0xFF)),
            // From the least number to about 1,000.
            3 => f32::from_bits(random.random_range(0..0x447A_0000u32) | (random.next_u32() << 31)),
            4 => near * f32::exp2(random.random_range(-40.0..8.0)),
            _ => (random.random::<f32>() - 0.5) * 2000.0,
        }
    }

    #[test]
    fn sums_verdicts_and_the_next_model_are_those_of_the_cpu_to_the_bit() {
        let (size, clients, head) = (5000, 12, 321);
        let mut random = keyed(1, Purpose::Experiment, 0, 0, 0);
        let base: Vec<f32> = (0..size).map(|_| (random.random::<f32>() - 0.5) * 4.0).collect();
        let mut models: Vec<Vec<f32>> =
            (0..clients).map(|_| base.iter().map(|near| value(&mut random, *near)).collect()).collect();
        models[3][4000] = f32::NAN;
        models[5][7] = -3000.0;
        models[8][9] = f32::INFINITY;
        models[9] = base.clone();
        let shares: Vec<f64> = (0..clients).map(|_| ExactMean::weight(random.random::<f64>() / 4.0).1).collect();
        let mut expected = ExactMean::new(size);
        let verdicts: Vec<_> =
            models.iter().zip(&shares).map(|(model, share)| expected.add(&base, model, *share)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| verdict.is_err()).count(), 3);
        for device in gpus() {
            let sums = zeros(size, &device);
            let faults = Tensor::<1, Int>::zeros([FAULTS * clients], &device);
            let halves: Vec<u32> = shares.iter().flat_map(|share| halves(share.to_bits())).collect();
            let (on_device, shares) = (floats(&base, &device), words(&halves, &device));
            for back in [false, true] {
                // Two parameters of one model.
                for range in [0..head, head..size] {
                    let rows: Vec<f32> = models.iter().flat_map(|model| &model[range.clone()]).copied().collect();
                    let rows = floats(&rows, &device).reshape([clients, range.len()]);
                    add(&rows, &on_device, range.start, &shares, None, &sums, &faults, back);
                }
            }
            let faults = faults.into_data().try_to_vec::<i32>().unwrap();
            let verdict = |faults: &[i32]| match faults {
                [0, 0] => Ok(()),
                [0, _] => Err(Refusal::TooFar),
                _ => Err(Refusal::NotFinite),
            };
            assert_eq!(faults.chunks(FAULTS).map(verdict).collect::<Vec<_>>(), verdicts);
            let found = sums.clone().into_data().try_to_vec::<i32>().unwrap();
            let found = found.chunks(2).map(|pair| i64::from(pair[1]) << 32 | i64::from(pair[0] as u32));
            let wrong = found.zip(expected.sums()).enumerate().find(|(_, (found, sum))| found != *sum);
            assert_eq!(wrong, None);
            for (scale, rate) in [(expected.scale(), 1.0), (expected.scale(), 0.1), (1.7e-13, -3.0)] {
                let next = follow(&on_device, &sums, scale, rate).into_data().try_to_vec::<f32>().unwrap();
                let step = |(x, sum): (&f32, &i64)| (f64::from(*x) + rate * (*sum as f64 * scale)) as f32;
                let cpu = base.iter().zip(expected.sums()).map(step);
                let wrong = next.iter().zip(cpu).enumerate().find(|(_, (a, b))| a.to_bits() != b.to_bits());
                assert_eq!(wrong, None, "{scale} {rate}");
            }
        }
    }
}
