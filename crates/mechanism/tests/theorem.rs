//! The convergence bound on quadratics, where both of its sides are known exactly.
//!
//! Class y has the objective (1/2) w'Hw - b_y'w with one diagonal H for all, so client objectives differ from the target's by a constant
//! gradient, and the mean and the variance of every coordinate follow a linear recursion: the left side of the bound is computed, not sampled.

use imfl_mechanism::{Bias, ClientSpec, Constants, LossModel, Market, Mode, Population, TargetChoice, Weights};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DIM: usize = 6;
type Vector = [f64; DIM];

fn norm(v: &Vector) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn direction(rng: &mut ChaCha8Rng) -> Vector {
    let v: Vector = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
    let length = norm(&v).max(1e-9);
    v.map(|x| x / length)
}

struct Instance {
    market: Market,
    modes: Vec<Mode>,
    /// Diagonal of H.
    curvature: Vector,
    /// Gradient of client k's objective at w: H w - pull[k].
    pull: Vec<Vector>,
    /// The same for the target.
    target: Vector,
    start: Vector,
    rounds: usize,
    /// p_k - p of authentic labels, `[clients][classes]`.
    deviations: Vec<Vec<f64>>,
}

fn instance(seed: u64, bias: Bias) -> Instance {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (clients, classes) = (rng.random_range(1..7), rng.random_range(2..6));
    let smoothness = 10f64.powf(rng.random_range(-1.0..1.0));
    let local_steps = rng.random_range(1..12);
    // up to the largest rate that the theorem allows
    let rate = rng.random_range(0.1..1.0f64).powi(2) / (4.0 * smoothness * f64::from(local_steps));
    let mut curvature: Vector = std::array::from_fn(|_| smoothness * rng.random_range(0.05..1.0));
    curvature[0] = smoothness;
    let pulls: Vec<Vector> =
        (0..classes).map(|_| direction(&mut rng).map(|x| x * rng.random_range(0.2..3.0))).collect();
    let target: Vector = std::array::from_fn(|i| pulls.iter().map(|b| b[i]).sum::<f64>() / classes as f64);
    // class gradients up to a constant, which cancels in every difference of label shares
    let away = |b: &Vector| norm(&std::array::from_fn(|i| b[i] - target[i]));
    let g_data = pulls.iter().map(away).fold(0.0, f64::max);
    let theta = rng.random_range(0.0..1.0);
    let sigma = rng.random_range(0.0..3.0);

    let mut specs = Vec::new();
    let mut modes = Vec::new();
    let mut pull = Vec::new();
    let mut deviations = Vec::new();
    for k in 0..clients {
        let power = rng.random_range(0.5..8.0);
        let raw: Vec<f64> = (0..classes).map(|_| rng.random::<f64>().powf(power)).collect();
        let shares: Vec<f64> = raw.iter().map(|share| share / raw.iter().sum::<f64>()).collect();
        let skew: f64 = shares.iter().map(|share| (share - 1.0 / classes as f64).abs()).sum();
        deviations.push(shares.iter().map(|share| share - 1.0 / classes as f64).collect());
        let mode = [Mode::Local, Mode::Augmented][rng.random_range(0..2)];
        pull.push(match mode {
            Mode::Augmented => {
                // labels are the target's, generated gradients are off by as much as theta allows
                let off = direction(&mut rng);
                std::array::from_fn(|i| target[i] + theta * skew * g_data * off[i])
            }
            _ => std::array::from_fn(|i| shares.iter().zip(&pulls).map(|(share, b)| share * b[i]).sum()),
        });
        modes.push(mode);
        specs.push(ClientSpec {
            id: k.to_string(),
            samples: rng.random_range(1..500),
            skew: None,
            shares: Some(shares),
            compute_cost: 0.0,
            synthesis_cost: 0.0,
            setup_cost: 0.0,
            batch: rng.random_range(1..20),
        });
    }
    let constants = Constants { g_data, sigma, smoothness, rate, local_steps };
    assert!(constants.theorem_holds());
    let weights = if seed.is_multiple_of(2) { Weights::Effective } else { Weights::Samples };
    let model = LossModel::new(constants, theta, 1.0, bias, weights).unwrap();
    let market = Market::new(Population::new(specs, &TargetChoice::Uniform).unwrap(), model).unwrap();
    let far = 10f64.powf(rng.random_range(-2.0..1.0));
    let start = std::array::from_fn(|i| target[i] / curvature[i] + far * rng.random_range(-1.0..1.0));
    Instance { market, modes, curvature, pull, target, start, rounds: rng.random_range(1..200), deviations }
}

impl Instance {
    /// mean_t E ||grad F(w_t)||^2, and 4 (F(w_0) - F*) / (eta h T). With `finite`, every client's objective has an error of its own with
    /// variance sigma^2 / d_k, over which the mean is taken too.
    fn sides(&self, finite: bool) -> (f64, f64) {
        let constants = self.market.bound().unwrap().constants();
        let (eta, h) = (constants.rate, constants.local_steps as i32);
        let weights = self.market.aggregation_weights(&self.modes);
        let noise = constants.sigma.powi(2) / DIM as f64;
        let clients = || weights.iter().zip(self.market.clients());
        let per_step: f64 = clients().map(|(a, client)| a * a * noise / f64::from(client.batch())).sum();
        let per_data: f64 = clients().map(|(a, client)| a * a * noise / client.samples() as f64).sum();
        let (mut left, mut gap) = (0.0, 0.0);
        for i in 0..DIM {
            let curvature = self.curvature[i];
            let optimum = self.target[i] / curvature;
            let pull: f64 = weights.iter().zip(&self.pull).map(|(a, pull)| a * pull[i]).sum();
            let shrink = (1.0 - eta * curvature).powi(h);
            let steps: f64 = (0..h).map(|j| (1.0 - eta * curvature).powi(2 * j)).sum();
            let (mut mean, mut variance, mut response) = (self.start[i], 0.0, 0.0);
            gap += 0.5 * curvature * (mean - optimum).powi(2);
            for _ in 0..self.rounds {
                let data = if finite { per_data * response * response } else { 0.0 };
                left += curvature.powi(2) * ((mean - optimum).powi(2) + variance + data);
                mean = shrink * mean + (1.0 - shrink) * pull / curvature;
                variance = shrink * shrink * variance + eta * eta * steps * per_step;
                response = shrink * response + (1.0 - shrink) / curvature;
            }
        }
        (left / self.rounds as f64, 4.0 * gap / (eta * f64::from(h) * self.rounds as f64))
    }
}

/// Client k takes `steps[k]` local steps. What the theorem says of that: mean_t E ||grad F(w_t)||^2, and its bound.
fn unequal(of: &Instance, bias: Bias, steps: &[i32]) -> (f64, f64) {
    let constants = of.market.bound().unwrap().constants();
    let (eta, smoothness, g) = (constants.rate, constants.smoothness, constants.g_data);
    let weights = of.market.aggregation_weights(&of.modes);
    let each = || weights.iter().zip(steps).enumerate().map(|(k, (a, h))| (k, *a, f64::from(*h)));
    let noise = |k: usize| constants.sigma.powi(2) / f64::from(of.market.clients()[k].batch());
    let (mut left, mut gap) = (0.0, 0.0);
    for i in 0..DIM {
        let curvature = of.curvature[i];
        let optimum = of.target[i] / curvature;
        let (mut shrink, mut push, mut spread) = (0.0, 0.0, 0.0);
        for (k, a, _) in each() {
            let own = (1.0 - eta * curvature).powi(steps[k]);
            shrink += a * own;
            push += a * (1.0 - own) * of.pull[k][i] / curvature;
            let sum: f64 = (0..steps[k]).map(|j| (1.0 - eta * curvature).powi(2 * j)).sum();
            spread += a * a * eta * eta * sum * noise(k) / DIM as f64;
        }
        let (mut mean, mut variance) = (of.start[i], 0.0);
        gap += 0.5 * curvature * (mean - optimum).powi(2);
        for _ in 0..of.rounds {
            left += curvature.powi(2) * ((mean - optimum).powi(2) + variance);
            mean = shrink * mean + push;
            variance = shrink * shrink * variance + spread;
        }
    }
    let h: f64 = each().map(|(_, a, h)| a * h).sum();
    // updates follow a_k h_k
    let share = |a: f64, own: f64| a * own / h;
    let skew = |k: usize| of.market.part(k, of.modes[k]).skew();
    let bias = g * match bias {
        Bias::Aligned => each().map(|(k, a, own)| share(a, own) * skew(k)).sum::<f64>(),
        Bias::Mixture => {
            let local = |mode: &Mode| *mode == Mode::Local;
            let class = |y: usize| {
                let locals = each().filter(|(k, ..)| local(&of.modes[*k]));
                locals.map(|(k, a, own)| share(a, own) * of.deviations[k][y]).sum::<f64>().abs()
            };
            let augmented = each().filter(|(k, ..)| !local(&of.modes[*k]));
            (0..of.deviations[0].len()).map(class).sum::<f64>()
                + augmented.map(|(k, a, own)| share(a, own) * skew(k)).sum::<f64>()
        }
    };
    let step = eta * smoothness;
    let bound = 4.0 * gap / (eta * h * of.rounds as f64)
        + 4.0 * bias * bias
        + 10.0 * step * step * each().map(|(k, a, own)| share(a, own) * own * own * (g * skew(k)).powi(2)).sum::<f64>()
        + 5.0 * step * step * each().map(|(k, a, own)| share(a, own) * own * noise(k)).sum::<f64>()
        + 4.0 * step * each().map(|(k, a, own)| a * a * own * noise(k)).sum::<f64>() / h;
    (left / of.rounds as f64, bound)
}

/// Local steps of each client, none more than the h for which the rate is small enough.
fn steps(of: &Instance, seed: u64) -> Vec<i32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let most = of.market.bound().unwrap().constants().local_steps as i32;
    of.modes.iter().map(|_| rng.random_range(1..=most)).collect()
}

#[test]
fn with_unequal_local_steps_the_bound_holds_for_the_weights_that_updates_follow() {
    let mut tightest: f64 = 0.0;
    for seed in 0..1000 {
        for bias in [Bias::Aligned, Bias::Mixture] {
            let of = instance(seed, bias);
            let (left, bound) = unequal(&of, bias, &steps(&of, seed));
            assert!(left <= bound * (1.0 + 1e-6), "seed {seed} {bias}: {left} > {bound}");
            tightest = tightest.max(left / bound);
        }
    }
    assert!(tightest > 0.25, "the left side reached {tightest} of the bound");
    // with equal steps both tests look at the same thing
    let of = instance(3, Bias::Mixture);
    let same = vec![of.market.bound().unwrap().constants().local_steps as i32; of.modes.len()];
    let (left, bound) = unequal(&of, Bias::Mixture, &same);
    let (expected, start) = of.sides(false);
    let terms = of.market.appraisal(&of.modes).terms().unwrap();
    assert!(
        (left / expected - 1.0).abs() < 1e-9
            && (bound / (start + terms.total() - terms.finite_data) - 1.0).abs() < 1e-6
    );
}

/// Phi takes one h for all. Two clients whose labels cancel under a_k, one of which takes five times the steps of the other, end where the busy one
/// pulls them: far above what Phi allows, and within what it would be for the weights a_k h_k.
#[test]
fn one_h_for_all_is_broken_by_unequal_local_steps() {
    let mut of = instance(0, Bias::Mixture);
    let client = |k: usize| ClientSpec {
        id: k.to_string(),
        samples: 100,
        skew: None,
        shares: Some((0..2).map(|y| f64::from(u8::from(y == k))).collect()),
        compute_cost: 0.0,
        synthesis_cost: 0.0,
        setup_cost: 0.0,
        batch: 10,
    };
    // the mean of 2 and 10 steps
    let constants = Constants { g_data: 1.0, sigma: 0.0, smoothness: 1.0, rate: 0.004, local_steps: 6 };
    let model = LossModel::new(constants, 0.0, 1.0, Bias::Mixture, Weights::Samples).unwrap();
    of.market = Market::new(Population::new((0..2).map(client), &TargetChoice::Uniform).unwrap(), model).unwrap();
    of.modes = vec![Mode::Local; 2];
    of.curvature = [1.0; DIM];
    let along = |x: f64| std::array::from_fn(|i| if i == 0 { x } else { 0.0 });
    (of.pull, of.target, of.start) = (vec![along(1.0), along(-1.0)], along(0.0), along(0.0));
    of.deviations = vec![vec![0.5, -0.5], vec![-0.5, 0.5]];
    of.rounds = 5000;
    let phi = of.market.appraisal(&of.modes).terms().unwrap();
    let (left, mended) = unequal(&of, Bias::Mixture, &[2, 10]);
    assert!(left > 2.0 * (phi.total() - phi.finite_data), "{left} within {phi:?}");
    assert!(left <= mended);
}

#[test]
fn the_bound_holds_on_a_thousand_quadratics() {
    let mut tightest: f64 = 0.0;
    for seed in 0..1000 {
        for bias in [Bias::Aligned, Bias::Mixture] {
            let instance = instance(seed, bias);
            let terms = instance.market.appraisal(&instance.modes).terms().unwrap();
            let (left, start) = instance.sides(false);
            let bound = start + terms.total() - terms.finite_data;
            assert!(left <= bound * (1.0 + 1e-6), "seed {seed} {bias}: {left} > {bound}");
            let (left, _) = instance.sides(true);
            let bound = start + terms.total();
            assert!(left <= bound * (1.0 + 1e-6), "seed {seed} {bias}, finite data: {left} > {bound}");
            tightest = tightest.max(left / bound);
        }
    }
    // a bound that nothing comes near would test nothing
    assert!(tightest > 0.25, "the left side reached {tightest} of the bound");
}

/// The test can fail: without the bias term the bound is broken by skewed clients.
#[test]
fn without_its_bias_term_the_bound_is_broken() {
    let broken = (0..1000).filter(|&seed| {
        let instance = instance(seed, Bias::Mixture);
        let terms = instance.market.appraisal(&instance.modes).terms().unwrap();
        let (left, start) = instance.sides(false);
        left > start + terms.total() - terms.finite_data - terms.bias
    });
    assert!(broken.count() > 10);
}
