//! Random markets, for verification and benchmarks.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{ClientSpec, Population, TargetChoice};
use crate::error::Result;
use crate::market::Market;
use crate::money::Rate;
use crate::objective::{
    Bias, By, Constants, Deviation, Forecast, ForecastModel, Law, LossModel, Objective, Prediction, Weights, Worth,
};

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Number of clients.
    pub clients: usize,
    /// Number of classes of the label shares.
    pub classes: usize,
    /// Bound on the bias.
    pub bias: Bias,
    /// Aggregation weights.
    pub weights: Weights,
    /// Whether the objective is a forecast instead of the bound.
    pub forecast: bool,
}

impl Shape {
    /// So many clients with ten classes, the aligned bias and weights by effective samples.
    pub fn of(clients: usize) -> Self {
        Shape { clients, classes: 10, bias: Bias::Aligned, weights: Weights::Effective, forecast: false }
    }
}

/// Clients with skewed labels, sizes from 10 to 1000 samples and costs over two orders of magnitude; now and then a cost of zero,
/// a client without skew, or two clients that are alike, so that ties occur.
pub fn specs(seed: u64, shape: Shape) -> Vec<ClientSpec> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(1);
    let mut specs: Vec<ClientSpec> = Vec::with_capacity(shape.clients);
    for index in 0..shape.clients {
        if index > 0 && rng.random_bool(0.05) {
            let twin = specs[rng.random_range(0..index)].clone();
            specs.push(ClientSpec { id: format!("c{index}"), ..twin });
            continue;
        }
        let shares = match rng.random_range(0..20) {
            0 => vec![1.0 / shape.classes as f64; shape.classes],
            _ => {
                let power = rng.random_range(0.5..12.0);
                let raw: Vec<f64> = (0..shape.classes).map(|_| rng.random::<f64>().powf(power)).collect();
                let sum: f64 = raw.iter().sum();
                raw.into_iter().map(|share| share / sum).collect()
            }
        };
        let mut cost = |top: f64| {
            if rng.random_bool(0.05) { 0.0 } else { top * 10f64.powf(rng.random_range(-2.0..0.0)) }
        };
        specs.push(ClientSpec {
            id: format!("c{index}"),
            compute_cost: cost(0.02),
            synthesis_cost: cost(0.01),
            setup_cost: cost(1.0),
            samples: rng.random_range(10..=1000),
            batch: [1, 8, 10, 32][rng.random_range(0..4)],
            skew: None,
            shares: Some(shares),
        });
    }
    specs
}

/// A market without ties or free labour: clients of [`specs`] whose costs are all above zero, and a given kappa. The larger kappa
/// is, the more clients it pays to hire.
///
/// # Errors
/// As [`market`], and a kappa out of range.
pub fn crowd(seed: u64, shape: Shape, kappa: f64) -> Result<Market> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2);
    let mut specs = specs(seed, shape);
    for spec in &mut specs {
        spec.compute_cost = 0.002 * 10f64.powf(rng.random_range(-0.5..0.5));
        spec.synthesis_cost = 0.001 * 10f64.powf(rng.random_range(-0.5..0.5));
        spec.setup_cost = 0.05 * 10f64.powf(rng.random_range(-0.5..0.5));
    }
    Market::with_objective(Population::new(specs, &TargetChoice::Uniform)?, objective(kappa, shape)?)
}

/// An objective of the order that small networks show, at `kappa` credits per unit of Phi or per percentage point.
///
/// # Errors
/// A kappa out of range.
pub fn objective(kappa: f64, shape: Shape) -> Result<Arc<dyn Objective>> {
    if !shape.forecast {
        return Ok(Arc::new(model(kappa, shape)?));
    }
    let law = Law {
        by: By::Class,
        floor: 0.03,
        scale: 0.15,
        offset: 1.0,
        exponent: 0.6,
        generated: 0.8,
        mix: None,
        skew: None,
        steps: None,
    };
    let nobody = Prediction { loss: 2.3, error: 0.9 };
    let loss = Law { floor: 0.07, scale: 0.5, ..law };
    let forecast = Forecast { classes: shape.classes, target: None, nobody, error: law, loss, fitted: None };
    Ok(Arc::new(ForecastModel::new(forecast, Worth::Point(kappa), None, shape.weights)?))
}

/// The bound with constants of the order that a small convolutional network shows.
///
/// # Errors
/// A kappa out of range.
pub fn model(kappa: f64, shape: Shape) -> Result<LossModel> {
    let constants = Constants { g_data: 1.75, sigma: 4.0, smoothness: 4.0, rate: 0.01, local_steps: 5 };
    LossModel::new(constants, 0.154, kappa, shape.bias, shape.weights)
}

/// Random training costs per sample, rising, over about one order of magnitude; some of them repeated.
pub fn types(seed: u64, count: usize) -> Vec<Rate> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(4);
    let mut types: Vec<Rate> = Vec::with_capacity(count);
    while types.len() < count {
        match types.last() {
            Some(&last) if rng.random_bool(0.2) => types.push(last),
            _ => types.push(Rate::from_picos((2e10 * 10f64.powf(rng.random_range(-1.5..0.0))) as u64)),
        }
    }
    types.sort_unstable();
    types
}

/// A random market; the same for the same seed and shape. The weight kappa is spread so that optima range from nobody to everybody.
///
/// # Errors
/// Never for a shape with at least one client and one class.
pub fn market(seed: u64, shape: Shape) -> Result<Market> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let constants = Constants {
        g_data: rng.random_range(0.5..2.0),
        sigma: rng.random_range(0.5..8.0),
        smoothness: 4.0,
        rate: 0.01,
        local_steps: 5,
    };
    if shape.forecast {
        let model = forecast(&mut rng, seed, shape)?;
        return Market::new(Population::new(specs(seed, shape), &TargetChoice::Uniform)?, model);
    }
    let theta = rng.random_range(0.0..1.1);
    let kappa = 10f64.powf(rng.random_range(-1.5..1.5)) * (shape.clients as f64).powf(0.5);
    let model = LossModel::new(constants, theta, kappa, shape.bias, shape.weights)?;
    Market::new(Population::new(specs(seed, shape), &TargetChoice::Uniform)?, model)
}

/// A random forecast: laws of classes and of samples, with and without terms of mix, skew and steps, paid by the point and by the nat.
fn forecast(rng: &mut ChaCha8Rng, seed: u64, shape: Shape) -> Result<ForecastModel> {
    let by = if seed.is_multiple_of(3) { By::Samples } else { By::Class };
    let off = Deviation { scale: rng.random_range(0.0..0.3), exponent: rng.random_range(0.5..2.0) };
    let law = Law {
        by,
        floor: rng.random_range(0.0..0.1),
        scale: rng.random_range(0.02..0.3),
        offset: 10f64.powf(rng.random_range(-1.0..1.5)),
        exponent: rng.random_range(0.2..1.5),
        generated: rng.random_range(0.0..1.0),
        mix: (seed % 4 == 3).then_some(off),
        skew: (seed % 4 == 1).then_some(off),
        steps: (seed % 3 == 2).then_some(0.2),
    };
    let forecast = Forecast {
        classes: shape.classes,
        target: None,
        nobody: Prediction { loss: 2.3, error: 0.9 },
        error: law,
        loss: Law { scale: 3.0 * law.scale, ..law },
        fitted: None,
    };
    let worth = 10f64.powf(rng.random_range(-1.5..1.0));
    let worth = if seed.is_multiple_of(2) { Worth::Point(worth) } else { Worth::Nat(30.0 * worth) };
    let theta = (seed % 5 == 4).then(|| rng.random_range(0.0..1.1));
    ForecastModel::new(forecast, worth, theta, shape.weights)
}
