//! The lower bound on one interval of the total weight, and what it says about allocations in it.

use crate::mode::Mode;
use crate::personal::ascent::{Ascent, Multipliers};
use crate::personal::inner::Inner;
use crate::personal::relaxation::Relaxation;

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

/// The bound on [low, high], from multipliers that were good nearby.
pub(super) fn bound(relaxation: &Relaxation, low: f64, high: f64, start: Option<&Multipliers>, steps: usize) -> Bound {
    let mut inner = Inner::new(relaxation, low, high, start.map_or(0.0, |start| start.mu));
    let mut ascent = Ascent { best: None };
    let directions = start.map_or_else(|| vec![0.0; relaxation.width], Multipliers::directions);
    let near = start.map(|start| start.t).filter(|t| *t > 0.0);
    // along the directions that were good nearby, then around the best point
    ascent.along(&mut inner, &directions, near, if near.is_some() { 6 } else { 20 });
    if relaxation.width > 0 {
        ascent.around(&mut inner, steps);
    }
    // every solved point is kept if it beats none
    let (value, multipliers) =
        ascent.best.unwrap_or((f64::NEG_INFINITY, Multipliers { t: 0.0, q: vec![0.0; relaxation.width], mu: 0.0 }));
    inner.reduce(multipliers.t, &multipliers.q);
    let mu = inner.multiplier(1e-10);
    let regrets = inner.regrets(mu);
    let minimisers = [inner.minimiser(mu.low), inner.minimiser(mu.high)];
    Bound { value, multipliers, minimisers, regrets, effort: inner.effort }
}
