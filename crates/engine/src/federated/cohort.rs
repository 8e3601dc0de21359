//! Who takes part in a round.

use super::participant::Participant;
use crate::choice::{Choice, as_text};
use crate::random::{ChaCha8Rng, Purpose, keyed};
use rand::RngExt;
use rand::seq::index;
use std::fmt;

/// How the clients of a round are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CohortSampling {
    /// Whether a client can be drawn more than once; it then trains once, and its update counts as often as it was drawn.
    pub replacement: bool,
    /// Whether clients are drawn in proportion to their weights instead of equally often. Their updates then count
    /// equally, or weights would count twice (Li et al. 2020, arXiv 1907.02189, schemes I and II).
    pub weighted: bool,
}

/// One client of a drawn cohort.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Its place in the population.
    pub index: usize,
    /// Weight of its update: its own, or 1 under weighted drawing, times how often it was drawn.
    pub weight: f64,
}

/// A cohort that cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CohortError {
    /// More clients than there are.
    #[error(
        "a cohort of {cohort} cannot be drawn from {population} clients without replacement; ask for at most \
         {population}, or draw with replacement"
    )]
    TooLarge {
        /// Clients asked for.
        cohort: usize,
        /// Clients that there are to draw from: those with a weight above zero under weighted drawing.
        population: usize,
    },
    /// A weight that is no weight.
    #[error("client {index} of the population has weight {weight}; weights are finite and at least 0")]
    Weight {
        /// Its place in the population.
        index: usize,
        /// The weight.
        weight: f64,
    },
}

impl CohortSampling {
    /// Draws a cohort of `size` out of `everybody`, keyed by the round, in their order; the weight of each says how much it
    /// counts.
    ///
    /// # Errors
    /// As [`CohortSampling::draw`].
    pub fn cohort(
        self,
        everybody: &[Participant],
        size: usize,
        seed: u64,
        round: u64,
    ) -> Result<Vec<Participant>, CohortError> {
        let weights: Vec<f64> = everybody.iter().map(|participant| participant.weight).collect();
        let participant = |drawn: Drawn| Participant { weight: drawn.weight, ..everybody[drawn.index].clone() };
        Ok(self.draw(&weights, size, seed, round)?.into_iter().map(participant).collect())
    }

    /// Draws `size` clients of a population with these weights, keyed by the round, in the order of the population.
    ///
    /// # Errors
    /// [`CohortError`] if there are too few clients, or a weight is negative or not finite.
    pub fn draw(self, weights: &[f64], size: usize, seed: u64, round: u64) -> Result<Vec<Drawn>, CohortError> {
        if let Some((index, &weight)) = weights.iter().enumerate().find(|(_, w)| !(**w >= 0.0 && w.is_finite())) {
            return Err(CohortError::Weight { index, weight });
        }
        let eligible = if self.weighted { weights.iter().filter(|w| **w > 0.0).count() } else { weights.len() };
        if eligible == 0 && size > 0 || !self.replacement && size > eligible {
            return Err(CohortError::TooLarge { cohort: size, population: eligible });
        }
        let mut random = keyed(seed, Purpose::Cohort, round, 0, 0);
        let mut chosen = match (self.weighted, self.replacement) {
            (false, false) => index::sample(&mut random, weights.len(), size).into_vec(),
            (false, true) => (0..size).map(|_| random.random_range(0..weights.len())).collect(),
            (true, false) => by_keys(weights, size, &mut random),
            (true, true) => by_shares(weights, size, &mut random),
        };
        chosen.sort_unstable();
        let of_same = chosen.chunk_by(|a, b| a == b).map(|same| Drawn {
            index: same[0],
            weight: same.len() as f64 * if self.weighted { 1.0 } else { weights[same[0]] },
        });
        Ok(of_same.collect())
    }
}

/// Weighted without replacement: the largest `u^(1/w)` (Efraimidis and Spirakis 2006), compared as `ln(u) / w`.
fn by_keys(weights: &[f64], size: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let key = |weight: f64, random: &mut ChaCha8Rng| (1.0 - random.random::<f64>()).ln() / weight;
    let mut keys: Vec<(f64, usize)> =
        weights.iter().enumerate().map(|(index, &weight)| (key(weight, random), index)).collect();
    // A weight of zero has the key -inf (or NaN, for ln(1) / 0), which sorts behind every other.
    keys.retain(|(key, _)| key.is_finite());
    keys.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keys.into_iter().take(size).map(|(_, index)| index).collect()
}

/// Weighted with replacement: where a point of the summed weights falls.
fn by_shares(weights: &[f64], size: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let running = weights.iter().scan(0.0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    });
    let sums: Vec<f64> = running.collect();
    let total = sums.last().copied().unwrap_or(0.0);
    let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
    let mut draw = || {
        let point = random.random::<f64>() * total;
        // Rounding may put the point on the total itself.
        sums.partition_point(|&sum| sum <= point).min(last)
    };
    (0..size).map(|_| draw()).collect()
}

impl CohortSampling {
    /// Every way by its name.
    const NAMED: [(&str, Self); 4] = [
        ("uniform", Self { replacement: false, weighted: false }),
        ("uniform-with-replacement", Self { replacement: true, weighted: false }),
        ("weighted", Self { replacement: false, weighted: true }),
        ("weighted-with-replacement", Self { replacement: true, weighted: true }),
    ];
}

impl Choice for CohortSampling {
    const THING: &'static str = "cohort sampling";

    fn forms() -> Vec<&'static str> {
        Self::NAMED.map(|(name, _)| name).into()
    }

    fn named(text: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|(name, _)| *name == text).map(|(_, sampling)| sampling)
    }
}

as_text!([] CohortSampling);

impl fmt::Display for CohortSampling {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        // All four combinations are named.
        let name = Self::NAMED.iter().find(|(_, sampling)| sampling == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(name: &str) -> CohortSampling {
        name.parse().unwrap()
    }

    #[test]
    fn cohorts_are_ordered_and_keyed_by_the_round() {
        let weights = vec![1.0; 100];
        for name in CohortSampling::forms() {
            assert_eq!(sampling(name).to_string(), name);
            let draw = |round| sampling(name).draw(&weights, 10, 1, round).unwrap();
            assert!(draw(1).windows(2).all(|pair| pair[0].index < pair[1].index));
            assert_eq!(draw(1), draw(1));
            assert_ne!(draw(1), draw(2));
            assert_eq!(draw(1).iter().map(|drawn| drawn.weight).sum::<f64>(), 10.0, "{name}");
        }
    }

    #[test]
    fn the_population_bounds_the_cohort_unless_drawn_with_replacement() {
        let error = sampling("uniform").draw(&[1.0; 3], 10, 1, 1).unwrap_err();
        assert_eq!(error, CohortError::TooLarge { cohort: 10, population: 3 });
        assert!(sampling("weighted").draw(&[1.0, 0.0, 2.0], 3, 1, 1).is_err());
        assert_eq!(sampling("uniform").draw(&[1.0, 5.0], 2, 1, 1).unwrap()[1], Drawn { index: 1, weight: 5.0 });
        let all: f64 =
            sampling("uniform-with-replacement").draw(&[1.0; 3], 10, 1, 1).unwrap().iter().map(|d| d.weight).sum();
        assert_eq!(all, 10.0);
        assert!(sampling("weighted-with-replacement").draw(&[0.0; 3], 1, 1, 1).is_err());
        assert!(matches!(
            sampling("uniform").draw(&[1.0, f64::NAN], 1, 1, 1),
            Err(CohortError::Weight { index: 1, .. })
        ));
    }

    /// How often client 0 of weights 1, 2 and 5 is drawn in a cohort of one is 1/8; the last client's share is 5/8.
    #[test]
    fn weighted_drawing_is_proportional() {
        for name in ["weighted", "weighted-with-replacement"] {
            let mut counts = [0.0f64; 3];
            for round in 0..8000 {
                counts[sampling(name).draw(&[1.0, 2.0, 5.0], 1, 3, round).unwrap()[0].index] += 1.0;
            }
            for (count, expected) in counts.iter().zip([1000.0, 2000.0, 5000.0]) {
                // Four deviations of a binomial count.
                let allowed = 4.0 * (expected * (1.0 - expected / 8000.0f64)).sqrt();
                assert!((count - expected).abs() < allowed, "{name}: {counts:?}");
            }
        }
    }
}
