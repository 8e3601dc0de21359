//! Sums of losses by way of a weighted distribution, exponentially tilted as in the proof of Chernoff's bound.
//!
//! With masses p(l) and a slope s, q(l) = p(l) exp(s l) / M(s) is a distribution; sums of losses of q are those of
//! p, weighted and divided likewise. The transform adds up losses of q, and rounds in proportion to its largest
//! masses. Going back, that is exp(n ln M(s) - s l) times a rounding error at a loss l, and Chernoff's bound says
//! that delta there is at most the same factor: with the slope that makes it least, errors are small against delta
//! itself.

use super::fourier;
use super::window::{self, Window};
use super::{MOST, Masses};

/// Mass of the weighted distribution that a sum may lose.
const TRUNCATION: f64 = 1e-15;
/// By how much, in nats, Chernoff's bound may be above delta: rounding errors are multiplied by as much.
const LOOSE: f64 = 14.0;

/// What is to be found out.
#[derive(Clone, Copy, Debug)]
pub enum Aim {
    /// The epsilon at this delta.
    Delta(f64),
    /// The delta at this epsilon.
    Epsilon(f64),
}

impl Aim {
    /// The slope, in intervals, with which Chernoff's bound comes nearest.
    fn slope(self, parts: &[(&Masses, u64)], interval: f64) -> f64 {
        match self {
            Self::Delta(delta) => window::best_slope(parts, |ln_moment, slope| (ln_moment - delta.ln()) / slope),
            Self::Epsilon(epsilon) => {
                window::best_slope(parts, |ln_moment, slope| ln_moment - slope * epsilon / interval)
            }
        }
    }

    /// The epsilon and the delta that are found.
    fn found(self, masses: &Masses) -> (f64, f64) {
        match self {
            Self::Delta(delta) => (masses.epsilon(delta), delta),
            Self::Epsilon(epsilon) => (epsilon, masses.delta(epsilon)),
        }
    }
}

/// The distribution of a sum of so many losses of each kind, exact around the aim and above.
///
/// # Errors
/// The number of grid points, if there are too many.
pub fn sum(parts: &[(&Masses, u64)], interval: f64, aim: Aim) -> Result<Masses, usize> {
    let lost: f64 = parts.iter().map(|(masses, count)| *count as f64 * (-masses.infinite).ln_1p()).sum();
    let infinite = -lost.exp_m1();
    match parts {
        [] => return Ok(Masses { interval, first: 0, finite: vec![1.0], infinite }),
        [(masses, 1)] => return Ok(Masses { infinite, ..(*masses).clone() }),
        _ => {}
    }
    let mut slope = aim.slope(parts, interval);
    loop {
        let tilted: Vec<(Masses, f64, u64)> = parts
            .iter()
            .map(|(masses, count)| {
                let (masses, ln) = tilted(masses, slope);
                (masses, ln, *count)
            })
            .collect();
        let ln_moment: f64 = tilted.iter().map(|(_, ln, count)| *count as f64 * ln).sum();
        let weighted: Vec<(&Masses, u64)> = tilted.iter().map(|(masses, _, count)| (masses, *count)).collect();
        let window = Window::new(&weighted, TRUNCATION);
        if window.size() > MOST {
            return Err(window.size());
        }
        let back = |loss: i64| (ln_moment - slope * loss as f64).exp();
        let mut finite = fourier::sum(&weighted, &window);
        // What lies above the window counts as infinite, what comes around from outside is mass too much, and losses below
        // it are not looked at.
        for (mass, loss) in finite.iter_mut().zip(window.first..) {
            *mass *= back(loss);
        }
        let masses =
            Masses { interval, first: window.first, finite, infinite: infinite + TRUNCATION * back(window.last) };
        let (epsilon, delta) = aim.found(&masses);
        let bound = ln_moment - slope * epsilon / interval;
        if slope == 0.0 || (masses.loss(0) <= epsilon && bound <= delta.ln() + LOOSE) {
            return Ok(masses);
        }
        // Delta is flat here, and far below the bound.
        slope = if slope > 1e-12 { slope / 2.0 } else { 0.0 };
    }
}

/// Masses in proportion to p(l) exp(slope l), which add up to 1, and the logarithm of what they were divided by.
fn tilted(masses: &Masses, slope: f64) -> (Masses, f64) {
    let end = masses.finite.iter().rposition(|mass| *mass > 0.0).unwrap_or(0);
    let mut finite: Vec<f64> = masses.finite[..=end]
        .iter()
        .enumerate()
        .map(|(k, mass)| mass * (slope * (k as f64 - end as f64)).exp())
        .collect();
    let total: f64 = finite.iter().sum();
    finite.iter_mut().for_each(|mass| *mass /= total);
    let ln_moment = total.ln() + slope * (masses.first + end as i64) as f64;
    (Masses { finite, infinite: 0.0, ..*masses }, ln_moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 tosses of a coin that loses 1 with probability 1/10, else nothing.
    #[test]
    fn binomial_tails_keep_their_digits() {
        let coin = Masses { interval: 1.0, first: 0, finite: vec![0.9, 0.1], infinite: 0.0 };
        let mut ln_choose = 0.0;
        let exact: Vec<f64> = (0..=200u32)
            .map(|k| {
                if k > 0 {
                    ln_choose += (f64::from(201 - k) / f64::from(k)).ln();
                }
                (ln_choose + f64::from(k) * 0.1f64.ln() + f64::from(200 - k) * 0.9f64.ln()).exp()
            })
            .collect();
        for epsilon in [15.0, 30.0, 60.0, 90.0] {
            let expected: f64 = (0..=200).map(|k| exact[k] * (1.0 - (epsilon - k as f64).exp()).max(0.0)).sum();
            let masses = sum(&[(&coin, 200)], 1.0, Aim::Epsilon(epsilon)).unwrap();
            let found = masses.delta(epsilon);
            assert!((found / expected - 1.0).abs() < 1e-10, "{epsilon}: {found:e} {expected:e}");
            let masses = sum(&[(&coin, 200)], 1.0, Aim::Delta(expected)).unwrap();
            assert!((masses.epsilon(expected) - epsilon).abs() < 1e-9);
        }
    }
}
