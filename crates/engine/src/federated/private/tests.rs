//! Sums that are clipped exactly, noise that is added once, masks that change nothing.

use super::*;
use crate::client::Client;
use crate::data::{Dataset, ImageShape};
use crate::device::Compute;
use crate::federated::intake::{Closing, Intake};
use crate::federated::{Availability, Federation, Hostility, LocalSgd, Participant, TrainingError};
use crate::model::Architecture;
use crate::network::{LinkSource, Network, Presence};
use imfl_privacy::masks::{Joining, Server};
use imfl_privacy::secret::Draw;
use proptest::prelude::*;
use std::sync::Arc;

fn private(clip: f64, noise: f64, expected: f64) -> Private {
    Private::new(clip, noise, expected, 100, Secret::known(5)).unwrap()
}

fn sum(private: &Private, state: &ServerState, size: usize) -> PrivateSum {
    PrivateSum::new(size, Arc::new(private.release(state).unwrap()))
}

/// Ten clients with four images each.
fn federation() -> (Federation, Vec<Participant>) {
    let shape = ImageShape { channels: 1, height: 4, width: 4 };
    let labels: Vec<u16> = (0..40).map(|i| i % 2).collect();
    let pixels = labels.iter().flat_map(|label| [40 + 150 * *label as u8; 16]).collect();
    let data = Arc::new(Dataset::new("shades", shape, vec!["dark".into(), "bright".into()], pixels, labels).unwrap());
    let model = Architecture::Mlp.build(shape, 2).unwrap();
    let normalisation = data.normalisation();
    let local = LocalSgd { batch: 4, ..LocalSgd::default() };
    let federation = Federation::new(model, data, &normalisation, local, Compute::cpu(), 3);
    let client = |id: u32| Participant::by_samples(Client::authentic(id, &(4 * id..4 * id + 4).collect::<Vec<u32>>()));
    (federation, (0..10).map(client).collect())
}

fn network() -> Network {
    Network {
        links: LinkSource::Mobile.links(10, 3).unwrap(),
        seconds_per_sample: vec![1.0; 10],
        rhythm: Presence::Always.open().unwrap(),
        policy: "wait".parse().unwrap(),
        compression: "f32".parse().unwrap(),
        cohort: 10,
    }
}

fn squared(values: &[i64]) -> u128 {
    values.iter().map(|value| u128::from(value.unsigned_abs()).pow(2)).sum()
}

proptest! {
    /// As integers, in exact arithmetic: never longer than the bound, and hardly shorter where there was something to cut.
    #[test]
    fn what_a_client_adds_is_never_longer_than_the_bound(
        change in prop::collection::vec(-3.0f32..3.0, 1..200),
        base in -2.0f32..2.0,
        scale in -20i32..8,
        clip in 1e-4f64..30.0,
    ) {
        let (federation, _) = federation();
        let private = private(clip, 1.0, 1.0);
        let mut sum = sum(&private, &federation.start(), change.len());
        let base = vec![base; change.len()];
        let model: Vec<f32> = change.iter().zip(&base).map(|(x, base)| base + x * 2f32.powi(scale)).collect();
        sum.take(0, &base, &model, 0.1).unwrap();
        let bound = (clip / UNIT) as u64;
        prop_assert!(squared(&sum.sums) <= u128::from(bound).pow(2));
        let true_length = base.iter().zip(&model).map(|(a, b)| (f64::from(*b) - f64::from(*a)).powi(2)).sum::<f64>().sqrt();
        let length = (squared(&sum.sums) as f64).sqrt() * UNIT;
        prop_assert!(length >= clip.min(true_length) * (1.0 - 1e-6) - 1e-9, "{length} {clip} {true_length}");
        prop_assert_eq!(sum.votes, if true_length < clip * (1.0 - 1e-6) { 1 } else { -1 });
    }
}

#[test]
fn what_cannot_be_added_leaves_no_trace() {
    let (federation, _) = federation();
    let mut sum = sum(&private(1.0, 1.0, 1.0), &federation.start(), 2);
    for bad in [f32::NAN, f32::INFINITY, 1e9, f32::MAX] {
        assert!(sum.take(0, &[0.0; 2], &[0.5, bad], 1.0).is_err());
    }
    assert_eq!((sum.sums, sum.votes), (vec![0; 2], 0));
}

/// The sum of all clients' changes that the engine takes in is, to the bit, what the server of the masking protocol finds, who
/// sees no change of any client; two clients drop out on the way.
#[test]
fn masked_sums_are_the_sums_that_the_engine_takes_in() {
    let (federation, _) = federation();
    let (private, state) = (private(0.7, 1.0, 4.0), federation.start());
    let base = state.weights.values();
    let model =
        |client: u64| base.iter().zip(0u64..).map(|(w, i)| w + ((i * 31 + client * 17) % 13) as f32 * 0.01).collect();
    let models: Vec<Vec<f32>> = (0..6).map(model).collect();
    let alone = |client: usize| {
        let mut own = sum(&private, &state, base.len());
        own.take(client as u32, base, &models[client], 1.0).unwrap();
        own
    };
    let mut random = Secret::known(8).stream(Draw::Coins, 0, 0);
    let mut server = Server::new(1, 4, base.len()).unwrap();
    let (joining, adverts): (Vec<_>, Vec<_>) = (0..6).map(|client| Joining::new(1, client, &mut random)).unzip();
    let roster = server.roster(adverts).unwrap().to_vec();
    let (mut sharing, mut sealed) = (Vec::new(), Vec::new());
    for client in joining {
        let (next, shares) = client.share(&roster, 4, &mut random).unwrap();
        sharing.push(next);
        sealed.extend(shares);
    }
    // Client 2 falls silent before it sends, client 4 after.
    let mut whole: Option<Box<dyn Intake>> = None;
    let mut masked = Vec::new();
    for (client, next) in sharing.into_iter().enumerate() {
        let mine = sealed.iter().filter(|shares| shares.to == client as u64).cloned().collect();
        let own = alone(client);
        let mut vector = own.sums.clone();
        let next = next.mask(mine, &mut vector).unwrap();
        if client != 2 {
            server.add(client as u64, &vector).unwrap();
            masked.push((client, next));
            match &mut whole {
                Some(whole) => whole.merge(Box::new(own)),
                None => whole = Some(Box::new(own)),
            }
        }
    }
    let survivors = server.survivors();
    let answers =
        masked.into_iter().filter(|(client, _)| *client != 4).map(|(_, next)| next.reveal(&survivors).unwrap());
    let found = server.finish(answers.collect()).unwrap();
    let whole = whole.unwrap();
    let plain: Box<dyn std::any::Any> = whole;
    let plain = plain.downcast::<PrivateSum>().unwrap();
    assert!(plain.sums == found && found.iter().any(|value| *value != 0));
}

/// One draw for each value, of the deviation that was asked for, whoever took part; divided by the expected cohort.
#[test]
fn noise_is_added_once_and_divided_by_the_expected_cohort() {
    let (federation, cohort) = federation();
    let noisy = |cohort: &[Participant], noise: f64, round: u64| {
        let federation = Federation { private: Some(private(0.5, noise, 4.0)), ..federation.clone() };
        let start = ServerState { round, ..federation.start() };
        let (state, report) = federation.apply(start.clone(), cohort).unwrap();
        assert_eq!((report.clip, report.skipped), (Some(0.5), false));
        let moved = |(a, b): (&f32, &f32)| f64::from(*a) - f64::from(*b);
        state.weights.values().iter().zip(start.weights.values()).map(moved).collect::<Vec<f64>>()
    };
    let deviation = |values: &[f64]| (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt();
    let nobody = noisy(&[], 2.0, 0);
    // A thousand draws and more: four deviations of a sample deviation.
    let allowed = 4.0 / (2.0 * nobody.len() as f64).sqrt();
    assert!((deviation(&nobody) / (2.0 * 0.5 / 4.0) - 1.0).abs() < allowed + 1e-3, "{}", deviation(&nobody));
    assert_ne!(nobody, noisy(&[], 2.0, 1), "each round has noise of its own");
    // With clients the same noise is there once: what is left is their mean change, clipped.
    let (all, all_again) = (noisy(&cohort, 2.0, 0), noisy(&cohort, 0.001, 0));
    let clipped: Vec<f64> = all.iter().zip(&nobody).map(|(all, noise)| all - noise).collect();
    assert!(deviation(&clipped) * (clipped.len() as f64).sqrt() <= 10.0 * 0.5 / 4.0 + 1e-3);
    let apart = clipped.iter().zip(&all_again).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 0.001, "{apart}");
}

/// Whatever the tree, the noise of all rounds so far is that of the nodes of the prefix.
#[test]
fn the_noise_of_a_trees_rounds_adds_up_to_its_prefix() {
    let (federation, _) = federation();
    let tree = Tree::new(13).unwrap();
    let private = private(0.5, 1.0, 1.0).correlated(Correlation::Tree(tree));
    let mut sums = [0.0; 3];
    for round in 1..=13 {
        let release = private.release(&ServerState { round: round - 1, ..federation.start() }).unwrap();
        release.mean(&[0; 3], 2).iter().zip(&mut sums).for_each(|(value, sum)| *sum += value);
        let mut expected = [0i64; 3];
        for node in tree.prefix(round) {
            let mut random = Secret::known(5).stream(Draw::Node, (node.index << 6) | u64::from(node.level), 0);
            expected.iter_mut().for_each(|value| *value += release.gaussian.sample(&mut random));
        }
        let apart = sums.iter().zip(expected).map(|(sum, value)| (sum - value as f64 * UNIT).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-9, "round {round}: {apart}");
    }
}

#[test]
fn a_bound_follows_the_clients_and_is_part_of_the_state() {
    let (mut federation, cohort) = federation();
    // Little noise: more would move the model so far that its clients' updates are longer than 100.
    federation.private = Some(private(100.0, 0.001, 10.0).following(0.5, 0.5, 0.5).unwrap());
    let mut state = federation.start();
    let mut bounds = Vec::new();
    for _ in 0..5 {
        let report;
        (state, report) = federation.apply(state, &cohort).unwrap();
        bounds.push(report.clip.unwrap());
    }
    assert!(bounds.windows(2).all(|pair| pair[1] < pair[0]), "all are within 100: {bounds:?}");
    assert!(state.clip.unwrap() < bounds[4]);
    let parts = state.to_parts().unwrap();
    assert_eq!(ServerState::from_parts(state.weights.layout(), 5, &parts).unwrap(), state);
}

#[test]
fn what_voids_a_guarantee_is_refused() {
    type Change = fn(&mut Federation);
    let changes: [(Change, Void); 7] = [
        (|federation| federation.aggregation = "median".parse().unwrap(), Void::Aggregation),
        (|federation| federation.local.algorithm = "scaffold".parse().unwrap(), Void::Memory),
        (|federation| federation.availability = Availability { late: 0.1, ..Availability::default() }, Void::Late),
        (|federation| federation.quorum = 2, Void::Quorum),
        (|federation| federation.hostility = Some(Hostility::draw("nan".parse().unwrap(), 1, 10, 1)), Void::Attack),
        (|federation| federation.network = Some(Arc::new(network())), Void::Network),
        (
            |federation| {
                let private = federation.private.take().unwrap().following(0.5, 0.2, 1.0).unwrap();
                federation.private = Some(private.correlated(Correlation::Tree(Tree::new(4).unwrap())));
            },
            Void::MovingClip,
        ),
    ];
    for (change, void) in changes {
        let (mut federation, cohort) = federation();
        federation.private = Some(private(0.5, 1.0, 4.0));
        change(&mut federation);
        let error = federation.apply(federation.start(), &cohort).unwrap_err();
        assert_eq!(error, TrainingError::Void { round: 1, source: void });
    }
    let wrong =
        [(0.0, 1.0, 1.0), (f64::NAN, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, 101.0), (1e3, 1e3, 1.0)];
    for (clip, noise, expected) in wrong {
        assert!(Private::new(clip, noise, expected, 100, Secret::known(1)).is_err(), "{clip} {noise} {expected}");
    }
    assert!(Private::new(512.0, 1.0, 1.0, 1 << 20, Secret::known(1)).is_err(), "their sum would not fit");
    assert!(private(1.0, 4.0, 10.0).following(0.5, 0.2, 1.0).is_err(), "votes with too little noise");
}

#[test]
fn diverged_clients_add_nothing_and_end_nothing() {
    let (mut federation, cohort) = federation();
    (federation.private, federation.local.rate) = (Some(private(0.5, 1.0, 4.0)), f64::MAX);
    let (state, report) = federation.apply(federation.start(), &cohort).unwrap();
    let (empty, _) = federation.apply(federation.start(), &[]).unwrap();
    assert!(report.counted.is_empty() && report.rejected.len() == 10);
    assert_eq!(state.weights.values(), empty.weights.values());
    let intake = sum(federation.private.as_ref().unwrap(), &federation.start(), 1);
    let mut intake: Box<dyn Intake> = Box::new(intake);
    let closing = Closing { in_time: vec![], arriving: vec![], total: 0.0, hostility: None, seed: 0, round: 1 };
    assert!(intake.close(closing).accepted.is_empty());
}
