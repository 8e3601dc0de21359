//! The promise that a CPU's result depends on neither threads nor chunks, on real images with a cohort that fills them.

use imfl_engine::client::Client;
use imfl_engine::data;
use imfl_engine::device::Compute;
use imfl_engine::federated::{CohortSampling, Federation, LocalSgd, Participant, ServerState};
use imfl_engine::model::Architecture;
use imfl_engine::partition::Scheme;
use std::path::Path;
use std::sync::Arc;

const SEED: u64 = 11;
const CLIENTS: usize = 60;
const COHORT: usize = 50;

/// Five rounds of pfl's CNN, dropout included, on ragged clients of about ten images.
fn five_rounds(workers: usize, chunk: usize) -> ServerState {
    let images = data::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/mnist"), SEED).unwrap().test;
    let few: Vec<u32> = (0..600).collect();
    let images = Arc::new(images.select(&few));
    let normalisation = images.normalisation();
    let shares = "dirichlet:0.5+quantity:3".parse::<Scheme>().unwrap().partition(&images, CLIENTS, SEED).unwrap();
    let clients = (0..).zip(&shares).map(|(id, share)| Client::authentic(id, share));
    let everybody: Vec<Participant> = clients.map(Participant::by_samples).collect();
    let weights: Vec<f64> = everybody.iter().map(|one| one.weight).collect();
    assert!(weights.iter().any(|&w| w > 20.0) && weights.iter().any(|&w| w < 5.0), "ragged: {weights:?}");
    let model = Architecture::SimpleCnn.build(images.shape, images.classes()).unwrap();
    let compute = Compute { workers, chunk: Some(chunk), ..Compute::cpu() };
    let local = LocalSgd { rate: 0.05, batch: 10, ..LocalSgd::default() };
    let federation = Federation::new(model, images, &normalisation, local, compute, SEED);
    let mut state = federation.start();
    for round in 1..=5 {
        let cohort = CohortSampling::default().cohort(&everybody, COHORT, SEED, round).unwrap();
        let report;
        (state, report) = federation.apply(state, &cohort).unwrap();
        assert_eq!((report.plan.workers, report.plan.chunk), (workers.min(COHORT.div_ceil(chunk)), chunk));
    }
    state
}

#[test]
fn a_model_is_bit_identical_after_five_rounds_for_one_and_two_workers_and_chunks_of_1_4_and_50() {
    let one = five_rounds(1, 1);
    for (workers, chunk) in [(2, 1), (1, 4), (2, 4), (1, 50)] {
        let other = five_rounds(workers, chunk);
        let same = one.weights.values().iter().zip(other.weights.values()).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same && one == other, "{workers} workers, chunks of {chunk}");
    }
}
