//! Privacy loss distributions of the Poisson-subsampled Gaussian, as `dp_accounting.pld` computes them.
//!
//! The privacy loss of an outcome is the logarithm of how much likelier it is under one of two neighbouring data
//! sets than under the other. Its distribution is put on a grid of losses by connecting the dots (Doroshenko et al.
//! 2022), which never understates a delta (`single.rs`), and added up over rounds by Fourier transform
//! (`fourier.rs`). What is cut off counts as an infinite loss.
//!
//! A transform's rounding errors are a part in 10^16 of the largest masses, and many rounds multiply them; a delta
//! of 10^-12 would drown. Losses are therefore weighted before it so that the largest masses lie where the answer
//! does (`tilt.rs`), as dp-accounting does not: where it is asked for a delta near 10^-16 times the number of
//! rounds, figures differ.
//!
//! The grid is that of `dp-accounting`, 1e-4 wide, or wider where losses spread over more than 200. Where a round's
//! loss is far smaller than that (rates below 1e-3 with much noise) the bound is loose, as it is there.

mod fourier;
mod single;
mod tilt;
mod window;

use crate::event::{Event, Rounds};
use crate::{Error, Result};
use single::Single;
use tilt::Aim;

/// The width of the grid, in nats, unless losses spread too far.
pub const INTERVAL: f64 = 1e-4;
/// The most points of a grid; it is made coarser above. Beyond, losses spread over more than 200 and epsilon is large.
const MOST: usize = 1 << 21;
/// Singles that are kept.
const KEPT: usize = 4;

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

/// Adds up the losses of events. Keeps the distributions of single events, because a training repeats the same.
///
/// ```
/// use imfl_privacy::account::{Event, Rounds};
/// use imfl_privacy::pld::Composition;
///
/// # fn main() -> imfl_privacy::Result<()> {
/// let (sampled, whole) = (Event::poisson(1.0, 0.01)?, Event::gaussian(10.0)?);
/// let rounds = [Rounds { event: sampled, count: 1000 }, Rounds { event: whole, count: 1 }];
/// let mut composition = Composition::default();
/// let epsilon = composition.epsilon(&rounds, 1e-5)?;
/// assert!((composition.delta(&rounds, epsilon) / 1e-5 - 1.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Composition {
    singles: Vec<(Event, Single)>,
}

impl Composition {
    /// The least epsilon of all these rounds at `delta`.
    ///
    /// # Errors
    /// A delta below the mass that is cut off, about 10^-23 a round.
    pub fn epsilon(&mut self, rounds: &[Rounds], delta: f64) -> Result<f64> {
        let sums = self.sums(rounds, Aim::Delta(delta));
        let infinite = sums.iter().map(|masses| masses.infinite).fold(0.0, f64::max);
        if infinite > delta {
            return Err(Error::Delta { delta, infinite });
        }
        Ok(sums.iter().map(|masses| masses.epsilon(delta)).fold(0.0, f64::max))
    }

    /// The least delta of all these rounds at `epsilon`.
    pub fn delta(&mut self, rounds: &[Rounds], epsilon: f64) -> f64 {
        self.sums(rounds, Aim::Epsilon(epsilon)).iter().map(|masses| masses.delta(epsilon)).fold(0.0, f64::max)
    }

    /// The distribution of the summed loss, exact where the aim is: of one neighbour if both have the same, else of
    /// either.
    fn sums(&mut self, rounds: &[Rounds], aim: Aim) -> Vec<Masses> {
        let events = merged(rounds);
        let symmetric = events.iter().all(|r| r.event.rate() == 1.0);
        let directions: &[_] = if symmetric { &[Neighbour::With] } else { &[Neighbour::With, Neighbour::Without] };
        let spread = events.iter().map(|r| single::spread(&r.event)).fold(0.0, f64::max);
        let mut interval = widened(spread / INTERVAL, INTERVAL);
        loop {
            let singles: Vec<(Single, u64)> =
                events.iter().map(|r| (self.single(&r.event, interval).clone(), r.count)).collect();
            let sum = |direction: &Neighbour| {
                let parts: Vec<(&Masses, u64)> =
                    singles.iter().map(|(single, count)| (single.seen(*direction), *count)).collect();
                tilt::sum(&parts, interval, aim)
            };
            match directions.iter().map(sum).collect::<std::result::Result<_, usize>>() {
                Ok(sums) => return sums,
                Err(size) => interval = widened(size as f64, interval),
            }
        }
    }

    /// The event on a grid of this width.
    fn single(&mut self, event: &Event, interval: f64) -> &Single {
        let known = self.singles.iter().position(|(of, single)| of == event && single.interval == interval);
        let place = known.unwrap_or_else(|| {
            if self.singles.len() == KEPT {
                self.singles.remove(0);
            }
            self.singles.push((*event, Single::new(event, interval)));
            self.singles.len() - 1
        });
        &self.singles[place].1
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

    /// Where delta, going up, falls to `delta`; 0 if it is below there.
    fn epsilon(&self, delta: f64) -> f64 {
        // Mass above the loss that is looked at, and the same times exp(loss above - own loss): at the loss above,
        // delta is infinite + above - below.
        let (mut above, mut below) = (0.0, 0.0);
        let decay = (-self.interval).exp();
        // At most the loss above, whatever rounding does to masses near nothing.
        let inside = |loss: f64, above: f64, below: f64| {
            let ratio = (self.infinite + above - delta) / below;
            if ratio > 0.0 && ratio < 1.0 { (loss + ratio.ln()).max(0.0) } else { loss.max(0.0) }
        };
        for (place, mass) in self.finite.iter().enumerate().rev() {
            let next = (above + mass, decay * below + mass);
            // With epsilon between this loss and the one above, delta = infinite + above - exp(epsilon - loss
            // above) below.
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

    fn rounds(event: Event, count: u64) -> [Rounds; 1] {
        [Rounds { event, count }]
    }

    fn epsilon(rounds: &[Rounds], delta: f64) -> f64 {
        Composition::default().epsilon(rounds, delta).unwrap()
    }

    /// Balle and Wang 2018, theorem 8.
    fn gaussian_delta(mu: f64, epsilon: f64) -> f64 {
        normal::upper(epsilon / mu - mu / 2.0) - (epsilon + normal::ln_upper(epsilon / mu + mu / 2.0)).exp()
    }

    #[test]
    fn full_participation_is_the_gaussian_mechanism() {
        for (noise, count, epsilon) in [(1.0, 1, 1.0), (5.0, 25, 0.5), (0.7, 3, 8.0), (0.05, 1, 250.0)] {
            let rounds = rounds(Event::Gaussian { noise }, count);
            let mut composition = Composition::default();
            let exact = gaussian_delta((count as f64).sqrt() / noise, epsilon);
            let found = composition.delta(&rounds, epsilon);
            assert!((1.0..1.0002).contains(&(found / exact)), "{noise} {count}: {found} {exact}");
            assert!((composition.epsilon(&rounds, found).unwrap() - epsilon).abs() < 1e-8);
        }
    }

    #[test]
    fn one_sampled_round_is_its_closed_form() {
        // With the client: delta(epsilon) = q delta'(epsilon') where exp(epsilon') = 1 + (exp(epsilon) - 1) / q
        // (amplification).
        let (noise, rate) = (1.3, 0.2);
        for epsilon in [0.05f64, 0.3, 1.0] {
            let inner = (epsilon.exp_m1() / rate).ln_1p();
            let exact = rate * gaussian_delta(1.0 / noise, inner);
            let found = Composition::default().delta(&rounds(Event::PoissonGaussian { noise, rate }, 1), epsilon);
            assert!((1.0..1.0002).contains(&(found / exact)), "{epsilon}: {found} {exact}");
        }
    }

    /// A rate next to 1 goes through all of the machinery, and has a closed form.
    #[test]
    fn many_rounds_keep_their_digits_at_tiny_deltas() {
        let (noise, rate, count) = (400.0, 1.0 - 1e-13, 100_000);
        let rounds = rounds(Event::PoissonGaussian { noise, rate }, count);
        for epsilon in [0.5, 3.0, 5.0, 7.0] {
            let exact = gaussian_delta((count as f64).sqrt() / noise, epsilon);
            let found = Composition::default().delta(&rounds, epsilon);
            // The grid's intervals are 1/25 of a round's deviation.
            assert!((1.0..1.03).contains(&(found / exact)), "{epsilon}: {found:e} {exact:e}");
            let back = Composition::default().epsilon(&rounds, found).unwrap();
            assert!((back / epsilon - 1.0).abs() < 1e-9, "{epsilon}: {back}");
        }
        assert!(gaussian_delta((count as f64).sqrt() / noise, 7.0) < 1e-16);
    }

    #[test]
    fn parts_are_the_whole() {
        let event = Event::PoissonGaussian { noise: 1.0, rate: 0.1 };
        let whole = epsilon(&rounds(event, 100), 1e-5);
        assert_eq!(whole, epsilon(&[Rounds { event, count: 40 }, Rounds { event, count: 60 }], 1e-5));
        let other = Event::PoissonGaussian { noise: 1.0 + 1e-12, rate: 0.1 };
        let mixed = epsilon(&[Rounds { event, count: 40 }, Rounds { event: other, count: 60 }], 1e-5);
        assert!((mixed / whole - 1.0).abs() < 1e-8);
    }

    #[test]
    fn nothing_spent_is_nothing_lost() {
        assert_eq!(epsilon(&[], 1e-9), 0.0);
        assert_eq!(Composition::default().delta(&rounds(Event::Gaussian { noise: 1.0 }, 0), 0.0), 0.0);
    }

    #[test]
    fn a_delta_below_what_was_cut_off_is_an_error() {
        let rounds = rounds(Event::PoissonGaussian { noise: 1.0, rate: 0.1 }, 10);
        assert!(matches!(Composition::default().epsilon(&rounds, 1e-27), Err(Error::Delta { .. })));
        assert!(epsilon(&rounds, 1e-20) > epsilon(&rounds, 1e-12));
    }

    #[test]
    fn a_coarser_grid_is_above_and_near() {
        let event = Event::PoissonGaussian { noise: 0.6, rate: 0.05 };
        let at = |interval| {
            let single = Single::new(&event, interval);
            tilt::sum(&[(single.seen(Neighbour::With), 300)], interval, Aim::Delta(1e-6)).unwrap().epsilon(1e-6)
        };
        let (fine, coarse) = (at(1e-4), at(8e-4));
        assert!(coarse >= fine && coarse < fine * 1.0001, "{fine} {coarse}");
    }
}
