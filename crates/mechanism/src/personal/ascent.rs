//! The way up the dual: which multipliers (t, q) to try.

use crate::personal::inner::{Inner, Point};

/// Multipliers; a good start for neighbouring intervals.
#[derive(Debug, Clone)]
pub(super) struct Multipliers {
    pub t: f64,
    pub q: Vec<f64>,
    pub mu: f64,
}

impl Multipliers {
    /// q / t, each in [-1, 1].
    pub fn directions(&self) -> Vec<f64> {
        self.q.iter().map(|q| if self.t > 0.0 { (q / self.t).clamp(-1.0, 1.0) } else { 0.0 }).collect()
    }
}

/// The way up the dual, and the best point on it.
pub(super) struct Ascent {
    pub best: Option<(f64, Multipliers)>,
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
    pub fn along(&mut self, inner: &mut Inner, z: &[f64], start: Option<f64>, steps: usize) {
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
    pub fn around(&mut self, inner: &mut Inner, steps: usize) {
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
