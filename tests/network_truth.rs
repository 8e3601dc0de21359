//! Nobody gains by reporting another bandwidth or another price of its bytes and seconds, under the rules that promise truthfulness: the
//! markets are those that a run makes of its network.

mod common;

use common::small_run::config;
use imfl_aigc::Theta;
use imfl_mechanism::{Guarantee, RuleChoice};
use imfl_run::Host;
use imfl_run::assessment::Assessment;
use imfl_run::config::{self, RunConfig};
use imfl_run::pipeline::{Profile, Setup, allocate, partition, profile};
use std::path::Path;

/// Factors of what is reported.
const LIES: [f64; 8] = [0.01, 0.3, 0.9, 0.999, 1.001, 1.1, 3.0, 100.0];

/// Reports of one client: its bandwidth and its prices, each times a factor.
struct Report {
    bandwidth: f64,
    megabyte: f64,
    second: f64,
}

fn reports() -> Vec<Report> {
    let honest = || Report { bandwidth: 1.0, megabyte: 1.0, second: 1.0 };
    let alone = LIES.into_iter().flat_map(|lie| {
        [
            Report { bandwidth: lie, ..honest() },
            Report { megabyte: lie, ..honest() },
            Report { second: lie, ..honest() },
        ]
    });
    let together = LIES.into_iter().map(|lie| Report { bandwidth: 1.0 / lie, megabyte: lie, second: lie });
    alone.chain(together).collect()
}

#[test]
fn no_client_gains_by_lying_about_its_network() {
    let root = tempfile::tempdir().unwrap();
    let path = config(
        root.path(),
        "[network]\nlinks = \"mobile\"\ncredits_per_megabyte = 0.002\ncredits_per_second = 0.004\n",
    );
    let (mut tried, mut rules, mut switched) = (0, 0, 0);
    for seed in 1..=5 {
        let settings = RunConfig { seed: Some(seed), ..config::read(Path::new(&path)).unwrap() };
        let setup = Setup::open(settings, &Host::default()).unwrap();
        let clients = partition(&setup).unwrap();
        let profile = profile::run(&setup, &clients, None).unwrap();
        let theta = Theta { theta: 0.2, theta_floor: 0.1, g_data: 2.0, g_diff: 0.8 };
        let assessment = Assessment {
            g_data: 2.0,
            sigma: 1.0,
            smoothness: 1.0,
            theta: Some(theta),
            theta_above_noise: None,
            filling: None,
        };
        let truth = allocate::market(&setup, &profile, &assessment).unwrap();
        let knowledge = allocate::knowledge(&setup, &profile).unwrap();
        // What each client would report its costs to be.
        let reported = |index: usize, report: &Report| {
            let lying = setup.with(seed, |config| {
                config.network.credits_per_megabyte *= report.megabyte;
                config.network.credits_per_second *= report.second;
            });
            let mut told: Profile = profile.clone();
            let link = told.clients[index].link.as_mut().unwrap();
            (link.up, link.down) = (link.up * report.bandwidth, link.down * report.bandwidth);
            allocate::market(&lying, &told, &assessment).unwrap().costs()[index]
        };
        for rule in RuleChoice::ALL {
            let mechanism = rule.mechanism(&truth, &knowledge).unwrap();
            if !mechanism.facts().guarantees.contains(&Guarantee::Truthfulness) {
                continue;
            }
            rules += 1;
            let honest = mechanism.run(&truth.with_costs(truth.costs().to_vec()).unwrap()).unwrap();
            for index in 0..truth.len() {
                for report in reports() {
                    let lied = mechanism.run(&truth.with_report(index, reported(index, &report)).unwrap()).unwrap();
                    let award = &lied.awards[index];
                    let gained = award.payment.micros() - truth.costs()[index].of(award.mode).micros();
                    let before = honest.awards[index].payment.micros() - honest.awards[index].cost.micros();
                    assert!(
                        gained <= before,
                        "seed {seed}, {rule}, client {index}: {gained} instead of {before} micro-credits"
                    );
                    tried += 1;
                    switched += usize::from(award.mode != honest.awards[index].mode);
                }
            }
        }
    }
    assert!(rules >= 15 && tried > 3000, "{rules} markets and rules, {tried} lies");
    assert!(switched > 20, "lies change who takes part: {switched} of {tried}");
}
