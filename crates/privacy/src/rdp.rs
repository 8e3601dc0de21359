//! Rényi differential privacy (Mironov 2017) of the Poisson-subsampled Gaussian (Mironov, Talwar and Zhang 2019).
//!
//! Fast, and above what [`crate::pld`] finds. Orders and formulas are those of Google's `dp-accounting`, so that
//! figures can be compared; where its sums lose all digits, the sums here keep them.
//!
//! Discrete Gaussian noise on integers has the same divergences at whole orders: its moments E\[(P/Q)^k\] for a
//! shift by integers are those of the continuous one, since a sum over all integers does not notice a whole shift
//! (Canonne, Kamath and Steinke 2020, section 2.3). [`crate::noise`] says why everything else in an account holds
//! for it too.

use crate::event::Event;
use crate::normal;

/// The orders at which the divergence is known: the default of `dp-accounting`.
pub const ORDERS: [f64; 156] = orders();

/// More terms than this are not summed; the order is left out.
const TERMS: usize = 1000;
/// Below this the series for fractional orders is rounding noise, and a chord between whole orders takes its place.
const NOISE: f64 = 1e-12;

const fn orders() -> [f64; 156] {
    let mut all = [0.0; 156];
    let mut k = 0;
    while k < all.len() {
        all[k] = match k {
            0..99 => 1.0 + (k + 1) as f64 / 10.0,
            99..152 => (k - 99 + 11) as f64,
            152 => 128.0,
            153 => 256.0,
            154 => 512.0,
            _ => 1024.0,
        };
        k += 1;
    }
    all
}

/// Rényi divergences at all [`ORDERS`]; they add up over rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve([f64; ORDERS.len()]);

impl Default for Curve {
    fn default() -> Self {
        Self([0.0; ORDERS.len()])
    }
}

impl Curve {
    /// The divergences of one event.
    pub fn new(event: &Event) -> Self {
        Self(ORDERS.map(|order| divergence(event.rate(), event.noise(), order)))
    }

    /// These divergences and `count` times others.
    pub fn and(mut self, other: &Self, count: u64) -> Self {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            *sum += count as f64 * value;
        }
        self
    }

    /// The divergence at each of [`ORDERS`].
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The least epsilon at `delta`, and the order that shows it: proposition 12 of Canonne, Kamath and Steinke 2020.
    /// Infinite if every order's divergence is.
    pub fn epsilon(&self, delta: f64) -> (f64, f64) {
        let at = |(order, divergence): (f64, f64)| {
            // By the bound with the Kullback-Leibler divergence, delta <= sqrt(1 - exp(-KL)), epsilon may be zero.
            if delta * delta + (-divergence).exp_m1() > 0.0 || divergence == 0.0 {
                return (0.0, order);
            }
            (divergence + (-1.0 / order).ln_1p() - (delta * order).ln() / (order - 1.0), order)
        };
        let (epsilon, order) =
            ORDERS.into_iter().zip(self.0).map(at).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 1.0));
        (epsilon.max(0.0), order)
    }
}

/// The divergence of the given order of `(1 - q) N(0, s^2) + q N(1, s^2)` from `N(0, s^2)`.
fn divergence(q: f64, sigma: f64, order: f64) -> f64 {
    if q == 1.0 {
        return order / (2.0 * sigma * sigma);
    }
    let ln_a = if order.fract() == 0.0 { ln_a_whole(q, sigma, order) } else { ln_a_fractional(q, sigma, order) };
    if ln_a < NOISE && order.fract() != 0.0 {
        // ln A is a convex function of the order (van Erven and Harremoës 2014, corollary 2), so that chords are
        // above it.
        let (low, high) = (ln_a_whole(q, sigma, order.floor()), ln_a_whole(q, sigma, order.ceil()));
        return (low + order.fract() * (high - low)) / (order - 1.0);
    }
    ln_a / (order - 1.0)
}

/// ln A for a whole order, section 3.3: A = sum C(a, i) (1 - q)^(a - i) q^i exp((i^2 - i) / 2 s^2). Binomial
/// probabilities add up to one, so that A - 1 is a sum of positive terms and keeps its digits however small it is.
fn ln_a_whole(q: f64, sigma: f64, order: f64) -> f64 {
    let (ln_q, ln_p) = (q.ln(), (-q).ln_1p());
    let mut ln_binomial = 0.0;
    let mut excess = f64::NEG_INFINITY;
    for i in 1..=order as u32 {
        let i = f64::from(i);
        ln_binomial += ((order - i + 1.0) / i).ln();
        if i > 1.0 {
            let gain = (i * i - i) / (2.0 * sigma * sigma);
            excess = ln_add(excess, ln_binomial + i * ln_q + (order - i) * ln_p + ln_exp_m1(gain));
        }
    }
    ln_add(0.0, excess)
}

/// ln A for any order, section 3.3: the integral split where both parts are equal, each a series. As in
/// `dp-accounting`, coefficients are taken without their signs, which gives an upper bound.
fn ln_a_fractional(q: f64, sigma: f64, order: f64) -> f64 {
    let (ln_q, ln_p) = (q.ln(), (-q).ln_1p());
    let middle = sigma * sigma * (1.0 / q - 1.0).ln() + 0.5;
    let mut ln_binomial = 0.0;
    let (mut below, mut above) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut last = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for i in 0..TERMS {
        let i = i as f64;
        let j = order - i;
        let gain = |k: f64| (k * k - k) / (2.0 * sigma * sigma);
        let terms = (
            ln_binomial + i * ln_q + j * ln_p + gain(i) + normal::ln_upper((i - middle) / sigma),
            ln_binomial + j * ln_q + i * ln_p + gain(j) + normal::ln_upper((middle - j) / sigma),
        );
        below = ln_add(below, terms.0);
        above = ln_add(above, terms.1);
        let total = ln_add(below, above);
        if terms.0 < last.0 && terms.1 < last.1 && terms.0.max(terms.1) < total - 30.0 {
            return total;
        }
        last = terms;
        ln_binomial += ((order - i) / (i + 1.0)).abs().ln();
    }
    f64::INFINITY
}

/// ln(exp(a) + exp(b)).
fn ln_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// ln(exp(x) - 1) for positive x.
fn ln_exp_m1(x: f64) -> f64 {
    if x < 1.0 { x.exp_m1().ln() } else { x + (-(-x).exp()).ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(noise: f64, rate: f64, rounds: u64) -> Curve {
        Curve::default().and(&Curve::new(&Event::PoissonGaussian { noise, rate }), rounds)
    }

    #[test]
    fn orders_are_those_of_dp_accounting() {
        assert_eq!(&ORDERS[..3], [1.1, 1.2, 1.3]);
        assert_eq!(&ORDERS[97..101], [10.8, 10.9, 11.0, 12.0]);
        assert_eq!(&ORDERS[150..], [62.0, 63.0, 128.0, 256.0, 512.0, 1024.0]);
    }

    #[test]
    fn divergences_grow_with_the_order_and_join_at_whole_ones() {
        for (noise, rate) in [(1.0, 0.01), (0.5, 0.3), (4.0, 0.001), (30.0, 1e-5), (0.3, 0.9)] {
            // Where the series does not converge the order is left out.
            let values: Vec<f64> = curve(noise, rate, 1).0.into_iter().filter(|v| v.is_finite()).collect();
            assert!(values.len() > 120 && values.iter().all(|v| *v > 0.0));
            assert!(values.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-9)), "{noise} {rate}: {values:?}");
        }
    }

    #[test]
    fn a_series_with_whole_order_is_the_sum() {
        for (noise, rate, order) in [(1.0, 0.01, 5.0), (2.0, 0.2, 8.0), (0.7, 0.5, 3.0)] {
            let (whole, near) = (ln_a_whole(rate, noise, order), ln_a_fractional(rate, noise, order - 1e-9));
            assert!((whole / near - 1.0).abs() < 1e-6, "{whole} {near}");
        }
    }

    #[test]
    fn small_divergences_keep_their_digits() {
        // To first order A - 1 = a (a - 1) / 2 q^2 (exp(1 / s^2) - 1).
        let (q, sigma) = (1e-9f64, 2.0f64);
        let expected = q * q * (1.0 / (sigma * sigma)).exp_m1() * 2.0 / 2.0;
        assert!((divergence(q, sigma, 2.0) / expected - 1.0).abs() < 1e-6);
    }

    #[test]
    fn full_participation_is_the_gaussian_mechanism() {
        let (epsilon, order) = curve(5.0, 1.0, 1).epsilon(1e-6);
        // 24 / 50 + ln(1 - 1 / 24) - ln(24e-6) / 23.
        assert!(order == 24.0 && (epsilon - 0.899_938_504_173_218_4).abs() < 1e-14, "{epsilon} {order}");
    }
}
