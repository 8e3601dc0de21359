//! The sums that Phi is made of, kept as exact integers while clients come and go.

use crate::client::{Mode, NANOS};
use crate::loss::{LossModel, Weights};

/// Effective samples are counted in millionths.
pub(crate) const MICRO_SAMPLES: u64 = 1_000_000;

/// What one client adds in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Part {
    /// v, effective samples, in millionths.
    pub effective: u64,
    /// w, the weight a_k is proportional to, in millionths of a sample.
    pub weight: u64,
    /// e, skew that is left, in parts of 1e9.
    pub skew: u64,
    /// w / b, in millionths of a sample.
    pub weight_per_batch: u64,
}

impl Part {
    /// The part of a client with `samples`, `skew` (parts of 1e9) and `batch` in a mode.
    pub(crate) fn new(model: &LossModel, samples: u64, skew: u64, batch: u32, mode: Mode) -> Part {
        let skew = match mode {
            Mode::Out => return Part::default(),
            Mode::Local => skew,
            // theta <= 1000 and skew <= 2, so this fits
            Mode::Augmented => {
                ((u128::from(skew) * u128::from(model.theta_nanos()) + 500_000_000) / u128::from(NANOS)) as u64
            }
        };
        // v = d (1 - e/2) is d (2e9 - e) / 2e9 samples; rounded down, so that nobody is paid for more than there is
        let left = (2 * NANOS).saturating_sub(skew);
        let effective = if samples < 1 << 32 {
            samples * left / 2000
        } else {
            (u128::from(samples) * u128::from(left) / 2000) as u64
        };
        // nothing effective, nothing to weigh: such a client is never asked
        let weight = match model.weights() {
            Weights::Samples if effective > 0 => samples * MICRO_SAMPLES,
            _ => effective,
        };
        let batch = u64::from(batch);
        Part { effective, weight, skew, weight_per_batch: (weight + batch / 2) / batch }
    }

    /// Whether the client has something to offer in this mode.
    pub(crate) fn is_useful(&self) -> bool {
        self.effective > 0
    }
}

/// Sums over those who take part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// How many take part locally, and augmented.
    pub players: [u64; 2],
    /// Sum of v.
    pub effective: i128,
    /// Sum of w.
    weight: i128,
    /// Sum of w e over everyone (aligned), or over augmented clients (mixture).
    skew: i128,
    /// Sum of w e^2, in parts of 1e9.
    squared_skew: i128,
    /// Sum of w / b.
    per_batch: i128,
    /// Sum of w^2 / b.
    square_per_batch: i128,
    /// Sum of w^2 / d, in half parts of 1e9 of a millionth of a sample.
    square_per_sample: i128,
    /// Sum over local clients of w (p_k - p), per class (mixture), or nothing (aligned).
    classes: Vec<i128>,
}

impl Tally {
    /// Nobody. `classes` is 0 for the aligned bias.
    pub(crate) fn new(classes: usize) -> Tally {
        Tally { classes: vec![0; classes], ..Tally::default() }
    }

    /// Adds a client. `deviations` are its p_k - p, `[classes]`, in parts of 1e9; empty for the aligned bias.
    pub(crate) fn add(&mut self, weights: Weights, mode: Mode, part: &Part, deviations: &[i32]) {
        self.apply(weights, mode, part, deviations, 1);
    }

    /// Takes a client away again.
    pub(crate) fn remove(&mut self, weights: Weights, mode: Mode, part: &Part, deviations: &[i32]) {
        self.apply(weights, mode, part, deviations, -1);
    }

    #[inline]
    fn apply(&mut self, weights: Weights, mode: Mode, part: &Part, deviations: &[i32], sign: i64) {
        let players = match mode {
            Mode::Out => return,
            Mode::Local => &mut self.players[0],
            Mode::Augmented => &mut self.players[1],
        };
        *players = players.wrapping_add_signed(sign);
        // All factors are below 2^63 (weights are at most 1e18, skews 2e12), sums of products below 2^127.
        let weight = part.weight as i64 * sign;
        let times = |factor: u64| i128::from(weight) * i128::from(factor as i64);
        self.effective += i128::from(part.effective as i64 * sign);
        self.weight += i128::from(weight);
        self.per_batch += i128::from(part.weight_per_batch as i64 * sign);
        self.square_per_batch += times(part.weight_per_batch);
        self.squared_skew += times(square(part.skew));
        let effective_share = match weights {
            Weights::Effective => (2 * NANOS).saturating_sub(part.skew),
            Weights::Samples => 2 * NANOS,
        };
        self.square_per_sample += times(effective_share);
        if mode == Mode::Local && !deviations.is_empty() {
            for (sum, &deviation) in self.classes.iter_mut().zip(deviations) {
                *sum += i128::from(weight) * i128::from(deviation);
            }
        } else {
            self.skew += times(part.skew);
        }
    }

    /// Mean skew (bias / g_data), sum a^2/d, mean squared skew, mean 1/b and sum a^2/b; `None` if nobody takes part.
    #[inline]
    pub(crate) fn means(&self) -> Option<[f64; 5]> {
        if self.weight == 0 {
            return None;
        }
        let weight = self.weight as f64;
        let skew = self.skew + self.classes.iter().map(|sum| sum.abs()).sum::<i128>();
        let (nanos, micros) = (NANOS as f64, MICRO_SAMPLES as f64);
        let inverse = 1.0 / weight;
        Some([
            skew as f64 * inverse / nanos,
            // w in millionths of a sample: w^2 / d / W^2 has 1e-6 once above and twice below
            self.square_per_sample as f64 * inverse * inverse * (micros / (2.0 * nanos)),
            self.squared_skew as f64 * inverse / nanos,
            self.per_batch as f64 * inverse,
            self.square_per_batch as f64 * inverse * inverse,
        ])
    }
}

/// e^2 in parts of 1e9.
#[inline]
fn square(skew: u64) -> u64 {
    if skew < 1 << 32 { skew * skew / NANOS } else { (u128::from(skew) * u128::from(skew) / u128::from(NANOS)) as u64 }
}
