//! Where the sum of many losses lies, all but a little of it: Chernoff's bound.

use super::Masses;

/// The losses `first..=last` of a sum, in intervals.
#[derive(Clone, Debug)]
pub struct Window {
    pub first: i64,
    pub last: i64,
}

/// Sums that go on side by side.
const LANES: usize = 16;
/// Steeper exponentials see nothing but the largest loss.
const STEEPEST: f64 = 50.0;

impl Window {
    /// The window of a sum of so many losses of each kind, with at most `truncation` outside.
    pub fn new(parts: &[(&Masses, u64)], truncation: f64) -> Self {
        let first: i64 = parts.iter().map(|(m, count)| m.first * *count as i64).sum();
        let last: i64 = parts.iter().map(|(m, count)| (m.first + m.finite.len() as i64 - 1) * *count as i64).sum();
        // Half of it to each side.
        let distance = (2.0 / truncation).ln();
        let guess = guess(parts, distance);
        let (upper, _) = best(guess, |slope| (ln_moment(parts, slope) + distance) / slope);
        let (lower, _) = best(guess, |slope| (ln_moment(parts, -slope) + distance) / slope);
        Self { first: first.max((-lower).floor() as i64), last: last.min(upper.ceil() as i64) }
    }

    /// How many losses it holds.
    pub fn size(&self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(usize::MAX)
    }
}

/// The slope at which a bound made of ln E\[exp(slope * sum)\] and the slope is least.
pub fn best_slope(parts: &[(&Masses, u64)], bound: impl Fn(f64, f64) -> f64) -> f64 {
    best(guess(parts, 10.0), |slope| bound(ln_moment(parts, slope), slope)).1
}

/// The slope with which Chernoff's bound for a normal sum says exp(-distance): sqrt(2 distance / variance).
fn guess(parts: &[(&Masses, u64)], distance: f64) -> f64 {
    let variance = |masses: &Masses| {
        let moment = |centre: f64, power: i32| -> f64 {
            masses.finite.iter().enumerate().map(|(k, m)| m * (k as f64 - centre).powi(power)).sum()
        };
        moment(moment(0.0, 1), 2)
    };
    let variance: f64 = parts.iter().map(|(masses, count)| *count as f64 * variance(masses)).sum();
    (2.0 * distance / variance.max(f64::MIN_POSITIVE)).sqrt().min(STEEPEST)
}

/// The least value of a bound over slopes around a guess, and the slope. Any slope gives a bound, so that a rough
/// search is enough.
fn best(guess: f64, bound: impl Fn(f64) -> f64) -> (f64, f64) {
    let (mut least, mut centre) = (bound(guess), guess);
    let mut step = 4.0f64;
    while step > 1.1 {
        let around = [centre * step, centre / step].into_iter().filter(|slope| *slope <= STEEPEST);
        match around.map(|slope| (bound(slope), slope)).min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((value, slope)) if value < least => (least, centre) = (value, slope),
            _ => step = step.sqrt(),
        }
    }
    (least, centre)
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
    let (sum, largest) = if slope > 0.0 {
        let (rest, whole) = finite.split_at(finite.len() % LANES);
        (polynomial(rest.iter(), whole.chunks_exact(LANES), slope, |lane| LANES - 1 - lane), end)
    } else {
        let (whole, rest) = finite.split_at(finite.len() - finite.len() % LANES);
        (polynomial(rest.iter().rev(), whole.chunks_exact(LANES).rev(), -slope, |lane| lane), start)
    };
    sum.ln() + slope * (masses.first + largest as i64) as f64
}

/// A polynomial in exp(-slope), at most 1, by Horner's rule from the highest power on: first of the `rest`, then in
/// lanes, the last of which have the `power` that they say.
fn polynomial<'a>(
    rest: impl Iterator<Item = &'a f64>,
    whole: impl ExactSizeIterator<Item = &'a [f64]>,
    slope: f64,
    power: impl Fn(usize) -> usize,
) -> f64 {
    let ratio = |power: usize| (-slope * power as f64).exp();
    let (one, all) = (ratio(1), ratio(LANES));
    let highest = rest.fold(0.0, |sum, mass| sum * one + mass) * ratio(LANES * whole.len());
    let mut lanes = [0.0; LANES];
    for masses in whole {
        for (lane, mass) in lanes.iter_mut().zip(masses) {
            *lane = *lane * all + mass;
        }
    }
    highest + lanes.iter().enumerate().map(|(lane, sum)| sum * ratio(power(lane))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_sums_of_exponentials() {
        for length in [1usize, 5, 16, 37, 200] {
            let finite: Vec<f64> = (0..length).map(|k| 1.0 / (k + 2) as f64).collect();
            let masses = Masses {
                interval: 1.0,
                first: -3,
                finite: [vec![0.0; 4], finite.clone(), vec![0.0; 3]].concat(),
                infinite: 0.0,
            };
            for slope in [-0.3, -0.001, 0.02, 0.5f64] {
                let expected: f64 =
                    finite.iter().enumerate().map(|(k, mass)| mass * (slope * (k as f64 + 1.0)).exp()).sum();
                assert!((ln_moment_of(&masses, slope) - expected.ln()).abs() < 1e-12, "{length} {slope}");
            }
        }
        // Far beyond what an exponential holds.
        let masses = Masses { interval: 1.0, first: 1000, finite: vec![0.5, 0.5], infinite: 0.0 };
        assert!((ln_moment_of(&masses, 40.0) - 0.5f64.ln() - 40_040.0).abs() < 1e-9);
    }

    #[test]
    fn holds_all_but_the_truncation_of_a_binomial() {
        // One in ten loses 1, 200 times: P[sum > 61] is 5.8e-17 and P[sum > 54] 5.6e-13.
        let masses = Masses { interval: 1.0, first: 0, finite: vec![0.9, 0.1], infinite: 0.0 };
        let window = Window::new(&[(&masses, 200)], 1e-15);
        assert!(window.first == 0 && (58..72).contains(&window.last), "{window:?}");
        assert_eq!(Window::new(&[(&masses, 1)], 1e-15).size(), 2);
    }
}
