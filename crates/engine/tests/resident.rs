//! A round lives on the device: what crosses between host and device in a round, and how many kernels are launched, counted on whatever
//! GPU is present (Mesa's lavapipe serves: see `backends.rs`).
#![cfg(any(feature = "wgpu", feature = "cuda"))]

use imfl_engine::client::Client;
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::device::{self, Compute, DeviceName};
use imfl_engine::federated::{Federation, LocalSgd, Participant};
use imfl_engine::meter::{self, Counted};
use imfl_engine::model::Architecture;
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

/// What the third round of a federation counts, with so many clients a round.
fn third_round(name: DeviceName, cohort: u32) -> (Counted, usize) {
    let data = data();
    let normalisation = data.normalisation();
    let model = Architecture::SimpleCnn.build(data.shape, data.classes()).unwrap();
    let parameters = model.layout().size();
    let local = LocalSgd { batch: 3, ..LocalSgd::default() };
    let compute = Compute::open(name, Some(1)).unwrap();
    let federation = Federation::new(model, Arc::new(data), &normalisation, local, compute, 1);
    let client = |id: u32| Client::authentic(id, &(6 * id..6 * id + 6).collect::<Vec<_>>());
    let cohort: Vec<Participant> = (0..cohort).map(|id| Participant::by_samples(client(id))).collect();
    let mut state = federation.start();
    for _ in 0..2 {
        state = federation.apply(state, &cohort).unwrap().0;
    }
    (meter::count(|| federation.apply(state, &cohort).unwrap()).1, parameters)
}

#[test]
fn what_crosses_in_a_round_does_not_grow_with_the_cohort() {
    for name in gpus() {
        for cohort in [8, 16] {
            let (counted, parameters) = third_round(name, cohort);
            println!("{cohort} clients on {name}, {parameters} parameters: {counted:?}");
        }
    }
}
