//! Where the sum of many losses lies, all but a little of it: Chernoff's bound.

use super::Masses;

/// The losses `first..=last` of a sum, in intervals.
#[derive(Clone, Debug)]
pub struct Window {
    pub first: i64,
    pub last: i64,
    /// Mass outside, at most; it counts as an infinite loss.
    pub outside: f64,
}

/// Exponentials are multiplied up from a fresh one every so many points.
const BLOCK: usize = 256;
/// Steeper exponentials see nothing but the largest loss.
const STEEPEST: f64 = 50.0;

impl Window {
    /// The window of a sum of so many losses of each kind, which leaves out `truncation` at most; nothing for one loss alone.
    pub fn new(parts: &[(&Masses, u64)], truncation: f64) -> Self {
        let first = parts.iter().map(|(m, count)| m.first * *count as i64).sum();
        let last = parts.iter().map(|(m, count)| (m.first + m.finite.len() as i64 - 1) * *count as i64).sum();
        if parts.iter().map(|(_, count)| count).sum::<u64>() <= 1 {
            return Self { first, last, outside: 0.0 };
        }
        let (mut mean, mut variance) = (0.0, 0.0);
        for (masses, count) in parts {
            let moment = |power: i32| -> f64 {
                masses.finite.iter().enumerate().map(|(k, m)| m * ((masses.first + k as i64) as f64).powi(power)).sum()
            };
            let own = moment(1);
            mean += *count as f64 * own;
            variance += *count as f64 * (moment(2) - own * own).max(0.0);
        }
        // Half of the truncation to each side. For a normal sum the best slope is sqrt(2 ln(2 / truncation) / variance).
        let distance = (2.0 / truncation).ln();
        let guess = (2.0 * distance / variance.max(1e-300)).sqrt();
        let upper = best(guess, |slope| (ln_moment(parts, slope) + distance) / slope);
        let lower = best(guess, |slope| (ln_moment(parts, -slope) + distance) / slope);
        let (first, last) = (first.max((-lower).floor() as i64), last.min(upper.ceil() as i64));
        debug_assert!(first as f64 <= mean && mean <= last as f64);
        Self { first, last, outside: truncation }
    }

    /// How many losses it holds.
    pub fn size(&self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(usize::MAX)
    }
}

/// The least value of a bound over slopes around a guess. Any slope gives a bound, so that a rough search is enough.
fn best(guess: f64, bound: impl Fn(f64) -> f64) -> f64 {
    let mut centre = guess.min(STEEPEST);
    let mut least = bound(centre);
    let mut step = 4.0f64;
    while step > 1.02 {
        let around = [centre * step, centre / step].into_iter().filter(|slope| *slope <= STEEPEST);
        match around.map(|slope| (bound(slope), slope)).min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((value, slope)) if value < least => (least, centre) = (value, slope),
            _ => step = step.sqrt(),
        }
    }
    least
}

/// ln E\[exp(slope * sum)\], the sum in intervals.
fn ln_moment(parts: &[(&Masses, u64)], slope: f64) -> f64 {
    parts.iter().map(|(masses, count)| *count as f64 * ln_moment_of(masses, slope)).sum()
}

/// Exponentials are taken relative to the largest one that has mass: none overflows, and none that counts underflows.
fn ln_moment_of(masses: &Masses, slope: f64) -> f64 {
    let held = |mass: &f64| *mass > 0.0;
    let Some((start, end)) = masses.finite.iter().position(held).zip(masses.finite.iter().rposition(held)) else {
        return f64::NEG_INFINITY;
    };
    let finite = &masses.finite[start..=end];
    let ratio = (-slope.abs()).exp();
    let fold = |sum: f64, mass: &f64| sum * ratio + mass;
    let (sum, largest) = if slope > 0.0 {
        let block = |(k, block): (usize, &[f64])| block.iter().fold(0.0, fold) * (-slope * (k * BLOCK) as f64).exp();
        (finite.rchunks(BLOCK).enumerate().map(block).sum::<f64>(), end)
    } else {
        let block = |(k, block): (usize, &[f64])| block.iter().rev().fold(0.0, fold) * (slope * (k * BLOCK) as f64).exp();
        (finite.chunks(BLOCK).enumerate().map(block).sum::<f64>(), start)
    };
    sum.ln() + slope * (masses.first + largest as i64) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_all_but_the_truncation_of_a_binomial() {
        // One in ten loses 1, 200 times: P[sum > 61] is 5.8e-17 and P[sum > 54] 5.6e-13.
        let masses = Masses { interval: 1.0, first: 0, finite: vec![0.9, 0.1], infinite: 0.0 };
        let window = Window::new(&[(&masses, 200)], 1e-15);
        assert!(window.first == 0 && (58..72).contains(&window.last), "{window:?}");
        assert!(Window::new(&[(&masses, 1)], 1e-15).size() == 2);
    }
}
