//! How the rules grow with the market: `cargo bench -p imfl-mechanism`. `docs/mechanism/measurements.md` has the table.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imfl_mechanism::instance::{self, Shape};
use imfl_mechanism::posted::{self, Sampling};
use imfl_mechanism::prior::Prior;
use imfl_mechanism::{Bias, Market, Mechanism, auction, personal};

fn market(clients: usize, bias: Bias) -> Market {
    // kappa grows with the market, so that a good part of it is hired
    instance::crowd(7, Shape { bias, ..Shape::of(clients) }, clients as f64).expect("a valid shape and kappa")
}

fn uniform(c: &mut Criterion) {
    let mut group = c.benchmark_group("uniform price, complete information");
    group.sample_size(10);
    for bias in [Bias::Aligned, Bias::Mixture] {
        for clients in [1_000, 10_000, 100_000, 1_000_000] {
            let market = market(clients, bias);
            group.throughput(Throughput::Elements(clients as u64));
            group.bench_with_input(BenchmarkId::new(bias.to_string(), clients), &market, |b, market| {
                b.iter(|| posted::complete(market));
            });
        }
    }
}

fn incomplete(c: &mut Criterion) {
    let mut group = c.benchmark_group("uniform price, incomplete information, 1000 clients");
    group.sample_size(10);
    let market = market(1_000, Bias::Aligned);
    let prior = Prior::of(market.population());
    for scenarios in [10, 100, 1_000] {
        group.bench_with_input(BenchmarkId::from_parameter(scenarios), &scenarios, |b, &scenarios| {
            b.iter(|| posted::incomplete(&market, &prior, Sampling { scenarios, seed: 1 }));
        });
    }
}

fn selection(c: &mut Criterion) {
    let mut group = c.benchmark_group("personal offers to one percent");
    group.sample_size(10);
    for bias in [Bias::Aligned, Bias::Mixture] {
        let market = market(1_000, bias);
        let options = personal::Options { gap: 0.01, ..Default::default() };
        group.bench_function(bias.to_string(), |b| b.iter(|| personal::offers(&market, options)));
    }
    let market = market(20, Bias::Mixture);
    group.bench_function("VCG, 20 clients, exact", |b| b.iter(|| auction::Vcg::default().run(&market)));
}

criterion_group!(benches, uniform, incomplete, selection);
criterion_main!(benches);
