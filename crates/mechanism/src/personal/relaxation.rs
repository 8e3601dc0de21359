//! A lower bound on kappa Phi + costs over all allocations whose total weight W lies in an interval [low, high].
//!
//! With H = high, N the numerator of the bias (sum of w e, or ||sum of w (p_k - p)||_1 + sum of w e) and n = N / H,
//!
//! ```text
//! kappa Phi >= c0 n^2 + sum_k (c1 F_k + c4 D_k) / H^2 + sum_k (c2 B_k + c3 C_k) / H       since W <= H
//! n^2 >= 2 t n - t^2                                       for every t: a tangent
//! t N >= sum_y q_y M_y + t A                               for every q with |q_y| <= t
//! 0   >= mu (low - W) for mu >= 0,  mu (high - W) for mu < 0
//! ```
//!
//! so for every (t, q, mu) the sum over clients of the smallest of 0 and its two *reduced costs*, minus c0 t^2, plus mu low (or
//! mu high), is a lower bound: the Lagrangian dual, concave in (t, q, mu). mu is found for each (t, q) by bisection, t by bisection
//! along a fixed direction q / t, and q by subgradient steps; whatever is found bounds. Everything here is in floats, and callers
//! leave `slack` for their rounding: floats prune, integers decide.

use crate::client::NANOS;
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::objective::{Bias, LossModel, MICRO_SAMPLES, Weights};

/// One client in one mode, in pico-credits where it is money.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub cost: f64,
    pub weight: f64,
    /// w e in samples, if it counts without classes.
    pub skew: f64,
    /// c1 F + c4 D, to be divided by H^2.
    pub quadratic: f64,
    /// c2 B + c3 C, to be divided by H.
    pub linear: f64,
}

pub(super) struct Relaxation {
    /// Per client; `None` where it has nothing to offer in a mode.
    pub columns: Vec<PerMode<Option<Column>>>,
    /// w (p_k - p) of local mode, `[clients, classes]`.
    pub classes: Vec<f64>,
    /// Number of classes that are followed; 0 for the aligned bias.
    pub width: usize,
    /// c0.
    pub bias: f64,
}

impl Relaxation {
    pub(super) fn new(market: &Market, model: &LossModel) -> Self {
        let priced = model.priced();
        let (nanos, micros) = (NANOS as f64, MICRO_SAMPLES as f64);
        let width = match model.bias() {
            Bias::Aligned => 0,
            Bias::Mixture => market.population().classes(),
        };
        let mut classes = Vec::with_capacity(width * market.len());
        let columns = (0..market.len()).map(|index| {
            let weight = market.part(index, Mode::Local).weight as f64 / micros;
            let deviations = market.deviations(index).iter().take(width);
            classes.extend(deviations.map(|&deviation| weight * f64::from(deviation) / nanos));
            PerMode::from_fn(|mode| {
                let part = market.part(index, mode);
                part.is_useful().then(|| {
                    let weight = part.weight as f64 / micros;
                    let skew = part.skew as f64 / nanos;
                    let per_batch = part.weight_per_batch as f64 / micros;
                    let per_sample = match model.weights() {
                        Weights::Effective => (1.0 - skew / 2.0).max(0.0),
                        Weights::Samples => 1.0,
                    };
                    Column {
                        cost: market.costs()[index].of(mode).micros() as f64 * 1e6,
                        weight,
                        skew: if mode == Mode::Local && width > 0 { 0.0 } else { weight * skew },
                        quadratic: priced.finite_data * weight * per_sample
                            + priced.averaged_noise * weight * per_batch,
                        linear: priced.drift * weight * skew * skew + priced.local_noise * per_batch,
                    }
                })
            })
        });
        let columns = columns.collect();
        Relaxation { columns, classes, width, bias: priced.bias }
    }

    /// The smallest and the largest total weight of anyone taking part, if anybody can.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let weights = |client: &PerMode<Option<Column>>| {
            let each = client.iter().filter_map(|(_, column)| column.map(|column| column.weight));
            each.fold(None, |range: Option<(f64, f64)>, weight| {
                Some(range.map_or((weight, weight), |(low, high)| (low.min(weight), high.max(weight))))
            })
        };
        let clients = self.columns.iter().filter_map(weights);
        let (low, high) =
            clients.fold((f64::INFINITY, 0.0), |(low, high), client| (client.0.min(low), client.1 + high));
        (high > 0.0).then_some((low * (1.0 - 1e-9), high * (1.0 + 1e-9)))
    }
}
