//! A round lives on the device: what crosses between host and device in a round, and how many kernels are launched, counted on whatever
//! GPU is present (Mesa's lavapipe serves: see `backends.rs`).
#![cfg(any(feature = "wgpu", feature = "cuda"))]

mod common;

use common::alone;
use imfl_engine::client::Client;
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::device::{self, Compute, DeviceName};
use imfl_engine::federated::{Federation, Hostility, LocalSgd, Participant, Private, ServerState};
use imfl_engine::meter::{self, Counted};
use imfl_engine::model::Architecture;
use imfl_engine::network::{LinkSource, Network, Presence};
use imfl_privacy::secret::Secret;
use std::sync::Arc;

/// Every GPU, or what passes for one.
fn gpus() -> Vec<DeviceName> {
    let names = device::present().into_iter().map(|adapter| adapter.name);
    names.filter(|name| matches!(name, DeviceName::Wgpu(_) | DeviceName::Cuda(_))).collect()
}

/// 64 clients of six small images each.
fn data() -> Dataset {
    let shape = ImageShape { channels: 3, height: 8, width: 8 };
    let pixels = (0..384 * shape.size()).map(|i| (i * i % 251) as u8).collect();
    let names = (0..10).map(|class| class.to_string()).collect();
    Dataset::new("small", shape, names, pixels, (0..384).map(|i| i % 10).collect()).unwrap()
}

/// A federation with so many clients a round.
fn federation(name: DeviceName, cohort: u32) -> (Federation, Vec<Participant>) {
    let data = data();
    let normalisation = data.normalisation();
    let model = Architecture::SimpleCnn.build(data.shape, data.classes()).unwrap();
    let local = LocalSgd { batch: 3, ..LocalSgd::default() };
    let compute = Compute::open(name, Some(1)).unwrap();
    let federation = Federation::new(model, Arc::new(data), &normalisation, local, compute, 1);
    let client = |id: u32| Client::authentic(id, &(6 * id..6 * id + 6).collect::<Vec<_>>());
    (federation, (0..cohort).map(|id| Participant::by_samples(client(id))).collect())
}

/// What the third round of a federation counts whose updates are joined by a rule.
fn third_round(name: DeviceName, cohort: u32, rule: &str) -> (Counted, u64) {
    let (mut federation, cohort) = federation(name, cohort);
    federation.aggregation = rule.parse().unwrap();
    let state = federation.train(federation.start(), 2, &cohort).unwrap();
    let parameters = state.weights.values().len() as u64;
    (meter::count(|| federation.apply(state, &cohort).unwrap()).1, parameters)
}

#[test]
fn what_crosses_in_a_round_does_not_grow_with_the_cohort() {
    let _turn = alone();
    for (name, rule) in gpus().into_iter().flat_map(|name| [(name, "mean"), (name, "clip:0.05")]) {
        let rounds = [8, 16].map(|cohort| (cohort, third_round(name, cohort, rule)));
        for (cohort, (counted, parameters)) in rounds {
            println!("{cohort} clients on {name}, {rule}, {parameters} parameters: {counted:?}");
            // Which sample is in which row, and a key for each step: the images and the model are there.
            assert!(counted.transfers.to_device < 64 << 10, "{counted:?}");
            // One aggregate, verdicts and losses.
            assert!(counted.transfers.from_device < 10 * parameters + (64 << 10), "{counted:?}");
        }
        assert_eq!(rounds[0].1.0.launches, rounds[1].1.0.launches, "on {name}");
    }
}

/// The model on the device takes the server's steps itself: a federation that has it there all the time computes what one computes to
/// which it is brought anew for every round.
#[test]
fn the_model_that_stays_on_the_device_is_the_servers_to_the_bit() {
    let _turn = alone();
    for name in gpus() {
        let (stays, cohort) = federation(name, 8);
        let mut states = [stays.start(), stays.start()];
        for round in 0..3 {
            let brought = federation(name, 8).0;
            states = {
                let [first, second] = states;
                [stays.apply(first, &cohort).unwrap().0, brought.apply(second, &cohort).unwrap().0]
            };
            assert!(states[0] == states[1], "round {round} on {name}");
        }
        // A state from elsewhere is brought.
        let (fresh, trained) = (stays.start(), states[0].clone());
        assert_ne!(stays.apply(fresh, &cohort).unwrap().0.weights, trained.weights);
        let evaluations =
            [&stays, &federation(name, 8).0].map(|federation| federation.evaluate(&trained, &federation.images));
        assert_eq!(evaluations[0], evaluations[1]);
    }
}

/// What makes a federation of another kind.
type Change = fn(&mut Federation);

/// Sends updates over a network.
fn connect(federation: &mut Federation, policy: &str, compression: &str) {
    federation.network = Some(Arc::new(Network {
        links: LinkSource::Mobile.links(8, 3).unwrap(),
        seconds_per_sample: (1..=8).map(|client| f64::from(client) * 1e-3).collect(),
        rhythm: Presence::Always.open().unwrap(),
        policy: policy.parse().unwrap(),
        compression: compression.parse().unwrap(),
        cohort: 8,
    }));
}

/// A round of a kind is the round of the CPU, and its updates came home if it needs each by itself. Each kind moves the model by
/// far more than the two may differ. They differ by roundings, and where an activation is so near to a switch, of a ReLU or of
/// pooling, that it falls to either side of it: there two instruction sets of one CPU differ as well.
#[test]
fn whoever_needs_every_update_gets_it() {
    let kinds: [(&str, bool, Change); 8] = [
        ("privacy", true, |one| one.private = Some(Private::new(0.05, 0.5, 8.0, 64, Secret::known(5)).unwrap())),
        ("clipping", false, |one| one.aggregation = "clip:0.05".parse().unwrap()),
        ("a median", true, |one| one.aggregation = "median".parse().unwrap()),
        ("an attack", true, |one| {
            one.hostility = Some(Hostility { attack: "gaussian:0.1".parse().unwrap(), clients: [1].into() });
        }),
        ("memory", true, |one| one.local.algorithm = "scaffold".parse().unwrap()),
        ("lateness", true, |one| one.availability.late = 0.5),
        ("compression", true, |one| connect(one, "wait", "q8")),
        ("a buffer", true, |one| connect(one, "buffered:3", "f32")),
    ];
    let _turn = alone();
    let three = |name, change: Change| -> (ServerState, Counted) {
        let (mut federation, cohort) = federation(name, 8);
        change(&mut federation);
        let (state, counted) = meter::count(|| federation.train(federation.start(), 3, &cohort).unwrap());
        (state, counted)
    };
    let distance = |a: &ServerState, b: &ServerState| -> f32 {
        a.weights.values().iter().zip(b.weights.values()).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    for name in gpus() {
        let (plain, _) = three(DeviceName::Cpu, |_| ());
        for (kind, needs_each, change) in kinds {
            let ((here, _), (there, counted)) = (three(DeviceName::Cpu, change), three(name, change));
            let (off, moved) = (distance(&here, &there), distance(&here, &plain));
            println!("{kind} on {name}: off by {off:.1e}, and by {moved:.1e} from the plain rounds; {counted:?}");
            assert!(moved > 10.0 * off, "{kind} on {name}: {off} {moved}");
            assert_eq!(here.late.len(), there.late.len(), "{kind} on {name}");
            assert_eq!(here.variates.clients.len(), there.variates.clients.len(), "{kind} on {name}");
            // Eight clients that send something in the first round at least, four bytes a parameter; three sums are eight bytes each.
            let all = 8 * 4 * here.weights.values().len() as u64;
            assert_eq!(counted.transfers.from_device >= all, needs_each, "{kind} on {name}: {counted:?}");
        }
    }
}

/// Where a clipped round differs from the CPU's by more than roundings, it is one client that does, and not the cut: an activation of it fell to the
/// other side of a switch. Each round starts from the CPU's state, so that a switch of one round is not carried to the next.
#[test]
fn a_clipped_round_is_off_by_no_more_than_its_clients() {
    let _turn = alone();
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    for name in gpus() {
        let [(here, cohort), (there, _)] = [DeviceName::Cpu, name].map(|name| {
            let (mut federation, cohort) = federation(name, 8);
            federation.aggregation = "clip:0.05".parse().unwrap();
            (federation, cohort)
        });
        let (mut state, mut switched) = (here.start(), 0);
        for round in 0..3 {
            let both = |one: &Participant| [&here, &there].map(|side| side.train_client(&state, &one.client).values);
            let off: Vec<f32> = cohort.iter().map(both).map(|[here, there]| apart(&here, &there)).collect();
            let next = [&here, &there].map(|side| side.apply(state.clone(), &cohort).unwrap().0);
            let whole = apart(next[0].weights.values(), next[1].weights.values());
            println!("round {round} on {name}: off by {whole:.1e}, its clients by {off:?}");
            switched += off.iter().filter(|off| **off > 1e-5).count();
            // A mean of cut updates moves less than the updates do.
            assert!(whole <= off.iter().sum::<f32>() / 8.0, "round {round} on {name}: {whole} {off:?}");
            [state, _] = next;
        }
        assert!(switched <= 1, "{switched} of 24 trainings on {name}");
    }
}
