//! How often honest clients are flagged, who is caught, and what lies cost the server. Nothing is trained: clients are drawn, checked and priced.

use super::*;
use crate::config::{GeneratorSource, RunConfig};
use crate::host::Host;
use crate::pipeline::{allocate, claims, partition, profile};
use imfl_engine::partition::Scheme;
use imfl_mechanism::Forecast;

/// A setup on the shipped images.
fn opened(seed: u64, clients: usize, scheme: &str, change: impl FnOnce(&mut RunConfig)) -> Setup {
    let mut config = RunConfig { seed: Some(seed), ..RunConfig::default() };
    config.partition.clients = clients;
    config.partition.scheme = scheme.parse::<Scheme>().unwrap();
    config.generator.evaluations = Some(6);
    config.costs.seconds_per_sample = Some(1e-3);
    config.costs.seconds_per_image = Some(0.02);
    config.costs.seconds_for_setup = Some(0.5);
    change(&mut config);
    Setup::open(config, &Host::default()).unwrap()
}

/// `cargo test --release -p imfl-run honest_clients -- --ignored --nocapture`
#[test]
#[ignore = "gradients of 60,000 images"]
fn honest_clients_are_hardly_ever_flagged() {
    let (mut flagged, mut all) = (Vec::new(), 0);
    for (seed, scheme) in
        (1..).zip(["iid", "dirichlet:1+quantity:4", "dirichlet:0.3+quantity:4", "dirichlet:0.1", "iid+quantity:1"])
    {
        let setup = opened(seed, 80, scheme, |config| config.generator.source = GeneratorSource::None);
        let shares = partition(&setup).unwrap();
        let truth = profile::run(&setup, &shares, None).unwrap();
        let (_, found) = run(&setup, &shares, claims::run(&setup, &truth), None).unwrap();
        println!("{scheme}: {} of {}: {found:?}", found.len(), shares.len());
        all += shares.len();
        flagged.extend(found);
    }
    assert!(all >= 300 && flagged.len() * 100 <= all, "{} of {all}", flagged.len());
}

/// `cargo test --release -p imfl-run lies_cost -- --ignored --nocapture`
#[test]
#[ignore = "gradients of 200,000 images"]
fn lies_cost_the_server_little() {
    let forecast =
        Forecast::parse(&std::fs::read_to_string(crate::assets::path("forecasts/mnist.toml").unwrap()).unwrap())
            .unwrap();
    let mut honest = Vec::new();
    for lie in [
        None,
        Some(Lie::Maximal),
        Some(Lie::Half),
        Some(Lie::Quarter),
        Some(Lie::Swapped),
        Some(Lie::Duplicated),
        Some(Lie::Forged),
    ] {
        for check in [ClaimCheck::Gradients, ClaimCheck::None] {
            let (mut costs, mut caught, mut wrongly) = (Vec::new(), 0, 0);
            for seed in 1..=3 {
                let setup = opened(seed, 20, "dirichlet:0.3+quantity:4", |config| {
                    (config.claims.lie, config.claims.check) = (lie, check);
                    config.claims.liars = if lie.is_some() { 5 } else { 0 };
                });
                let shares = partition(&setup).unwrap();
                let truth = profile::run(&setup, &shares, None).unwrap();
                let told = claims::run(&setup, &truth);
                let liars = told.liars.clone();
                let (believed, found) = run(&setup, &shares, told, None).unwrap();
                caught += found.iter().filter(|found| liars.contains(&found.client)).count();
                wrongly += found.iter().filter(|found| !liars.contains(&found.client)).count();
                let market = allocate::forecast_market(&setup, &believed, &forecast).unwrap();
                let knowledge = allocate::knowledge(&setup, &believed).unwrap();
                let rule = setup.config.mechanism.rule().mechanism(&market, &knowledge).unwrap();
                let outcome = rule.run(&market).unwrap();
                // what its choice of participants is worth in truth
                let true_market = allocate::forecast_market(&setup, &truth, &forecast).unwrap();
                let loss = true_market.loss(&outcome.modes()).unwrap().to_f64();
                costs.push(loss + outcome.payments.to_f64());
            }
            let mean = costs.iter().sum::<f64>() / costs.len() as f64;
            if lie.is_none() && check == ClaimCheck::Gradients {
                honest.push(mean);
            }
            let times = mean / honest[0];
            println!(
                "{lie:?} {check:?}: caught {caught} of 15, {wrongly} honest ones flagged, server cost {times:.3} times the honest one"
            );
            let is_seen = !matches!(lie, Some(Lie::Forged));
            assert!(check == ClaimCheck::None || !is_seen || times <= 1.1, "{lie:?}: {times}");
        }
    }
}
