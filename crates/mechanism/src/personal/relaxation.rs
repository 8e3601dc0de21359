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
//! leave [`slack`] for their rounding: floats prune, integers decide.

use crate::client::{Mode, NANOS};
use crate::loss::{MICRO_SAMPLES, Weights};
use crate::market::Market;

/// One client in one mode, in pico-credits where it is money.
#[derive(Debug, Clone, Copy)]
struct Column {
    cost: f64,
    weight: f64,
    /// w e in samples, if it counts without classes.
    skew: f64,
    /// c1 F + c4 D, to be divided by H^2.
    quadratic: f64,
    /// c2 B + c3 C, to be divided by H.
    linear: f64,
}

pub(super) struct Relaxation {
    /// `[clients][local, augmented]`; `None` where the client has nothing to offer.
    columns: Vec<[Option<Column>; 2]>,
    /// w (p_k - p) of local mode, `[clients, classes]`.
    classes: Vec<f64>,
    width: usize,
    bias: f64,
}

/// Multipliers; a good start for neighbouring intervals.
#[derive(Debug, Clone)]
pub(super) struct Multipliers {
    t: f64,
    q: Vec<f64>,
    mu: f64,
}

/// What is known about an interval.
pub(super) struct Bound {
    /// The lower bound, in pico-credits.
    pub value: f64,
    pub multipliers: Multipliers,
    /// Modes that attain it, with too little and with too much weight.
    pub minimisers: [Vec<Mode>; 2],
    /// What each client adds to the bound in each mode beyond its best one, `[clients][out, local, augmented]`.
    pub regrets: Vec<[f64; 3]>,
    /// Evaluations of a client that it took.
    pub effort: u64,
}

/// What rounding may have added to a bound.
pub(super) fn slack(value: f64) -> f64 {
    value.abs() * 1e-9 + 2.0
}

impl Relaxation {
    pub(super) fn new(market: &Market) -> Self {
        let model = market.model();
        let [bias, finite, drift, local, averaged] = model.coefficients();
        let (nanos, micros) = (NANOS as f64, MICRO_SAMPLES as f64);
        let width = market.classes();
        let mut classes = Vec::with_capacity(width * market.len());
        let columns = (0..market.len()).map(|index| {
            let weight = market.part(index, Mode::Local).weight as f64 / micros;
            classes.extend(market.deviations(index).iter().map(|&deviation| weight * f64::from(deviation) / nanos));
            Mode::PLAYING.map(|mode| {
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
                        quadratic: finite * weight * per_sample + averaged * weight * per_batch,
                        linear: drift * weight * skew * skew + local * per_batch,
                    }
                })
            })
        });
        let columns = columns.collect();
        Relaxation { columns, classes, width, bias }
    }

    /// The smallest and the largest total weight of anyone taking part, if anybody can.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let weights = |client: &[Option<Column>; 2]| {
            let each = client.iter().flatten().map(|column| column.weight);
            each.fold(None, |range: Option<(f64, f64)>, weight| {
                Some(range.map_or((weight, weight), |(low, high)| (low.min(weight), high.max(weight))))
            })
        };
        let clients = self.columns.iter().filter_map(weights);
        let (low, high) =
            clients.fold((f64::INFINITY, 0.0), |(low, high), client| (client.0.min(low), client.1 + high));
        (high > 0.0).then_some((low * (1.0 - 1e-9), high * (1.0 + 1e-9)))
    }

    /// The bound on [low, high], from multipliers that were good nearby.
    pub(super) fn bound(&self, low: f64, high: f64, start: Option<&Multipliers>, steps: usize) -> Bound {
        let mut inner = Inner::new(self, low, high, start.map_or(0.0, |start| start.mu));
        let mut ascent = Ascent { best: None };
        let directions = start.map_or_else(|| vec![0.0; self.width], Multipliers::directions);
        let near = start.map(|start| start.t).filter(|t| *t > 0.0);
        // along the directions that were good nearby, then around the best point
        ascent.along(&mut inner, &directions, near, if near.is_some() { 6 } else { 20 });
        if self.width > 0 {
            ascent.around(&mut inner, steps);
        }
        // every solved point is kept if it beats none
        let (value, multipliers) =
            ascent.best.unwrap_or((f64::NEG_INFINITY, Multipliers { t: 0.0, q: vec![0.0; self.width], mu: 0.0 }));
        inner.reduce(multipliers.t, &multipliers.q);
        let mu = inner.multiplier(1e-12);
        let regrets = inner.regrets(mu);
        let minimisers = [inner.minimiser(mu.low), inner.minimiser(mu.high)];
        Bound { value, multipliers, minimisers, regrets, effort: inner.effort }
    }
}

impl Multipliers {
    /// q / t, each in [-1, 1].
    fn directions(&self) -> Vec<f64> {
        self.q.iter().map(|q| if self.t > 0.0 { (q / self.t).clamp(-1.0, 1.0) } else { 0.0 }).collect()
    }
}

/// The way up the dual, and the best point on it.
struct Ascent {
    best: Option<(f64, Multipliers)>,
}

impl Ascent {
    fn solve(&mut self, inner: &mut Inner, t: f64, q: &[f64]) -> Point {
        let point = inner.solve(t, q);
        if self.best.as_ref().is_none_or(|(known, _)| point.value > *known) {
            self.best = Some((point.value, Multipliers { t, q: q.to_vec(), mu: inner.mu }));
        }
        point
    }

    /// Bisection over t with q = t z: the derivative, the numerator at the minimiser minus t, falls with t.
    fn along(&mut self, inner: &mut Inner, z: &[f64], start: Option<f64>, steps: usize) {
        let at = |t: f64| z.iter().map(|z| t * z).collect::<Vec<f64>>();
        let slope = |point: &Point, t: f64| {
            point.skew + point.classes.iter().zip(z).map(|(class, z)| class * z).sum::<f64>() - t
        };
        let mut short = |t: f64| {
            let point = self.solve(inner, t, &at(t));
            slope(&point, t) > 0.0
        };
        // bracket around the start; e is at most 2 theta, so doubling ends
        let (mut bottom, mut top) = start.map_or((0.0, 2.0), |t| (t / 1.05, t * 1.05));
        let mut factor = 1.2;
        while short(top) {
            bottom = top;
            top *= factor;
            factor *= 2.0;
        }
        if start.is_some() && bottom < top / 1.1 {
            for _ in 0..8 {
                if short(bottom) {
                    break;
                }
                top = bottom;
                bottom /= factor;
                factor *= 2.0;
            }
        }
        for _ in 0..steps {
            let t = (bottom + top) / 2.0;
            if short(t) { bottom = t } else { top = t }
        }
    }

    /// Subgradient steps in (t, q) from the best point.
    fn around(&mut self, inner: &mut Inner, steps: usize) {
        let Some((_, Multipliers { mut t, mut q, .. })) = self.best.clone() else { return };
        for step in 0..steps {
            let point = self.solve(inner, t, &q);
            let rate = 0.5 / (1.0 + 0.1 * step as f64);
            t += rate * (point.skew - t);
            for (q, class) in q.iter_mut().zip(&point.classes) {
                *q += rate * class;
            }
            let largest = q.iter().fold(0.0, |largest: f64, q| largest.max(q.abs()));
            // back to |q_y| <= t, meeting half way
            if largest > t {
                t = (t.max(0.0) + largest) / 2.0;
                q.iter_mut().for_each(|q| *q = q.clamp(-t, t));
            }
        }
    }
}

/// Weight multipliers on either side of the best one.
#[derive(Debug, Clone, Copy)]
struct Bracket {
    low: f64,
    high: f64,
}

/// The dual at some (t, q) and the best mu.
struct Point {
    value: f64,
    /// A / H and M_y / H of a (mixed) minimiser whose weight fits the interval.
    skew: f64,
    classes: Vec<f64>,
}

/// The inner problem over mu on one interval.
struct Inner<'a> {
    relaxation: &'a Relaxation,
    low: f64,
    high: f64,
    /// Reduced costs without mu, `[clients][local, augmented]`.
    base: Vec<[f64; 2]>,
    t: f64,
    /// The last multiplier, where the next one is looked for.
    mu: f64,
    effort: u64,
}

impl<'a> Inner<'a> {
    fn new(relaxation: &'a Relaxation, low: f64, high: f64, mu: f64) -> Self {
        let base = vec![[f64::INFINITY; 2]; relaxation.columns.len()];
        Inner { relaxation, low, high, base, t: 0.0, mu, effort: 0 }
    }

    fn reduce(&mut self, t: f64, q: &[f64]) {
        self.t = t;
        let h = self.high;
        let slope = 2.0 * self.relaxation.bias / h;
        for (index, (base, client)) in self.base.iter_mut().zip(&self.relaxation.columns).enumerate() {
            for (mode, (base, column)) in base.iter_mut().zip(client).enumerate() {
                let Some(column) = column else { continue };
                *base = column.cost + slope * t * column.skew + column.quadratic / (h * h) + column.linear / h;
                if mode == 0 {
                    let own = &self.relaxation.classes[index * q.len()..(index + 1) * q.len()];
                    *base += slope * own.iter().zip(q).map(|(class, q)| class * q).sum::<f64>();
                }
            }
        }
        self.effort += (1 + q.len() as u64 / 4) * self.base.len() as u64;
    }

    /// For each client the best mode at mu, and its reduced cost.
    fn choices(&self, mu: f64) -> impl Iterator<Item = (usize, usize, f64)> {
        self.base.iter().zip(&self.relaxation.columns).enumerate().filter_map(move |(index, (base, client))| {
            let cost = |mode: usize| client[mode].map_or(f64::INFINITY, |column| base[mode] - mu * column.weight);
            let (local, augmented) = (cost(0), cost(1));
            match augmented <= local {
                true if augmented < 0.0 => Some((index, 1, augmented)),
                false if local < 0.0 => Some((index, 0, local)),
                _ => None,
            }
        })
    }

    fn weight(&mut self, mu: f64) -> f64 {
        self.effort += self.base.len() as u64;
        // the index is in range and the column exists: `choices` gave them
        self.choices(mu).map(|(index, mode, _)| self.relaxation.columns[index][mode].map_or(0.0, |c| c.weight)).sum()
    }

    /// mu on both sides of the largest dual value, `tolerance` apart.
    fn multiplier(&mut self, tolerance: f64) -> Bracket {
        let free = self.weight(0.0);
        if (self.low..=self.high).contains(&free) {
            return Bracket { low: 0.0, high: 0.0 };
        }
        // too light: raise mu until the weight reaches low; too heavy: lower it until it is at most high
        let light = free < self.low;
        let sign = if light { 1.0 } else { -1.0 };
        let short = |inner: &mut Self, size: f64| {
            let weight = inner.weight(sign * size);
            if light { weight < inner.low } else { weight > inner.high }
        };
        // bracket the size of mu around the last one
        let last = if self.mu * sign > 0.0 { self.mu.abs() } else { self.scale() };
        let (mut near, mut far) = (last / 1.05, last * 1.05);
        let mut factor = 1.1;
        if short(self, near) {
            // doubling ends where everybody (or nobody) takes part; if that does not fit either, the interval is (nearly) empty
            for _ in 0..60 {
                if !short(self, far) {
                    break;
                }
                near = far;
                far *= factor;
                factor *= 2.0;
            }
        } else {
            far = near;
            for _ in 0..60 {
                near /= factor;
                factor *= 2.0;
                if short(self, near) {
                    break;
                }
                far = near;
            }
        }
        while far - near > tolerance * far {
            let middle = (near + far) / 2.0;
            if short(self, middle) { near = middle } else { far = middle }
        }
        self.mu = sign * far;
        if light { Bracket { low: near, high: far } } else { Bracket { low: -far, high: -near } }
    }

    /// A typical reduced cost per unit of weight.
    fn scale(&self) -> f64 {
        let ratio = |(base, column): (&f64, &Option<Column>)| column.map(|column| (base / column.weight).abs());
        let ratios = self
            .base
            .iter()
            .zip(&self.relaxation.columns)
            .flat_map(|(base, client)| base.iter().zip(client).filter_map(ratio));
        ratios.fold(1e-300, f64::max)
    }

    fn value(&self, mu: f64) -> f64 {
        let weight = if mu >= 0.0 { mu * self.low } else { mu * self.high };
        let clients: f64 = self.choices(mu).map(|(_, _, cost)| cost).sum();
        clients + weight - self.relaxation.bias * self.t * self.t
    }

    fn solve(&mut self, t: f64, q: &[f64]) -> Point {
        self.reduce(t, q);
        let mu = self.multiplier(1e-6);
        let value = self.value(mu.low).max(self.value(mu.high));
        let light = self.sums(mu.low);
        let heavy = self.sums(mu.high);
        // mix both sides so that the weight fits
        let goal = if mu.high > 0.0 { self.low } else { self.high };
        let share = if heavy.0 > light.0 { ((goal - light.0) / (heavy.0 - light.0)).clamp(0.0, 1.0) } else { 1.0 };
        let mix = |light: f64, heavy: f64| (light + share * (heavy - light)) / self.high;
        let classes = light.2.iter().zip(&heavy.2).map(|(light, heavy)| mix(*light, *heavy)).collect();
        Point { value, skew: mix(light.1, heavy.1), classes }
    }

    /// W, A and M_y of the minimiser at mu.
    fn sums(&mut self, mu: f64) -> (f64, f64, Vec<f64>) {
        let (mut weight, mut skew, mut classes) = (0.0, 0.0, vec![0.0; self.relaxation.width]);
        let width = classes.len();
        for (index, mode, _) in self.choices(mu) {
            if let Some(column) = self.relaxation.columns[index][mode] {
                weight += column.weight;
                skew += column.skew;
            }
            if mode == 0 {
                let own = &self.relaxation.classes[index * width..(index + 1) * width];
                classes.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
        self.effort += self.base.len() as u64;
        (weight, skew, classes)
    }

    fn minimiser(&self, mu: f64) -> Vec<Mode> {
        let mut modes = vec![Mode::Out; self.base.len()];
        for (index, mode, _) in self.choices(mu) {
            modes[index] = Mode::PLAYING[mode];
        }
        modes
    }

    fn regrets(&self, mu: Bracket) -> Vec<[f64; 3]> {
        let mu = if self.value(mu.low) >= self.value(mu.high) { mu.low } else { mu.high };
        let client = |(base, client): (&[f64; 2], &[Option<Column>; 2])| {
            let cost = |mode: usize| client[mode].map_or(f64::INFINITY, |column| base[mode] - mu * column.weight);
            let costs = [0.0, cost(0), cost(1)];
            let best = costs[0].min(costs[1]).min(costs[2]);
            costs.map(|cost| cost - best)
        };
        self.base.iter().zip(&self.relaxation.columns).map(client).collect()
    }
}
