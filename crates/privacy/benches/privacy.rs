//! One account, one draw of noise, one masked vector.

use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use imfl_privacy::account::{Question, Report, noise_for};
use imfl_privacy::clip::clip;
use imfl_privacy::masks::{Joining, SealedShares};
use imfl_privacy::noise::{DiscreteGaussian, Variance, paper};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;

const VALUES: usize = 1 << 16;

fn account(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("account");
    group.sample_size(10);
    for (name, noise, rate, rounds) in
        [("usual", 1.0, 0.05, 1000), ("little noise", 0.25, 0.1, 300), ("many rounds", 4.0, 0.003, 1_000_000)]
    {
        let question = Question { noise: Some(noise), rate, rounds, delta: 1e-6, ..Question::default() };
        group.bench_function(name, |bencher| bencher.iter(|| Report::new(black_box(&question))));
    }
    group
        .bench_function("noise for an epsilon", |bencher| bencher.iter(|| noise_for(black_box(2.0), 1e-6, 0.05, 1000)));
    group.finish();
}

fn noise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise");
    let variance = || Variance::scaled(0.8, 1 << 38).expect("in range");
    group.bench_function("make a sampler", |bencher| bencher.iter(|| DiscreteGaussian::new(variance())));
    group.throughput(Throughput::Elements(VALUES as u64));
    for (name, variance) in [("sigma 2^38", variance()), ("sigma 10", Variance::new(100, 1).expect("in range"))] {
        let gaussian = DiscreteGaussian::new(variance);
        let (mut rng, mut sums) = (ChaCha8Rng::seed_from_u64(1), vec![0; VALUES]);
        group.bench_function(name, |bencher| bencher.iter(|| gaussian.add(&mut sums, &mut rng)));
    }
    group.throughput(Throughput::Elements(1));
    let (mut rng, variance) = (ChaCha8Rng::seed_from_u64(1), variance());
    group.bench_function("the paper's algorithm", |bencher| {
        bencher.iter(|| paper::discrete_gaussian(&mut rng, &variance))
    });
    group.finish();
}

fn vectors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vectors");
    group.throughput(Throughput::Elements(VALUES as u64));
    let long: Vec<i64> = (0..VALUES as i64).map(|k| (k * 7919) << 12).collect();
    group.bench_function("clip", |bencher| {
        bencher.iter_batched_ref(|| long.clone(), |values| clip(values, 1 << 38), criterion::BatchSize::LargeInput)
    });
    let masked = || {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (joining, roster): (Vec<_>, Vec<_>) = (0..11).map(|client| Joining::new(0, client, &mut rng)).unzip();
        let (mut sharing, sealed): (Vec<_>, Vec<_>) =
            joining.into_iter().map(|client| client.share(&roster, 6, &mut rng).expect("a whole roster")).unzip();
        let mine: Vec<SealedShares> = sealed.into_iter().flatten().filter(|shares| shares.to == 0).collect();
        (sharing.swap_remove(0), mine, vec![0i64; VALUES])
    };
    let mask = |(client, sealed, mut values): (imfl_privacy::masks::Sharing, Vec<SealedShares>, Vec<i64>)| {
        client.mask(sealed, &mut values).map(drop)
    };
    group.bench_function("mask among 11 clients", |bencher| {
        bencher.iter_batched(masked, mask, criterion::BatchSize::LargeInput)
    });
    group.finish();
}

criterion_group!(benches, account, noise, vectors);
criterion_main!(benches);
