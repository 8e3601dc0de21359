//! Noise for a target.

use super::{Event, MOST_NOISE, Rounds, checked_delta, checked_epsilon, checked_rounds};
use crate::pld::Composition;
use crate::rdp::Curve;
use crate::{Error, Result};

/// Noise is found to this relative precision, from above.
const PRECISION: f64 = 1e-5;

/// The least noise, in sensitivities, with which `rounds` rounds at `rate` stay within (`epsilon`, `delta`), by
/// privacy loss distributions, to a relative 1e-5 and never below.
///
/// # Errors
/// A parameter out of range, or a target that no noise reaches.
pub fn noise_for(epsilon: f64, delta: f64, rate: f64, rounds: u64) -> Result<f64> {
    let (epsilon, delta, rounds) = (checked_epsilon(epsilon)?, checked_delta(delta)?, checked_rounds(rounds)?);
    Event::poisson(1.0, rate)?;
    let event = |noise| Event::PoissonGaussian { noise, rate };
    let unreachable = Error::Unreachable { epsilon, delta, most: MOST_NOISE };
    // Rényi divergences give a quick first guess.
    let by_rdp = |noise| (Curve::default().and(&Curve::new(&event(noise)), rounds).epsilon(delta).0 / epsilon).ln();
    // Where no epsilon can be told for delta, more noise may help.
    let by_pld = |noise| {
        Composition::default()
            .epsilon(&[Rounds { event: event(noise), count: rounds }], delta)
            .map_or(f64::INFINITY, |found| (found / epsilon).ln())
    };
    let guess = bracket(1.0, 0.5, by_rdp).map_or(1.0, |around| narrow(around, 1e-2, by_rdp));
    let around = bracket(guess, 0.9, by_pld).ok_or(unreachable)?;
    Ok(narrow(around, PRECISION, by_pld))
}

/// A noise and ln(its epsilon / the target): above 0 it is too little.
type Point = (f64, f64);

/// Noises around the target, the second of which reaches it: down from the guess by a factor as long as it does,
/// else up. Both are the least noise if that reaches the target. `None` if the most noise does not.
fn bracket(guess: f64, factor: f64, excess: impl Fn(f64) -> f64) -> Option<(Point, Point)> {
    let noise = guess.clamp(super::LEAST_NOISE, MOST_NOISE);
    let (mut at, mut step) = ((noise, excess(noise)), factor);
    let reached = at.1 <= 0.0;
    let edge = if reached { super::LEAST_NOISE } else { MOST_NOISE };
    while at.0 != edge {
        let noise = if reached { (at.0 * step).max(edge) } else { (at.0 / step).min(edge) };
        let next = (noise, excess(noise));
        if (next.1 <= 0.0) != reached {
            return Some(if reached { (next, at) } else { (at, next) });
        }
        (at, step) = (next, step * step);
    }
    reached.then_some((at, at))
}

/// The upper end of an interval made narrow. Epsilon is nearly a power of the noise, so that the straight line
/// between the ends hits; halving takes over where it does not.
fn narrow((mut low, mut high): (Point, Point), precision: f64, excess: impl Fn(f64) -> f64) -> f64 {
    let mut lines = 0;
    while high.0 / low.0 > 1.0 + precision {
        let (a, b) = (low.0.ln(), high.0.ln());
        let line = a + (b - a) * low.1 / (low.1 - high.1);
        // First at the crossing, then a little beyond on the side of the farther end, so that it comes near too.
        let nudge = if lines == 0 {
            0.0
        } else if line - a > b - line {
            -precision / 3.0
        } else {
            precision / 3.0
        };
        let aimed = if line.is_finite() && lines % 4 < 3 {
            (line + nudge).clamp(a + precision / 4.0, b - precision / 4.0)
        } else {
            0.5 * (a + b)
        };
        let next = (aimed.exp(), excess(aimed.exp()));
        if next.1 <= 0.0 {
            high = next
        } else {
            low = next
        }
        lines += 1;
    }
    high.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_least_that_reaches_the_target() {
        for (epsilon, delta, rate, rounds) in
            [(2.0, 1e-6, 0.05, 500), (0.1, 1e-9, 1.0, 1), (8.0, 1e-5, 0.01, 20_000), (50.0, 1e-5, 0.5, 3)]
        {
            let noise = noise_for(epsilon, delta, rate, rounds).unwrap();
            let at = |noise| {
                Composition::default()
                    .epsilon(&[Rounds { event: Event::PoissonGaussian { noise, rate }, count: rounds }], delta)
                    .unwrap()
            };
            assert!(at(noise) <= epsilon && at(noise * (1.0 - 2e-5)) > epsilon, "{epsilon}: {noise} {}", at(noise));
        }
    }

    #[test]
    fn what_cannot_be_reached_is_said() {
        assert!(matches!(noise_for(1.0, 1e-40, 0.1, 10), Err(Error::Unreachable { .. })));
        for (epsilon, delta, rate, rounds) in [
            (0.0, 1e-6, 0.1, 1),
            (1.0, 0.0, 0.1, 1),
            (1.0, 1e-6, 0.0, 1),
            (1.0, 1e-6, 0.1, 0),
            (f64::NAN, 1e-6, 0.1, 1),
        ] {
            assert!(matches!(noise_for(epsilon, delta, rate, rounds), Err(Error::Parameter { .. })));
        }
    }
}
