//! What the machine can do at most: its rate of matrix products, and how fast it goes through memory.

use crate::device::{self, AdapterKind, Compute, DeviceName};
use crate::transfer;
use crate::worker;
use burn::tensor::{Device, Tensor};
use std::time::{Duration, Instant};

/// How long one measurement takes, and how many there are; the best counts.
const TIME: Duration = Duration::from_millis(250);
const REPEATS: usize = 3;

/// Floating-point operations a second, in GFLOP/s, of products of square `f32` matrices with all workers at once.
///
/// 512 rows on a CPU, where that is past the overheads and inside the caches; 4,096 on a GPU; 128 on a software driver, which would take
/// minutes for a product of those.
pub fn gflops(compute: &Compute) -> f64 {
    let side = match compute.name {
        DeviceName::Cpu | DeviceName::NdArray => 512,
        name => match device::present().into_iter().find(|adapter| adapter.name == name).map(|adapter| adapter.kind) {
            Some(AdapterKind::Software) => 128,
            _ => 4096,
        },
    };
    let best = |_| worker::map(compute.workers, compute.workers, |_| rate(side, &compute.device)).into_iter().sum();
    (0..REPEATS).map(best).fold(0.0, f64::max)
}

/// GFLOP/s of one worker.
fn rate(side: usize, device: &Device) -> f64 {
    let matrix = |scale: f64| Tensor::<2>::ones([side, side], device) * (scale / side as f64);
    let (a, mut b) = (matrix(1.0), matrix(0.5));
    let mut products = 0u32;
    let mut started = Instant::now();
    loop {
        // Each product feeds the next, so that none can be left out.
        b = a.clone().matmul(b);
        products += 1;
        if products == 3 {
            // The first ones paid for memory, and on a GPU for compilation.
            finish(&b);
            started = Instant::now();
        } else if products > 3 && (started.elapsed() > TIME || products.is_multiple_of(64)) {
            finish(&b);
            if started.elapsed() > TIME {
                break;
            }
        }
    }
    2.0 * (side as f64).powi(3) * f64::from(products - 3) / started.elapsed().as_secs_f64() * 1e-9
}

/// Bytes a second, in GB/s, that all workers together read and write while each goes again and again through so many values of its own, as a
/// step goes through weights: which cache they come from follows from their number.
pub fn bandwidth(workers: usize, values: usize) -> f64 {
    let best = |_| worker::map(workers, workers, |_| passes(values.max(1))).into_iter().sum();
    (0..REPEATS).map(best).fold(0.0, f64::max)
}

/// GB/s of one worker.
fn passes(values: usize) -> f64 {
    let mut own = vec![1.0f32; values];
    let (mut rounds, started) = (0u32, Instant::now());
    while started.elapsed() < TIME {
        // A few passes between two looks at the clock; the factor is hidden, so that none can be left out.
        for _ in 0..(1 << 20) / values.min(1 << 20) + 1 {
            let factor = std::hint::black_box(0.999f32);
            own.iter_mut().for_each(|value| *value *= factor);
            std::hint::black_box(&mut own);
            rounds += 1;
        }
    }
    2.0 * 4.0 * values as f64 * f64::from(rounds) / started.elapsed().as_secs_f64() * 1e-9
}

/// Waits until a tensor is computed: reading a value of it does.
fn finish(tensor: &Tensor<2>) {
    transfer::download(tensor.clone().slice([0..1, 0..1]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_arrays_are_not_slower_than_a_tenth_of_large_ones() {
        let (small, large) = (bandwidth(1, 1 << 12), bandwidth(1, 1 << 24));
        assert!(large > 0.05 && small > 0.1 * large, "{small} and {large} GB/s");
    }

    #[test]
    fn two_workers_are_not_slower_than_a_tenth_of_one() {
        let of = |workers| gflops(&Compute { workers, ..Compute::cpu() });
        let (one, two) = (of(1), of(2));
        assert!(one > 0.1 && two > 0.1 * one, "{one} and {two} GFLOP/s");
    }
}
