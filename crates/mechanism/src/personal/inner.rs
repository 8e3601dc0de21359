//! The dual at given (t, q): the best multiplier mu of the total weight, and who then takes part.

use crate::mode::{Mode, PerMode};
use crate::personal::relaxation::{Column, Relaxation};

/// Weight multipliers on either side of the best one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bracket {
    pub low: f64,
    pub high: f64,
}

/// The dual at some (t, q) and the best mu.
pub(super) struct Point {
    pub value: f64,
    /// A / H and M_y / H of a (mixed) minimiser whose weight fits the interval.
    pub skew: f64,
    pub classes: Vec<f64>,
}

/// The inner problem over mu on one interval.
pub(super) struct Inner<'a> {
    relaxation: &'a Relaxation,
    low: f64,
    high: f64,
    /// Reduced costs without mu, per client; infinite in a mode where it has nothing to offer.
    base: Vec<PerMode<f64>>,
    t: f64,
    /// The last multiplier, where the next one is looked for.
    pub mu: f64,
    pub effort: u64,
}

impl<'a> Inner<'a> {
    pub fn new(relaxation: &'a Relaxation, low: f64, high: f64, mu: f64) -> Self {
        let base = vec![PerMode { local: f64::INFINITY, augmented: f64::INFINITY }; relaxation.columns.len()];
        Inner { relaxation, low, high, base, t: 0.0, mu, effort: 0 }
    }

    pub fn reduce(&mut self, t: f64, q: &[f64]) {
        self.t = t;
        let h = self.high;
        let slope = 2.0 * self.relaxation.bias / h;
        for (index, (base, client)) in self.base.iter_mut().zip(&self.relaxation.columns).enumerate() {
            let reduced =
                |column: Column| column.cost + slope * t * column.skew + column.quadratic / (h * h) + column.linear / h;
            if let Some(column) = client.local {
                let own = &self.relaxation.classes[index * q.len()..(index + 1) * q.len()];
                base.local = reduced(column) + slope * own.iter().zip(q).map(|(class, q)| class * q).sum::<f64>();
            }
            if let Some(column) = client.augmented {
                base.augmented = reduced(column);
            }
        }
        self.effort += (1 + q.len() as u64 / 4) * self.base.len() as u64;
    }

    /// For each client the best mode at mu, and its reduced cost.
    fn choices(&self, mu: f64) -> impl Iterator<Item = (usize, Mode, f64)> {
        self.base.iter().zip(&self.relaxation.columns).enumerate().filter_map(move |(index, (base, client))| {
            let PerMode { local, augmented } = reduced(base, client, mu);
            match augmented <= local {
                true if augmented < 0.0 => Some((index, Mode::Augmented, augmented)),
                false if local < 0.0 => Some((index, Mode::Local, local)),
                _ => None,
            }
        })
    }

    fn weight(&mut self, mu: f64) -> f64 {
        self.effort += self.base.len() as u64;
        // the index is in range and the column exists: `choices` gave them
        self.choices(mu).map(|(index, mode, _)| self.relaxation.columns[index].of(mode).map_or(0.0, |c| c.weight)).sum()
    }

    /// mu on both sides of the largest dual value, `tolerance` apart.
    pub fn multiplier(&mut self, tolerance: f64) -> Bracket {
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
        for _ in 0..200 {
            if far - near <= tolerance * far {
                break;
            }
            let middle = (near + far) / 2.0;
            if short(self, middle) { near = middle } else { far = middle }
        }
        self.mu = sign * far;
        if light { Bracket { low: near, high: far } } else { Bracket { low: -far, high: -near } }
    }

    /// A typical reduced cost per unit of weight.
    fn scale(&self) -> f64 {
        let ratio = |base: f64, column: Option<Column>| column.map_or(0.0, |column| (base / column.weight).abs());
        let clients = self.base.iter().zip(&self.relaxation.columns);
        let ratios =
            clients.map(|(base, client)| ratio(base.local, client.local).max(ratio(base.augmented, client.augmented)));
        ratios.fold(1e-300, f64::max)
    }

    fn value(&self, mu: f64) -> f64 {
        let weight = if mu >= 0.0 { mu * self.low } else { mu * self.high };
        let clients: f64 = self.choices(mu).map(|(_, _, cost)| cost).sum();
        clients + weight - self.relaxation.bias * self.t * self.t
    }

    pub fn solve(&mut self, t: f64, q: &[f64]) -> Point {
        self.reduce(t, q);
        let mu = self.multiplier(1e-4);
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
            if let Some(column) = self.relaxation.columns[index].of(mode) {
                weight += column.weight;
                skew += column.skew;
            }
            if mode == Mode::Local {
                let own = &self.relaxation.classes[index * width..(index + 1) * width];
                classes.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
        self.effort += self.base.len() as u64;
        (weight, skew, classes)
    }

    pub fn minimiser(&self, mu: f64) -> Vec<Mode> {
        let mut modes = vec![Mode::Out; self.base.len()];
        for (index, mode, _) in self.choices(mu) {
            modes[index] = mode;
        }
        modes
    }

    pub fn regrets(&self, mu: Bracket) -> Vec<[f64; 3]> {
        let mu = if self.value(mu.low) >= self.value(mu.high) { mu.low } else { mu.high };
        let client = |(base, client): (&PerMode<f64>, &PerMode<Option<Column>>)| {
            let PerMode { local, augmented } = reduced(base, client, mu);
            let costs = [0.0, local, augmented];
            let best = costs[0].min(costs[1]).min(costs[2]);
            costs.map(|cost| cost - best)
        };
        self.base.iter().zip(&self.relaxation.columns).map(client).collect()
    }
}

/// Reduced costs at mu; infinite in a mode where the client has nothing to offer.
#[inline]
fn reduced(base: &PerMode<f64>, client: &PerMode<Option<Column>>, mu: f64) -> PerMode<f64> {
    let at = |base: f64, column: Option<Column>| column.map_or(f64::INFINITY, |column| base - mu * column.weight);
    PerMode { local: at(base.local, client.local), augmented: at(base.augmented, client.augmented) }
}
