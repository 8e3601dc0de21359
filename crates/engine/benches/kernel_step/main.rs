//! Training steps of `simple-cnn` and `mlp`, from bare kernels to Burn's tape, beside the machine's matrix product.
//!
//! ```sh
//! cargo bench --workspace --bench kernel_step            # all
//! cargo bench --workspace --bench kernel_step -- 2 cnn   # threads, models
//! ```
//!
//! Each variant runs on as many client threads as asked, in turns with the others, and the best of the turns counts.
//! Where Linux tells it, time is processor time of each thread, since machines are shared; only ratios within a run
//! mean anything.

mod bare;
mod tape;

use bare::{BareCnn, BareMlp};
use burn::tensor::{Device, Tensor};
use std::time::{Duration, Instant};
use tape::{Descent, TapeCnn, TapeMlp, tensor};

const BATCH: usize = 10;
const RATE: f32 = 0.1;
const TURNS: usize = 8;
const TURN: Duration = Duration::from_millis(600);

fn values(n: usize, scale: f32) -> Vec<f32> {
    let mut state = 12_345u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * scale
    };
    (0..n).map(next).collect()
}

/// A dropout mask as the `Dropout` layer draws it, from a cheap generator.
fn mask(n: usize, rate: f32, state: &mut u64) -> Vec<f32> {
    let threshold = (rate * 65_536.0) as u64;
    let keep = 1.0 / (1.0 - rate);
    (0..n)
        .map(|_| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if *state >> 48 < threshold { 0.0 } else { keep }
        })
        .collect()
}

trait Step {
    fn step(&mut self);
}

/// Seconds that this thread has run.
fn processor_time() -> Option<f64> {
    // Give the time slice back first: the count is brought up to date when the thread is switched out or ticked.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds * 1e-9)
}

/// Calls per second of `step`, summed over the threads, in one turn.
fn turn(threads: usize, make: &(dyn Fn() -> Box<dyn Step> + Sync)) -> f64 {
    std::thread::scope(|scope| {
        let run = || {
            let mut one = make();
            for _ in 0..3 {
                one.step();
            }
            let (wall, start, mut calls) = (Instant::now(), processor_time(), 0u32);
            while wall.elapsed() < TURN {
                one.step();
                calls += 1;
            }
            let spent = match (start, processor_time()) {
                (Some(start), Some(end)) => end - start,
                _ => wall.elapsed().as_secs_f64(),
            };
            f64::from(calls) / spent
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().expect("a step panicked")).sum()
    })
}

/// Burn's matrix product on `flex`, which is that of the `gemm` crate.
struct Sgemm {
    a: Tensor<2>,
    b: Tensor<2>,
}

const SIDE: usize = 512;

impl Step for Sgemm {
    fn step(&mut self) {
        std::hint::black_box(self.a.clone().matmul(self.b.clone()));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let threads = arguments.first().and_then(|a| a.parse().ok()).unwrap_or(2);
    let only = arguments.get(1).cloned().unwrap_or_default();
    let sgemm = || -> Box<dyn Step> {
        let square = || tensor([SIDE, SIDE], 1.0, &Device::flex());
        Box::new(Sgemm { a: square(), b: square() })
    };
    type Make = Box<dyn Fn() -> Box<dyn Step> + Sync>;
    // Name, multiply-adds a call, samples a call.
    let cnn = 99.4e6 / 2.0 * BATCH as f64;
    let mlp = (784.0 * 200.0 * 2.0 + 200.0 * 200.0 * 3.0 + 2000.0 * 3.0) * BATCH as f64;
    let variants: Vec<(&str, f64, usize, Make)> = vec![
        ("sgemm 512", (SIDE * SIDE * SIDE) as f64, 0, Box::new(sgemm)),
        ("cnn bare", cnn, BATCH, Box::new(|| Box::new(BareCnn::new()))),
        ("cnn tape", cnn, BATCH, Box::new(|| Box::new(TapeCnn::new(Descent::Tape)))),
        ("cnn sink", cnn, BATCH, Box::new(|| Box::new(TapeCnn::new(Descent::Sink)))),
        ("mlp bare", mlp, BATCH, Box::new(|| Box::new(BareMlp::new()))),
        ("mlp tape", mlp, BATCH, Box::new(|| Box::new(TapeMlp::new(Descent::Tape)))),
        ("mlp sink", mlp, BATCH, Box::new(|| Box::new(TapeMlp::new(Descent::Sink)))),
    ];
    let mut best = vec![0.0f64; variants.len()];
    for _ in 0..TURNS {
        for (best, (name, _, _, make)) in best.iter_mut().zip(&variants) {
            if name.contains("sgemm") || name.contains(&only) {
                *best = best.max(turn(threads, make));
            }
        }
    }
    let peak = best[0] * variants[0].1 * 2e-9;
    println!("{threads} threads, {:?}", imfl_kernel::level());
    println!("{:<12}{:>12}{:>12}{:>10}", "variant", "samples/s", "GFLOP/s", "of sgemm");
    for (best, (name, products, samples, _)) in best.iter().zip(&variants).filter(|(best, _)| **best > 0.0) {
        let rate = best * products * 2e-9;
        println!("{name:<12}{:>12.0}{rate:>12.1}{:>9.0}%", best * *samples as f64, 100.0 * rate / peak);
    }
}
