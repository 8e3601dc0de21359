//! Attacks on private rounds, which fail the test if they find out more than was promised; and, so that they can, do find out
//! more where the promise was broken on purpose.

use imfl_engine::federated::{Private, evaluate_clients};
use imfl_engine::prelude::*;
use imfl_privacy::account::{Question, Report};
use imfl_privacy::secret::Secret;
use std::sync::Arc;

const CLIENTS: u32 = 6;
const IMAGES: u32 = 4;
const DELTA: f64 = 1e-2;
/// Chance that one bound on one probability is wrong: four of them make a bound on epsilon, which so holds with 95 %.
const ALPHA: f64 = 0.0125;

/// Softmax regression: the fewer values a release has, the cheaper are thousands of trials, and the more the noise on each matters.
struct Regression {
    layout: Arc<Layout>,
    head: Linear,
}

impl Regression {
    fn new(shape: ImageShape, classes: usize) -> Self {
        let mut layout = Layout::new();
        let head = Linear::new(&mut layout, "head", shape.channels * shape.height * shape.width, classes);
        Self { layout: Arc::new(layout), head }
    }
}

impl Model for Regression {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, _pass: &mut Pass, inputs: Tensor<5>) -> Tensor<3> {
        flatten(inputs)
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.head.forward(pass, features)
    }
}

/// Six clients with four images of 4x4 pixels, two dark and two bright ones. The last has them the wrong way round.
fn world(seed: u64) -> (Federation, Vec<Participant>) {
    let shape = ImageShape { channels: 1, height: 4, width: 4 };
    let count = CLIENTS * IMAGES;
    let truth = |i: u32| (i % 2) as u16;
    let pixels =
        (0..count).flat_map(|i| (0..16).map(move |p| (60 + 100 * truth(i) as u32 + (i * 37 + p * 11) % 40) as u8));
    let wrong = count - IMAGES;
    let labels = (0..count).map(|i| if i < wrong { truth(i) } else { 1 - truth(i) }).collect();
    let names = vec!["dark".into(), "bright".into()];
    let data = Arc::new(Dataset::new("shades", shape, names, pixels.collect(), labels).unwrap());
    let model = Arc::new(Regression::new(shape, 2));
    let normalisation = data.normalisation();
    let local = LocalSgd { batch: IMAGES as usize, rate: 0.5, epochs: 2, ..LocalSgd::default() };
    let compute = Compute { workers: 1, ..Compute::cpu() };
    let client = |id: u32| Client::authentic(id, &(IMAGES * id..IMAGES * (id + 1)).collect::<Vec<u32>>());
    let cohort = (0..CLIENTS).map(|id| Participant { client: client(id), weight: 1.0 }).collect();
    (Federation::new(model, data, &normalisation, local, compute, seed), cohort)
}

fn change(from: &ServerState, to: &ServerState) -> Vec<f64> {
    let pairs = to.weights.values().iter().zip(from.weights.values());
    pairs.map(|(to, from)| f64::from(*to) - f64::from(*from)).collect()
}

/// The least probability with which `hits` of `trials` come up with chance [`ALPHA`] or more, by Chernoff's bound.
fn at_least(hits: usize, trials: usize) -> f64 {
    let (share, n) = (hits as f64 / trials as f64, trials as f64);
    let term = |a: f64, b: f64| if a == 0.0 { 0.0 } else { a * (a / b).ln() };
    let (mut low, mut high) = (0.0, share);
    for _ in 0..60 {
        let p = 0.5 * (low + high);
        let unlikely = n * (term(share, p) + term(1.0 - share, 1.0 - p)) > (1.0 / ALPHA).ln();
        if unlikely { low = p } else { high = p }
    }
    low
}

/// A lower bound on epsilon from what a statistic tells of two worlds: a threshold is found on the first half of the trials and
/// tried on the second.
fn empirical_epsilon(with: &[f64], without: &[f64]) -> f64 {
    let half = with.len() / 2;
    let above = |values: &[f64], threshold: f64| values.iter().filter(|value| **value > threshold).count();
    let bound = |with: &[f64], without: &[f64], threshold: f64| {
        let n = with.len();
        let (hits, alarms) = (above(with, threshold), above(without, threshold));
        let ratio = |hits: usize, alarms: usize| {
            let (power, error) = (at_least(hits, n) - DELTA, 1.0 - at_least(n - alarms, n));
            if power > 0.0 { (power / error).ln() } else { 0.0 }
        };
        ratio(hits, alarms).max(ratio(n - alarms, n - hits))
    };
    let of = |threshold: f64| bound(&with[..half], &without[..half], threshold);
    let best = with[..half].iter().chain(&without[..half]).copied().max_by(|a, b| of(*a).total_cmp(&of(*b)));
    bound(&with[half..], &without[half..], best.unwrap())
}

/// What was claimed, and what was done.
struct Audit {
    noise: f64,
    rate: f64,
    true_noise: f64,
    true_rate: f64,
}

const ROUNDS: u64 = 3;
const TRIALS: u64 = 3000;
const CLIP: f64 = 0.05;

impl Audit {
    fn claimed(&self) -> f64 {
        let question =
            Question { noise: Some(self.noise), rate: self.rate, rounds: ROUNDS, delta: DELTA, epsilon: None };
        Report::new(&question).unwrap().epsilon
    }

    /// Log-likelihood ratios of trials in which the canary took part, and in which it did not: the best that can be known by whoever
    /// sees every release and knows the canary's update.
    fn found(&self, trials: u64) -> f64 {
        let (federation, cohort) = world(1);
        let (start, canary) = (federation.start(), cohort[5].clone());
        let (moved, _) = federation.apply(start.clone(), std::slice::from_ref(&canary)).unwrap();
        let direction = change(&start, &moved);
        let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!(length > 2.0 * CLIP, "a canary is clipped: {length}");
        let (q, sigma) = (self.rate, self.noise * CLIP);
        let told = |number: u64, present: bool| {
            let private = Private::new(CLIP, self.true_noise, 1.0, CLIENTS as usize, Secret::known(number)).unwrap();
            let mut private_rounds = federation.clone();
            private_rounds.private = Some(private.clone());
            let ratio = |round: u64| {
                let taking = present && private.coin(round, canary.client.id, self.true_rate);
                let cohort = if taking { std::slice::from_ref(&canary) } else { &[] };
                let before = ServerState { round: round - 1, ..start.clone() };
                let (after, _) = private_rounds.apply(before, cohort).unwrap();
                let along = change(&start, &after).iter().zip(&direction).map(|(x, d)| x * d / length).sum::<f64>();
                (1.0 - q + q * ((along * CLIP - 0.5 * CLIP * CLIP) / (sigma * sigma)).exp()).ln()
            };
            (1..=ROUNDS).map(ratio).sum::<f64>()
        };
        let with: Vec<f64> = (0..trials).map(|trial| told(2 * trial, true)).collect();
        let without: Vec<f64> = (0..trials).map(|trial| told(2 * trial + 1, false)).collect();
        empirical_epsilon(&with, &without)
    }
}

#[test]
fn canaries_tell_no_more_than_was_claimed_and_more_where_it_was_not_kept() {
    let honest = Audit { noise: 1.0, rate: 0.5, true_noise: 1.0, true_rate: 0.5 };
    let (claimed, found) = (honest.claimed(), honest.found(TRIALS));
    println!("claimed {claimed:.3}, canaries {found:.3}");
    assert!(found <= claimed, "canaries tell {found} of {claimed}");
    assert!(found > 0.3 * claimed, "canaries that tell nothing test nothing: {found} of {claimed}");
    // A third of the noise; a client that is always there where a coin was claimed.
    for (what, cheat) in [
        ("noise", Audit { true_noise: 0.33, ..honest }),
        ("coins", Audit { noise: 1.0, rate: 0.1, true_noise: 1.0, true_rate: 1.0 }),
    ] {
        let (claimed, found) = (cheat.claimed(), cheat.found(TRIALS));
        println!("{what}: claimed {claimed:.3}, canaries {found:.3}");
        assert!(found > claimed, "{what}: canaries tell only {found} of {claimed}");
    }
}

const TRAINED: u64 = 12;

/// Loss of the last client's images under the final model of a training with or without it.
fn final_loss(seed: u64, present: bool, private: Option<f64>) -> f64 {
    let (mut federation, cohort) = world(seed);
    let make = |noise| Private::new(0.5, noise, f64::from(CLIENTS), CLIENTS as usize, Secret::known(seed)).unwrap();
    federation.private = private.map(make);
    let there = if present { &cohort[..] } else { &cohort[..5] };
    let state = federation.train(federation.start(), TRAINED, there).unwrap();
    let (model, images) = (federation.model.as_ref(), &federation.images);
    evaluate_clients(model, &state.weights, images, &[&cohort[5].client], &federation.compute)[0].loss
}

/// How far hits are above false alarms, at the best threshold of a likelihood ratio of normal distributions that are fitted to shadow
/// trainings (Carlini et al. 2022, arXiv 2112.03570), on as many trainings that no shadow knows.
fn advantage(private: Option<f64>, trainings: u64) -> f64 {
    let losses = |first: u64, present: bool| {
        let losses: Vec<f64> = (0..trainings).map(|n| final_loss(4 * n + first, present, private)).collect();
        assert!(losses.iter().all(|loss| loss.is_finite()), "an attack on nothing: {losses:?}");
        // A loss that rounds to nothing is as small as can be told.
        losses.iter().map(|loss| loss.max(1e-9).ln()).collect::<Vec<f64>>()
    };
    let (shadow_in, shadow_out) = (losses(0, true), losses(1, false));
    let fit = |values: &[f64]| (imfl_statistics::mean(values), imfl_statistics::deviation(values).max(1e-6));
    let (inside, outside) = (fit(&shadow_in), fit(&shadow_out));
    let log = |x: f64, (mean, deviation): (f64, f64)| -0.5 * ((x - mean) / deviation).powi(2) - deviation.ln();
    let score = |x: &f64| log(*x, inside) - log(*x, outside);
    println!("inside {inside:?}, outside {outside:?}");
    let share = |values: &[f64]| values.iter().filter(|x| score(x) > 0.0).count() as f64 / values.len() as f64;
    share(&losses(2, true)) - share(&losses(3, false))
}

#[test]
fn membership_shows_in_a_final_model_and_not_in_a_private_one() {
    let trainings = 60;
    let epsilon: f64 = 1.0;
    let noise = imfl_privacy::account::noise_for(epsilon, DELTA, 1.0, TRAINED).unwrap();
    // No test has more (Kairouz, Oh and Viswanath 2015), but for three deviations of a difference of two shares.
    let most = (epsilon.exp() - 1.0 + 2.0 * DELTA) / (epsilon.exp() + 1.0) + 3.0 * (0.5 / trainings as f64).sqrt();
    let private = advantage(Some(noise), trainings);
    println!("advantage {private:.3} with epsilon {epsilon}, at most {most:.3}");
    assert!(private <= most, "{private} of {most}");
    for (what, noise) in [("not private", None), ("a hundredth of the noise", Some(0.01 * noise))] {
        let broken = advantage(noise, trainings);
        println!("advantage {broken:.3}: {what}");
        assert!(broken > most, "{what}: a client with labels of its own shows: {broken}");
    }
}
