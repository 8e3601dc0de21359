//! Whole rounds of federated training by criterion: `cargo bench --bench train`.
//!
//! One group for each question: which model, which batch, which chunk, how many workers, which device. Samples a second
//! is criterion's `elem/s`. `imfl bench train` prints the same with memory and shares of the machine's peak; what was measured
//! stands in `docs/performance.md`.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imfl_engine::client::Client;
use imfl_engine::data::{Dataset, ImageShape, Kind};
use imfl_engine::device::{self, Compute, DeviceName};
use imfl_engine::federated::{Federation, LocalSgd, Participant};
use imfl_engine::model::Architecture;
use imfl_engine::random::{Purpose, keyed};
use rand::{Rng, RngExt};
use std::sync::Arc;

/// Clients of a round and samples of each: pfl-research's benchmark has 50 of 50.
const COHORT: usize = 10;
const SAMPLES: usize = 50;
const CLASSES: u16 = 10;

/// A round that can be repeated from the same start.
struct Round {
    federation: Federation,
    cohort: Vec<Participant>,
}

impl Round {
    fn new(model: Architecture, batch: usize, compute: Compute) -> Self {
        let side = if model == Architecture::Mlp { 28 } else { 32 };
        let shape = ImageShape { channels: if model == Architecture::Mlp { 1 } else { 3 }, height: side, width: side };
        let count = COHORT * SAMPLES;
        let mut random = keyed(0, Purpose::Benchmark, 0, 0, 0);
        let mut images = vec![0; count * shape.size()];
        random.fill_bytes(&mut images);
        let labels = (0..count).map(|_| random.random_range(0..CLASSES)).collect();
        let names = (0..CLASSES).map(|class| class.to_string()).collect();
        let data = Dataset::new("random", shape, names, images, labels).expect("as many labels as images");
        let normalisation = data.normalisation();
        let built = model.build(shape, usize::from(CLASSES)).expect("the images are large enough");
        let local = LocalSgd { batch, ..LocalSgd::default() };
        let cohort = (0..COHORT as u32).map(|id| {
            let first = id * SAMPLES as u32;
            let client = Client::authentic(id, &(first..first + SAMPLES as u32).collect::<Vec<_>>());
            Participant { client, weight: 1.0 }
        });
        let cohort = cohort.collect();
        Self { federation: Federation::new(built, Arc::new(data), &normalisation, local, compute, 0), cohort }
    }

    fn measure(&self, group: &mut BenchmarkGroup<WallTime>, id: BenchmarkId) {
        let start = self.federation.start();
        group.throughput(Throughput::Elements((COHORT * SAMPLES) as u64));
        group.bench_function(id, |bencher| {
            bencher.iter(|| self.federation.apply(start.clone(), &self.cohort).expect("random data trains"));
        });
    }
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group
}

fn models(criterion: &mut Criterion) {
    let mut group = group(criterion, "model");
    for model in Architecture::fitting(&Kind::Images) {
        Round::new(model, 10, Compute::cpu()).measure(&mut group, BenchmarkId::from_parameter(model.name()));
    }
}

fn batches(criterion: &mut Criterion) {
    let mut group = group(criterion, "batch, simple-cnn");
    for batch in [1, 5, 10, 25, 50] {
        Round::new(Architecture::SimpleCnn, batch, Compute::cpu())
            .measure(&mut group, BenchmarkId::from_parameter(batch));
    }
}

fn chunks(criterion: &mut Criterion) {
    let mut group = group(criterion, "chunk, simple-cnn");
    for chunk in [1, 2, 5, 10] {
        let compute = Compute { chunk: Some(chunk), ..Compute::cpu() };
        Round::new(Architecture::SimpleCnn, 10, compute).measure(&mut group, BenchmarkId::from_parameter(chunk));
    }
}

fn workers(criterion: &mut Criterion) {
    for model in [Architecture::SimpleCnn, Architecture::Mlp] {
        let mut group = group(criterion, &format!("workers, {}", model.name()));
        let all = imfl_engine::worker::available();
        let counts = (0..).map(|power| 1 << power).take_while(|&count| count < all).chain([all]);
        for count in counts {
            let compute = Compute { workers: count, ..Compute::cpu() };
            Round::new(model, 10, compute).measure(&mut group, BenchmarkId::from_parameter(count));
        }
    }
}

/// Every device of this build; `ndarray` only with the perceptron, since a round of its convolutions takes minutes.
fn devices(criterion: &mut Criterion) {
    for model in [Architecture::SimpleCnn, Architecture::Mlp] {
        let mut group = group(criterion, &format!("device, {}", model.name()));
        for name in device::present().into_iter().map(|adapter| adapter.name) {
            if name == DeviceName::NdArray && model != Architecture::Mlp {
                continue;
            }
            let compute = Compute::open(name, None).expect("it was listed as present");
            Round::new(model, 10, compute).measure(&mut group, BenchmarkId::from_parameter(name));
        }
    }
}

criterion_group!(benches, models, batches, chunks, workers, devices);
criterion_main!(benches);
