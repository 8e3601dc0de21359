//! A training step, an evaluation of the denoiser and the drawing of images, on one thread: `cargo bench --workspace --bench generator`.
//! `imfl bench generate` measures the same on all threads.

use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use imfl_aigc::{DenoiserConfig, Generator, Request, SampleSource, Sampling, Trainer, TrainingConfig};
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::device::Compute;
use imfl_engine::random::{Purpose, keyed};
use rand::Rng;
use std::ops::ControlFlow;

/// Images of a training step.
const BATCH: usize = 64;
/// Images drawn at once.
const DRAWN: u64 = 25;

/// Grey digits and colour pictures, by their sizes.
const SHAPES: [(&str, ImageShape); 2] = [
    ("grey 28x28", ImageShape { channels: 1, height: 28, width: 28 }),
    ("colour 32x32", ImageShape { channels: 3, height: 32, width: 32 }),
];

/// Random bytes in ten classes.
fn noise(shape: ImageShape) -> Dataset {
    let mut images = vec![0; 4 * BATCH * shape.size()];
    keyed(0, Purpose::Benchmark, 0, 0, 0).fill_bytes(&mut images);
    let names = (0..10).map(|class| class.to_string()).collect();
    let labels = (0..4 * BATCH).map(|index| (index % 10) as u16).collect();
    Dataset::new("noise", shape, names, images, labels).expect("labels below ten")
}

fn training(c: &mut Criterion) {
    let mut group = c.benchmark_group("training step of 64 images");
    group.sample_size(20).throughput(Throughput::Elements(BATCH as u64));
    for (name, shape) in SHAPES {
        let data = noise(shape);
        let config = TrainingConfig { batch: BATCH, shards: 4, steps: u64::MAX, ..TrainingConfig::default() };
        let mut trainer = Trainer::new(&data, &DenoiserConfig::small(shape, 10), &config).expect("valid settings");
        group.bench_function(name, |b| {
            b.iter(|| trainer.run(&Device::flex(), 1, |_, _| ControlFlow::Break(())).expect("finite"));
        });
    }
}

fn drawing(c: &mut Criterion) {
    for (kind, steps) in [("evaluation of 25 images", 1), ("drawing of 25 images in 12 steps", 12)] {
        let mut group = c.benchmark_group(kind);
        group.sample_size(20).throughput(Throughput::Elements(DRAWN));
        for (name, shape) in SHAPES {
            let data = noise(shape);
            let config = TrainingConfig { steps: 1, batch: 1, shards: 1, ..TrainingConfig::default() };
            let trainer = Trainer::new(&data, &DenoiserConfig::small(shape, 10), &config).expect("valid settings");
            let generator = Generator::of(trainer.finished()).expect("its own network");
            let generator =
                generator.with_sampling(Sampling { steps, ..Sampling::default() }).expect("a number of steps");
            let compute = Compute { workers: 1, ..Compute::cpu() };
            let requests: Vec<Request> =
                (0..DRAWN).map(|index| Request { label: (index % 10) as u16, index }).collect();
            group.bench_function(name, |b| {
                let go_on = &mut |_, _| ControlFlow::Continue(());
                b.iter(|| generator.draw(&requests, 0, &compute, go_on).expect("finite"));
            });
        }
    }
}

criterion_group!(benches, training, drawing);
criterion_main!(benches);
