//! Privacy loss distributions of the Poisson-subsampled Gaussian, as `dp_accounting.pld` computes them.
//!
//! The privacy loss of an outcome is the logarithm of how much likelier it is under one of two neighbouring data sets
//! than under the other. Its distribution is put on a grid of losses by connecting the dots (Doroshenko et al. 2022),
//! which never understates a delta ([`single`]), and added up over rounds by Fourier transform ([`sum`]). What is cut
//! off counts as an infinite loss.
//!
//! Figures are upper bounds up to the rounding of f64, about 1e-16 of delta a round. The grid is that of
//! `dp-accounting`; it is 1e-4 wide, or wider where losses spread over more than 200. Where a round's loss is far
//! smaller than that (rates below 1e-3 with much noise) the bound is loose, as it is there.

mod fourier;
mod single;
mod window;

use crate::account::{Event, Rounds};
use crate::{Error, Result};
use single::Single;
use window::Window;

/// The width of the grid, in nats, unless losses spread too far.
pub const INTERVAL: f64 = 1e-4;
/// The most points of a grid; it is made coarser above. Beyond, losses spread over more than 200 and epsilon is large.
const MOST: usize = 1 << 21;
/// Mass that a sum over rounds may lose; it counts as an infinite loss.
const TRUNCATION: f64 = 1e-15;

/// From which of two neighbouring data sets the outcome is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Neighbour {
    /// From the one with the client: what removing him would reveal.
    With,
    /// From the one without.
    Without,
}

/// Masses of losses `(first + i) * interval` and of an infinite one.
#[derive(Clone, Debug)]
struct Masses {
    interval: f64,
    first: i64,
    finite: Vec<f64>,
    infinite: f64,
}

/// The distribution of the loss of a number of events together.
#[derive(Clone, Debug)]
pub struct Pld {
    /// One, if both neighbours have the same distribution.
    directions: Vec<Masses>,
}

/// Distributions of single events, kept because a run repeats the same event.
#[derive(Clone, Debug, Default)]
pub struct Cache(Vec<(Event, Single)>);

impl Cache {
    /// The event on a grid of this width.
    fn single(&mut self, event: &Event, interval: f64) -> &Single {
        let known = self.0.iter().position(|(of, single)| of == event && single.interval == interval);
        let place = known.unwrap_or_else(|| {
            // A run has one event, and a calibration leaves each behind: a few places do.
            if self.0.len() >= 4 {
                self.0.remove(0);
            }
            self.0.push((*event, Single::new(event, interval)));
            self.0.len() - 1
        });
        &self.0[place].1
    }
}

impl Pld {
    /// The loss of all these events together, which were checked.
    pub fn new(rounds: &[Rounds], cache: &mut Cache) -> Self {
        let events = merged(rounds);
        let spread = events.iter().map(|r| single::spread(&r.event)).fold(0.0, f64::max);
        let mut interval = widened(spread / INTERVAL, INTERVAL);
        loop {
            let singles: Vec<(Single, u64)> = events.iter().map(|r| (cache.single(&r.event, interval).clone(), r.count)).collect();
            let symmetric = events.iter().all(|r| r.event.rate() == 1.0);
            let directions: &[_] = if symmetric { &[Neighbour::With] } else { &[Neighbour::With, Neighbour::Without] };
            let parts: Vec<Vec<(&Masses, u64)>> =
                directions.iter().map(|d| singles.iter().map(|(s, count)| (s.seen(*d), *count)).collect()).collect();
            let windows: Vec<Window> = parts.iter().map(|parts| Window::new(parts, TRUNCATION)).collect();
            let size = windows.iter().map(Window::size).max().unwrap_or(1);
            if size > MOST {
                interval = widened(size as f64, interval);
                continue;
            }
            let sum = |(parts, window): (&Vec<(&Masses, u64)>, &Window)| fourier::sum(parts, window, interval);
            return Self { directions: parts.iter().zip(&windows).map(sum).collect() };
        }
    }

    /// The least epsilon at `delta`; infinite if more than `delta` was cut off.
    pub fn epsilon(&self, delta: f64) -> f64 {
        self.directions.iter().map(|masses| masses.epsilon(delta)).fold(0.0, f64::max)
    }

    /// The least delta at `epsilon`.
    pub fn delta(&self, epsilon: f64) -> f64 {
        self.directions.iter().map(|masses| masses.delta(epsilon)).fold(0.0, f64::max)
    }

    /// The mass that counts as an infinite loss: no delta below can be promised.
    pub fn infinite(&self) -> f64 {
        self.directions.iter().map(|masses| masses.infinite).fold(0.0, f64::max)
    }

    /// As [`Self::epsilon`], where infinity is an error.
    ///
    /// # Errors
    /// A delta below what was cut off.
    pub fn finite_epsilon(&self, delta: f64) -> Result<f64> {
        let epsilon = self.epsilon(delta);
        if epsilon.is_finite() { Ok(epsilon) } else { Err(Error::Delta { delta, infinite: self.infinite() }) }
    }
}

/// Equal events together. Gaussian releases without sampling are one release with less noise.
fn merged(rounds: &[Rounds]) -> Vec<Rounds> {
    let mut precision = 0.0;
    let mut events: Vec<Rounds> = Vec::new();
    for r in rounds.iter().filter(|r| r.count > 0) {
        if r.event.rate() == 1.0 {
            precision += r.count as f64 / (r.event.noise() * r.event.noise());
        } else if let Some(same) = events.iter_mut().find(|e| e.event == r.event) {
            same.count += r.count;
        } else {
            events.push(*r);
        }
    }
    if precision > 0.0 {
        events.push(Rounds { event: Event::Gaussian { noise: 1.0 / f64::sqrt(precision) }, count: 1 });
    }
    events
}

/// The interval, doubled until `points` of it fit a grid.
fn widened(points: f64, interval: f64) -> f64 {
    interval * (points / MOST as f64).log2().ceil().max(0.0).exp2()
}

impl Masses {
    fn loss(&self, place: usize) -> f64 {
        (self.first + place as i64) as f64 * self.interval
    }

    /// Where delta falls to `delta`, from above.
    fn epsilon(&self, delta: f64) -> f64 {
        if self.infinite > delta {
            return f64::INFINITY;
        }
        // Mass above the loss that is looked at, and the same times exp(loss above - own loss): at the loss above, delta is
        // infinite + above - below.
        let (mut above, mut below) = (0.0, 0.0);
        let decay = (-self.interval).exp();
        // At most the loss above, whatever rounding does to masses near nothing.
        let inside = |loss: f64, above: f64, below: f64| {
            let ratio = (self.infinite + above - delta) / below;
            if ratio > 0.0 && ratio < 1.0 { (loss + ratio.ln()).max(0.0) } else { loss.max(0.0) }
        };
        for (place, mass) in self.finite.iter().enumerate().rev() {
            let next = (above + mass, decay * below + mass);
            // With epsilon between this loss and the one above, delta = infinite + above - exp(epsilon - loss above) below.
            if self.infinite + above - decay * below > delta {
                return inside(self.loss(place + 1), above, below);
            }
            (above, below) = next;
            if self.loss(place) < 0.0 {
                break;
            }
        }
        // Below all losses, or where only losses below 0 are left.
        if self.loss(0) <= 0.0 || self.infinite + above <= delta { 0.0 } else { inside(self.loss(0), above, below) }
    }

    fn delta(&self, epsilon: f64) -> f64 {
        let above = self.finite.iter().enumerate().rev().take_while(|(place, _)| self.loss(*place) > epsilon);
        self.infinite + above.map(|(place, mass)| -(epsilon - self.loss(place)).exp_m1() * mass).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;

    fn of(event: Event, count: u64) -> Pld {
        Pld::new(&[Rounds { event, count }], &mut Cache::default())
    }

    /// Balle and Wang 2018, theorem 8.
    fn gaussian_delta(mu: f64, epsilon: f64) -> f64 {
        normal::upper(epsilon / mu - mu / 2.0) - epsilon.exp() * normal::upper(epsilon / mu + mu / 2.0)
    }

    #[test]
    fn full_participation_is_the_gaussian_mechanism() {
        for (noise, count, epsilon) in [(1.0, 1, 1.0), (5.0, 25, 0.5), (0.7, 3, 8.0), (0.05, 1, 250.0)] {
            let pld = of(Event::Gaussian { noise }, count);
            let exact = gaussian_delta((count as f64).sqrt() / noise, epsilon);
            let found = pld.delta(epsilon);
            assert!((1.0..1.0002).contains(&(found / exact)), "{noise} {count}: {found} {exact}");
            assert!((pld.epsilon(found) - epsilon).abs() < 1e-8);
        }
    }

    #[test]
    fn one_sampled_round_is_its_closed_form() {
        // With the client: delta(epsilon) = q delta'(epsilon') where exp(epsilon') = 1 + (exp(epsilon) - 1) / q (amplification).
        let (noise, rate) = (1.3, 0.2);
        let pld = of(Event::PoissonGaussian { noise, rate }, 1);
        for epsilon in [0.05f64, 0.3, 1.0] {
            let inner = (epsilon.exp_m1() / rate).ln_1p();
            let exact = rate * gaussian_delta(1.0 / noise, inner);
            assert!((1.0..1.0002).contains(&(pld.delta(epsilon) / exact)), "{epsilon}: {} {exact}", pld.delta(epsilon));
        }
    }

    #[test]
    fn parts_are_the_whole() {
        let event = Event::PoissonGaussian { noise: 1.0, rate: 0.1 };
        let whole = of(event, 100);
        let parts = Pld::new(&[Rounds { event, count: 40 }, Rounds { event, count: 60 }], &mut Cache::default());
        assert_eq!(whole.epsilon(1e-5), parts.epsilon(1e-5));
        let other = Event::PoissonGaussian { noise: 1.0 + 1e-12, rate: 0.1 };
        let mixed = Pld::new(&[Rounds { event, count: 40 }, Rounds { event: other, count: 60 }], &mut Cache::default());
        assert!((mixed.epsilon(1e-5) / whole.epsilon(1e-5) - 1.0).abs() < 1e-8);
    }

    #[test]
    fn nothing_spent_is_nothing_lost() {
        assert_eq!(Pld::new(&[], &mut Cache::default()).epsilon(1e-9), 0.0);
        assert_eq!(of(Event::Gaussian { noise: 1.0 }, 0).delta(0.0), 0.0);
    }

    #[test]
    fn a_delta_below_what_was_cut_off_is_an_error() {
        let pld = of(Event::PoissonGaussian { noise: 1.0, rate: 0.1 }, 10);
        assert!(pld.finite_epsilon(1e-16).is_err());
        assert!(pld.finite_epsilon(1e-12).is_ok());
    }

    #[test]
    fn a_coarser_grid_is_above_and_near() {
        let event = Event::PoissonGaussian { noise: 0.4, rate: 0.05 };
        let at = |interval| {
            let single = Single::new(&event, interval);
            let parts = [(single.seen(Neighbour::With), 300)];
            fourier::sum(&parts, &Window::new(&parts, TRUNCATION), interval).epsilon(1e-6)
        };
        let (fine, coarse) = (at(1e-4), at(8e-4));
        assert!(coarse >= fine && coarse < fine * 1.0001, "{fine} {coarse}");
    }
}
