//! The promise that any number of ranks computes what one process computes, to the bit: here the ranks are threads; the
//! same over MPI is tested through the binary.

use imfl_engine::client::{Client, Images};
use imfl_engine::data;
use imfl_engine::device::Compute;
use imfl_engine::federated::{
    self, Availability, Correlation, Evaluation, Federation, LocalSgd, Participant, Private, Refusal, RoundReport,
    Server, ServerRule, ServerState,
};
use imfl_engine::model::Architecture;
use imfl_engine::network::{LinkSource, Network, Presence};
use imfl_engine::partition::Scheme;
use imfl_engine::{attack::Hostility, gradient};
use imfl_privacy::{ftrl::Tree, secret::Secret};
use imfl_ranks::Ranks;
use std::path::Path;
use std::sync::{Arc, LazyLock};

const SEED: u64 = 5;
const CLIENTS: usize = 12;

static DATA: LazyLock<data::Dataset> = LazyLock::new(|| {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/mnist");
    data::open(&assets, SEED).unwrap().test.select(&(0..400).collect::<Vec<u32>>())
});

/// What is done differently from plain federated averaging.
type Change = fn(&mut Federation);

/// What a rank leaves with: state, reports without times, evaluation of all and of each client, gradients.
type Left = (ServerState, Vec<RoundReport>, Vec<Evaluation>, Vec<Vec<f32>>);

fn three_rounds(ranks: &Ranks, change: Change) -> Left {
    let images = Arc::new(DATA.clone());
    let normalisation = images.normalisation();
    let shares = "dirichlet:0.5+quantity:3".parse::<Scheme>().unwrap().partition(&images, CLIENTS, SEED).unwrap();
    let clients: Vec<Client> = (0..).zip(&shares).map(|(id, share)| Client::authentic(id, share)).collect();
    let model = Architecture::Mlp.build(images.shape, images.classes()).unwrap();
    let compute = Compute { workers: 1, ranks: ranks.clone(), ..Compute::cpu() };
    let mut federation = Federation::new(model, images.clone(), &normalisation, LocalSgd::default(), compute, SEED);
    change(&mut federation);
    let mut state = federated::init(federation.model.as_ref(), SEED);
    let mut reports = Vec::new();
    for _ in 0..3 {
        let cohort: Vec<Participant> = clients
            .iter()
            .map(|client| Participant { client: client.clone(), weight: client.samples.len() as f64 })
            .collect();
        let (next, report) = federation.apply(state, &cohort).unwrap();
        state = next;
        if ranks.are_several() {
            assert!(report.waiting >= 0.0 && report.communication > 0.0);
        }
        let plan = federated::Plan { chunk: 1, workers: 1 };
        reports.push(RoundReport { seconds: 0.0, waiting: 0.0, communication: 0.0, plan, ..report });
    }
    let (model, weights) = (federation.model.as_ref(), &state.weights);
    let all: Vec<&Client> = clients.iter().collect();
    let evaluations =
        federated::evaluate_clients(model, weights, &Images::new(images, &normalisation), &all, &federation.compute);
    let sets: Vec<_> = clients.iter().map(|client| client.samples.clone()).collect();
    let gradients = gradient::of_sets(model, weights, &federation.images, &sets, &federation.compute);
    (state, reports, evaluations, gradients)
}

fn same(name: &str, change: Change) {
    let alone = three_rounds(&Ranks::alone(), change);
    for size in [2, 3, 14] {
        let left: Vec<Left> = imfl_ranks::together(size, |ranks| three_rounds(&ranks, change));
        for (rank, (state, reports, evaluations, gradients)) in left.iter().enumerate() {
            let at = format!("{name}, rank {rank} of {size}");
            let bits =
                |state: &ServerState| state.weights.values().iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
            assert!(bits(state) == bits(&alone.0) && *state == alone.0, "{at}: another state");
            assert_eq!(format!("{reports:?}"), format!("{:?}", alone.1), "{at}");
            assert_eq!(*evaluations, alone.2, "{at}");
            assert_eq!(*gradients, alone.3, "{at}");
        }
    }
}

#[test]
fn federated_averaging() {
    same("fedavg", |_| ());
    same("clip", |federation| federation.aggregation = "clip:0.5".parse().unwrap());
    same("fedadam", |federation| federation.server = Server::new(ServerRule::FedAdam));
}

#[test]
fn scaffold_and_late_clients() {
    let scaffold = |federation: &mut Federation| {
        federation.local.algorithm = "scaffold".parse().unwrap();
    };
    same("scaffold", scaffold);
    same("late clients", |federation| {
        federation.availability = Availability { before: 0.1, late: 0.3, ..Availability::default() };
    });
    same("scaffold with late clients", |federation| {
        federation.local.algorithm = "scaffold".parse().unwrap();
        federation.availability = Availability { after: 0.1, late: 0.3, ..Availability::default() };
    });
}

/// Links that differ, in three ways of being slow on them.
#[test]
fn networks() {
    fn on(federation: &mut Federation, policy: &str, compression: &str) {
        federation.network = Some(Arc::new(Network {
            links: LinkSource::Mobile.links(CLIENTS, SEED).unwrap(),
            seconds_per_sample: vec![1e-3; CLIENTS],
            rhythm: "markov:1:0.2".parse::<Presence>().unwrap().open().unwrap(),
            policy: policy.parse().unwrap(),
            compression: compression.parse().unwrap(),
            cohort: 6,
        }));
    }
    same("a deadline and eight bits", |federation| on(federation, "late-counts:0.4", "q8"));
    same("buffered rounds and error feedback", |federation| on(federation, "buffered:3", "top-k:0.1"));
    same("selection and scaffold", |federation| {
        federation.local.algorithm = "scaffold".parse().unwrap();
        on(federation, "oort", "f16");
    });
}

#[test]
fn rules_that_see_every_update() {
    same("trimmed mean", |federation| federation.aggregation = "trimmed-mean:2".parse().unwrap());
    same("krum", |federation| federation.aggregation = "krum:3".parse().unwrap());
    same("geometric median of attacked updates", |federation| {
        federation.aggregation = "geometric-median".parse().unwrap();
        federation.hostility = Some(Hostility::draw("little-is-enough".parse().unwrap(), 3, CLIENTS, SEED));
    });
    same("median with updates that are refused", |federation| {
        federation.aggregation = "median".parse().unwrap();
        federation.hostility = Some(Hostility::draw("nan".parse().unwrap(), 3, CLIENTS, SEED));
    });
}

/// The first round's steps leave the range of numbers for some clients, by both ways there are.
#[test]
fn refusals_reach_every_rank() {
    let diverging = |federation: &mut Federation| {
        federation.local.rate = 10.0;
        federation.local.schedule = "exponential:0.001".parse().unwrap();
    };
    let (_, reports, ..) = three_rounds(&Ranks::alone(), diverging);
    let refused = |reason| reports[0].rejected.iter().any(|rejection| rejection.reason == reason);
    assert!(refused(Refusal::TooFar) && refused(Refusal::NotFinite) && !reports[0].counted.is_empty(), "{reports:?}");
    same("steps that leave the range of numbers", diverging);
}

fn private(federation: &mut Federation) -> Private {
    federation.private.take().unwrap_or_else(|| Private::new(0.5, 0.8, 6.0, CLIENTS, Secret::known(3)).unwrap())
}

/// Noise is added once, to what all ranks have together.
#[test]
fn private_rounds() {
    same("private", |federation| federation.private = Some(private(federation)));
    same("private with a bound that follows", |federation| {
        federation.private = Some(private(federation).following(0.5, 0.2, 1.0).unwrap());
        federation.server = Server::new(ServerRule::FedAdam);
    });
    same("private with a tree, and clients that drop out", |federation| {
        federation.private = Some(private(federation).correlated(Correlation::Tree(Tree::new(9).unwrap())));
        federation.availability = Availability { before: 0.1, after: 0.2, ..Availability::default() };
    });
}
