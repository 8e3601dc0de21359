//! Rounds as a whole: what they learn, what they do not depend on, and each algorithm against its definition.

use super::*;
use crate::client::{Client, Images, Sample};
use crate::data::{Dataset, ImageShape, Kind};
use crate::device::Compute;
use crate::gradient;
use crate::model::Architecture;
use crate::parameters::Weights;
use std::sync::Arc;

/// Two classes that differ in which half is bright.
fn halves(samples: usize) -> Dataset {
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let pixels = (0..samples * 64).map(|i| {
        let (sample, pixel) = (i / 64, i % 64);
        let bright = (pixel < 32) == (sample % 2 == 0);
        ((i * 7919) % 100 + if bright { 120 } else { 0 }) as u8
    });
    let names = vec!["top".to_string(), "bottom".to_string()];
    Dataset::new("halves", shape, names, pixels.collect(), (0..samples).map(|i| (i % 2) as u16).collect()).unwrap()
}

fn local(rate: f64) -> LocalSgd {
    LocalSgd { rate, epochs: 2, batch: 4, ..LocalSgd::default() }
}

fn local_by(algorithm: &str, rate: f64) -> LocalSgd {
    LocalSgd { algorithm: algorithm.parse().unwrap(), ..local(rate) }
}

/// Seventy samples over five clients of different sizes.
fn federation(model: Architecture, local: LocalSgd) -> (Federation, Vec<Participant>) {
    let data = halves(70);
    let shares = "dirichlet:1+quantity:2".parse::<crate::partition::Scheme>().unwrap().partition(&data, 5, 1).unwrap();
    let cohort = shares
        .iter()
        .enumerate()
        .map(|(id, share)| Participant { client: Client::authentic(id as u32, share), weight: share.len() as f64 });
    let cohort = cohort.collect();
    let normalisation = data.normalisation();
    let model = model.build(data.shape, 2).unwrap();
    (Federation::new(model, Arc::new(data), &normalisation, local, Compute::cpu(), 3), cohort)
}

fn train(federation: &Federation, cohort: &[Participant], rounds: usize) -> (ServerState, Vec<f64>) {
    let mut losses = Vec::new();
    let start = init(federation.model.as_ref(), 9);
    let see = |_: &ServerState, report: RoundReport| {
        losses.push(report.train_loss);
        Ok::<_, TrainingError>(())
    };
    let state = federation.train_with(start, rounds as u64, |_| Ok(cohort), see).unwrap();
    (state, losses)
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Every way of training that takes another path through a step.
fn ways() -> Vec<LocalSgd> {
    vec![
        local(0.05),
        LocalSgd { momentum: 0.9, weight_decay: 1e-3, ..local(0.05) },
        local_by("fedprox:0.1", 0.05),
        local_by("scaffold", 0.05),
    ]
}

#[test]
fn a_model_is_bit_identical_for_any_workers_and_any_chunk() {
    for model in Architecture::fitting(&Kind::Images) {
        for way in ways() {
            let (mut federation, cohort) = federation(model, way.clone());
            let sizes: Vec<usize> = cohort.iter().map(|one| one.client.samples.len()).collect();
            assert!(sizes.iter().max() > sizes.iter().min(), "clients of one size would not wait for each other");
            let mut after = |workers, chunk| {
                (federation.compute.workers, federation.compute.chunk) = (workers, Some(chunk));
                train(&federation, &cohort, 5)
            };
            let one = after(1, 1);
            for (workers, chunk) in [(2, 1), (1, 4), (2, 4), (1, 50)] {
                let other = after(workers, chunk);
                let off = farthest(one.0.weights.values(), other.0.weights.values());
                assert!(one == other, "{model:?}, {way:?}: {workers} workers, chunks of {chunk}: off by {off}");
            }
        }
    }
}

#[test]
fn every_way_of_training_learns() {
    for way in ways() {
        let (federation, cohort) = federation(Architecture::SimpleCnn, way.clone());
        let (_, losses) = train(&federation, &cohort, 4);
        assert!(losses[3] < losses[0] / 2.0, "{way:?}: {losses:?}");
    }
}

/// One client, one step on all its samples: what each algorithm does to the weights is known.
#[test]
fn a_step_is_the_one_that_the_definition_gives() {
    let whole = |local: LocalSgd| LocalSgd { epochs: 1, batch: 70, rate: 0.1, ..local };
    let (base, _) = federation(Architecture::Mlp, whole(local(0.1)));
    let samples: Vec<Sample> = (0..70).map(Sample::Authentic).collect();
    let gradient = |weights: &Weights| {
        gradient::of_sets(base.model.as_ref(), weights, &base.images, std::slice::from_ref(&samples), &base.compute)
            .remove(0)
    };
    let client = Client { id: 0, samples: samples.clone() };
    let cohort = [Participant { client, weight: 1.0 }];
    let start = init(base.model.as_ref(), 9);
    let at_start = gradient(&start.weights);
    let run = |local: LocalSgd| {
        let federation = Federation { local, ..base.clone() };
        federation.apply(start.clone(), &cohort).unwrap().0.weights
    };
    let expect = |found: &Weights, step: &dyn Fn(usize) -> f32, what: &str| {
        let expected: Vec<f32> = start.weights.values().iter().enumerate().map(|(i, w)| w + step(i)).collect();
        let off = farthest(found.values(), &expected);
        assert!(off < 2e-6, "{what} is off by {off}");
    };
    let w = start.weights.values();
    let sgd = run(whole(local(0.1)));
    expect(&sgd, &|i| -0.1 * at_start[i], "SGD");
    let scheduled = whole(LocalSgd { schedule: Schedule::Cosine { rounds: 1, floor: 0.5 }, ..local(0.1) });
    expect(&run(scheduled), &|i| -0.1 * at_start[i], "a schedule in its first round");
    let decayed = whole(LocalSgd { weight_decay: 0.5, ..local(0.1) });
    expect(&run(decayed), &|i| -0.1 * (at_start[i] + 0.5 * w[i]), "weight decay");

    // Two steps: momentum remembers the first, FedProx pulls the second back.
    let second = gradient(&sgd);
    let two = |local: LocalSgd| LocalSgd { epochs: 2, ..whole(local) };
    let momentum = two(LocalSgd { momentum: 0.5, ..local(0.1) });
    expect(&run(momentum), &|i| -0.1 * (at_start[i] + second[i] + 0.5 * at_start[i]), "momentum");
    let proximal = two(local_by("fedprox:2", 0.1));
    expect(&run(proximal), &|i| -0.1 * (at_start[i] + second[i] + 2.0 * -0.1 * at_start[i]), "FedProx");
}

#[test]
fn scaffold_keeps_its_sum_and_is_fedavg_in_the_first_round() {
    let scaffold = local_by("scaffold", 0.05);
    let (corrected, cohort) = federation(Architecture::Mlp, scaffold);
    let (plain, _) = federation(Architecture::Mlp, local(0.05));
    let (first, _) = train(&corrected, &cohort, 1);
    let off = farthest(first.weights.values(), train(&plain, &cohort, 1).0.weights.values());
    assert!(off < 1e-6, "without variates the first round corrects nothing; off by {off}");
    let (state, _) = train(&corrected, &cohort, 3);
    assert_eq!(state.variates.clients.len(), 5);
    // With everybody in, c is the mean of all c_k after every round.
    let mean = |i: usize| state.variates.clients.values().map(|own| f64::from(own[i])).sum::<f64>() / 5.0;
    let off =
        state.variates.server.iter().enumerate().map(|(i, c)| (f64::from(*c) - mean(i)).abs()).fold(0.0, f64::max);
    assert!(off < 1e-5, "the server's variate is off the mean by {off}");
    assert!(
        farthest(state.weights.values(), train(&plain, &cohort, 3).0.weights.values()) > 1e-4,
        "it corrects something"
    );
}

#[test]
fn a_diverged_round_names_the_client() {
    for workers in [1, 2] {
        let (mut federation, cohort) = federation(Architecture::SimpleCnn, local(1e30));
        federation.compute.workers = workers;
        let error = federation.apply(init(federation.model.as_ref(), 9), &cohort).unwrap_err();
        assert!(matches!(error, TrainingError::Diverged { round: 1, client: 0, .. }), "{error}");
    }
}

#[test]
fn cohorts_that_make_no_sense_are_refused() {
    let (federation, mut cohort) = federation(Architecture::Mlp, local(0.1));
    let start = init(federation.model.as_ref(), 9);
    assert_eq!(federation.apply(start.clone(), &[]).unwrap_err(), TrainingError::EmptyCohort(1));
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        cohort[2].weight = weight;
        let error = federation.apply(start.clone(), &cohort).unwrap_err();
        assert!(matches!(error, TrainingError::Weight { round: 1, client: 2, .. }), "{error}");
    }
}

#[test]
fn one_client_of_many_that_diverges_is_left_out() {
    let (federation, mut cohort) = federation(Architecture::Mlp, local(0.1));
    // A client without samples trains nothing and returns the model as it was.
    cohort[1].client.samples.clear();
    let (_, report) = federation.apply(init(federation.model.as_ref(), 9), &cohort).unwrap();
    assert!(report.rejected.is_empty() && report.train_loss.is_finite());
    let mut state = init(federation.model.as_ref(), 9);
    state.variates.server = vec![0.0; state.weights.values().len()];
    let mut broken = state.variates.server.clone();
    broken[0] = f32::NAN;
    state.variates.clients.insert(3, Arc::new(broken));
    let scaffold = Federation { local: local_by("scaffold", 0.1), ..federation };
    let (state, report) = scaffold.apply(state, &cohort).unwrap();
    assert_eq!(report.rejected, [Rejection { client: 3, reason: Refusal::NotFinite }]);
    assert!(state.weights.values().iter().all(|value| value.is_finite()));
    assert!(state.variates.server.iter().all(|value| value.is_finite()), "a rejected client's variate does not count");
}

#[test]
fn small_and_lopsided_clients_train() {
    let (federation, _) = federation(Architecture::SimpleCnn, LocalSgd { epochs: 1, batch: 4, ..LocalSgd::default() });
    let participant = |id: u32, samples: &[u32]| Participant { client: Client::authentic(id, samples), weight: 1.0 };
    // One sample; a last batch of one; a class that nobody has (even samples are all of class 0).
    let cohort = [participant(0, &[2]), participant(1, &[0, 2, 4, 6, 8])];
    let (state, report) = federation.apply(init(federation.model.as_ref(), 9), &cohort).unwrap();
    assert_eq!(report.samples, 6);
    // Batches of four: 1 of 4 rows, 5 of 8.
    assert!((report.padding - 0.5).abs() < 1e-12, "{}", report.padding);
    assert!(report.rejected.is_empty() && state.weights.values().iter().all(|value| value.is_finite()));
}

#[test]
fn evaluation_counts_each_image_once_for_any_number_of_workers() {
    let (federation, _) = federation(Architecture::SimpleCnn, local(0.1));
    let weights = init(federation.model.as_ref(), 9).weights;
    let data = Arc::new(halves(301));
    let images = Images::new(data, &halves(301).normalisation());
    let compute = |workers| Compute { workers, ..Compute::cpu() };
    let of = |workers| evaluate(federation.model.as_ref(), &weights, &images, &compute(workers));
    let one = of(1);
    assert_eq!(one.samples, 301);
    assert!(one.loss > 0.0 && (0.0..=1.0).contains(&one.accuracy()));
    assert_eq!(one, of(3));
    // Clients that share the images out share the counts out.
    let clients: Vec<Client> = [0..120, 120..300, 300..301, 0..0]
        .into_iter()
        .enumerate()
        .map(|(id, range)| Client::authentic(id as u32, &range.collect::<Vec<_>>()))
        .collect();
    let clients: Vec<&Client> = clients.iter().collect();
    let each = evaluate_clients(federation.model.as_ref(), &weights, &images, &clients, &compute(2));
    assert_eq!(each.iter().map(|one| one.samples).collect::<Vec<_>>(), [120, 180, 1, 0]);
    assert_eq!(each.iter().map(|one| one.correct).sum::<usize>(), one.correct);
    let loss: f64 = each.iter().map(|one| one.loss * one.samples as f64).sum::<f64>() / 301.0;
    assert!((loss - one.loss).abs() < 1e-6);
    assert_eq!((each[3].loss, each[3].accuracy()), (0.0, 0.0));
}

mod elsewhere;
mod failing;
mod networks;
mod unreliable;
