//! One round's loss on a grid, by connecting the dots.
//!
//! With u standing for `exp(epsilon)`, the true delta is a convex function of u. Its chord between neighbouring
//! points of the grid is at or above it, and is the delta of a distribution on those points: the least one that is
//! nowhere below (Doroshenko et al. 2022, algorithm 1).

use super::{Masses, Neighbour};
use crate::account::Event;
use crate::normal;

/// Outcomes farther than this many standard deviations out are cut off: 7.6e-24 of the mass a side.
const TAIL: f64 = 10.0;

/// Both directions of one event.
#[derive(Clone, Debug)]
pub struct Single {
    pub interval: f64,
    with: Masses,
    without: Masses,
}

/// P = (1 - q) N(0, s^2) + q N(1, s^2), the outcome with the client, against Q = N(0, s^2).
struct Pair {
    sigma: f64,
    rate: f64,
}

/// How far the losses of an event spread.
pub fn spread(event: &Event) -> f64 {
    let pair = Pair::new(event);
    pair.loss(1.0 + TAIL * pair.sigma) - pair.loss(-TAIL * pair.sigma)
}

impl Pair {
    fn new(event: &Event) -> Self {
        Self { sigma: event.noise(), rate: event.rate() }
    }

    /// ln P/Q at an outcome: ln(1 - q + q exp((2 z - 1) / 2 s^2)).
    fn loss(&self, outcome: f64) -> f64 {
        let unsampled = (2.0 * outcome - 1.0) / (2.0 * self.sigma * self.sigma);
        if self.rate == 1.0 {
            unsampled
        } else if unsampled < 1.0 {
            (self.rate * unsampled.exp_m1()).ln_1p()
        } else {
            unsampled + self.rate.ln() + ((1.0 - self.rate) / self.rate * (-unsampled).exp()).ln_1p()
        }
    }

    /// The outcome at which the loss is this; minus infinity if it is larger everywhere.
    fn outcome(&self, loss: f64) -> f64 {
        let unsampled = if self.rate == 1.0 {
            loss
        } else if loss < 1.0 {
            (loss.exp_m1() / self.rate).max(-1.0).ln_1p()
        } else {
            loss - self.rate.ln() + (-(1.0 - self.rate) * (-loss).exp()).ln_1p()
        };
        self.sigma * self.sigma * unsampled + 0.5
    }

    /// delta(epsilon) of P over Q for positive epsilon: E_P\[(1 - exp(epsilon - loss))+\] = P\[z > z'\] -
    /// exp(epsilon) Q\[z > z'\].
    fn above(&self, epsilon: f64) -> f64 {
        let z = self.outcome(epsilon);
        let near = normal::upper((z - 1.0) / self.sigma);
        let far = if epsilon < 1.0 {
            (epsilon.exp_m1() + self.rate) * normal::upper(z / self.sigma)
        } else {
            // exp(epsilon) may be infinite where the tail is nothing.
            let far = normal::ln_upper(z / self.sigma);
            (epsilon + far).exp() - (1.0 - self.rate) * far.exp()
        };
        (self.rate * near - far).max(0.0)
    }

    /// delta(epsilon) - (1 - exp(epsilon)) for negative epsilon: E_P\[(exp(epsilon - loss) - 1)+\] = exp(epsilon)
    /// Q\[z < z'\] - P\[z < z'\]. Small where delta is nearly 1 - exp(epsilon), which has no second difference and
    /// therefore no mass.
    fn below(&self, epsilon: f64) -> f64 {
        let z = self.outcome(epsilon);
        let (far, near) = (normal::upper(-z / self.sigma), normal::upper((1.0 - z) / self.sigma));
        ((epsilon.exp_m1() + self.rate) * far - self.rate * near).max(0.0)
    }
}

impl Single {
    pub fn new(event: &Event, interval: f64) -> Self {
        let pair = Pair::new(event);
        // Losses begin below 0 and end above it, since P and Q are distributions; so does the grid.
        let first = ((pair.loss(-TAIL * pair.sigma) / interval).floor() as i64).min(-1);
        let last = ((pair.loss(1.0 + TAIL * pair.sigma) / interval).ceil() as i64).max(1);
        let zero = (-first) as usize;
        let epsilon = |place: usize| (first + place as i64) as f64 * interval;
        // Below 0 what `Pair::below` says, from 0 on what `Pair::above` says.
        let size = (last - first + 1) as usize;
        let dots: Vec<f64> =
            (0..size).map(|k| if k < zero { pair.below(epsilon(k)) } else { pair.above(epsilon(k)) }).collect();
        let growth = interval.exp_m1();
        let second = |a: f64, b: f64, c: f64| (((c - b) - interval.exp() * (b - a)) / growth).max(0.0);
        let mut with = vec![0.0; size];
        for k in 1..size - 1 {
            // At zero, the dot below is brought over to the other side: 1 - exp(-interval) more.
            let a = if k == zero { dots[k - 1] - (-interval).exp_m1() } else { dots[k - 1] };
            // The dot at zero is the same on both sides.
            with[k] = second(a, dots[k], dots[k + 1]);
        }
        // A loss l of P over Q is the loss -l of Q over P, and exp(-l) times as likely.
        let mut without: Vec<f64> = (0..size).map(|k| with[size - 1 - k] * (-epsilon(size - 1 - k)).exp()).collect();
        with[0] = ((dots[1] - dots[0]) / growth - dots[0]).max(0.0);
        with[size - 1] = (dots[size - 1] - dots[size - 2]) / (-interval).exp_m1();
        let mirrored = |k: usize| dots[k] * (-epsilon(k)).exp();
        without[0] = ((mirrored(size - 2) - mirrored(size - 1)) / growth - mirrored(size - 1)).max(0.0);
        without[size - 1] = (mirrored(0) - mirrored(1)) / (-interval).exp_m1();
        Self {
            interval,
            with: Masses { interval, first, finite: with, infinite: dots[size - 1] },
            without: Masses { interval, first: -last, finite: without, infinite: mirrored(0) },
        }
    }

    /// The loss of an outcome drawn with this neighbour.
    pub fn seen(&self, neighbour: Neighbour) -> &Masses {
        match neighbour {
            Neighbour::With => &self.with,
            Neighbour::Without => &self.without,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_are_distributions() {
        for (noise, rate) in [(1.0, 0.01), (0.3, 0.5), (10.0, 1e-4), (2.0, 0.999), (1.0, 1.0), (50.0, 1e-7)] {
            let single = Single::new(&Event::PoissonGaussian { noise, rate }, 1e-4);
            for neighbour in [Neighbour::With, Neighbour::Without] {
                let masses = single.seen(neighbour);
                let total = masses.finite.iter().sum::<f64>() + masses.infinite;
                assert!((total - 1.0).abs() < 1e-9, "{noise} {rate} {neighbour:?}: {total}");
                assert!(masses.infinite < 1e-20);
                // The other neighbour's likelihood, exp(-loss) times this one's, is one too, or less by what is cut
                // off.
                let other: f64 = masses.finite.iter().enumerate().map(|(k, m)| m * (-masses.loss(k)).exp()).sum();
                assert!((other - 1.0).abs() < 1e-9, "{noise} {rate} {neighbour:?}: {other}");
            }
        }
    }

    #[test]
    fn outcome_undoes_loss() {
        let pair = Pair { sigma: 0.8, rate: 0.03 };
        for z in [-4.0, -0.5, 0.5, 2.0, 9.0] {
            assert!((pair.outcome(pair.loss(z)) - z).abs() < 1e-9 * 20f64.powf(-z.min(0.0)), "{z}");
        }
    }
}
