//! A weighted mean of updates that does not depend on the order in which they arrive.
//!
//! Floating-point sums depend on their order, and the order on which worker (or rank) finishes first. Each weighted
//! difference is therefore rounded once to a multiple of 2^-40 and summed as a 64-bit integer, which is exact in any
//! order and in any grouping. The rounding, below 1e-12, is finer than the spacing of f32 for every weight above 1e-5.

use crate::update::Refusal;
use imfl_kernel::mean::{UNIT, accumulate};
use imfl_ranks::Ranks;

/// Weights are whole multiples of 2^-30 of the cohort's planned total.
const WEIGHTS: f64 = (1u64 << 30) as f64;

/// Streaming weighted mean of `model - base` over clients, in constant memory.
#[derive(Clone, Debug)]
pub struct ExactMean {
    sums: Vec<i64>,
    weight: i64,
}

impl ExactMean {
    /// The empty mean of vectors of `size` values.
    pub fn new(size: usize) -> Self {
        Self { sums: vec![0; size], weight: 0 }
    }

    /// Adds a client's model. `share` is its weight over the sum of all planned weights, in (0, 1].
    ///
    /// # Errors
    /// What is wrong with the model, if a value is not finite or moved by 2,048 or more; nothing is added then.
    pub fn add(&mut self, base: &[f32], model: &[f32], share: f64) -> Result<(), Refusal> {
        assert!(base.len() == self.sums.len() && model.len() == base.len(), "mean of vectors of another size");
        let (weight, share) = Self::weight(share);
        if !accumulate(&mut self.sums, base, model, share, 1) {
            // Integers wrap around: taking the same numbers away leaves no trace.
            accumulate(&mut self.sums, base, model, share, -1);
            let finite = model.iter().all(|value| value.is_finite());
            return Err(if finite { Refusal::TooFar } else { Refusal::NotFinite });
        }
        self.weight += weight;
        Ok(())
    }

    /// What a share counts: whole multiples of 2^-30, and the share that they are.
    pub fn weight(share: f64) -> (i64, f64) {
        let weight = (share * WEIGHTS).round().max(1.0);
        (weight as i64, weight / WEIGHTS)
    }

    /// Joins what was summed elsewhere: the sums, and the weights of what is in them.
    pub fn add_sums(&mut self, sums: impl IntoIterator<Item = i64>, weight: i64) {
        self.sums.iter_mut().zip(sums).for_each(|(sum, more)| *sum = sum.wrapping_add(more));
        self.weight += weight;
    }

    /// The sums, in multiples of 2^-40.
    pub fn sums(&self) -> &[i64] {
        &self.sums
    }

    /// Weight of everything that was added, in multiples of 2^-30.
    pub fn total(&self) -> i64 {
        self.weight
    }

    /// What a sum is multiplied by to be a mean; 0 if nothing was added.
    pub fn scale(&self) -> f64 {
        if self.is_empty() { 0.0 } else { UNIT * WEIGHTS / self.weight as f64 }
    }

    /// Adds a change of the model instead.
    ///
    /// # Errors
    /// As [`ExactMean::add`], and if it has another number of values.
    pub fn add_change(&mut self, change: &[f32], share: f64) -> Result<(), Refusal> {
        match change.len() == self.sums.len() {
            true => self.add(&vec![0.0; change.len()], change, share),
            false => Err(Refusal::WrongShape),
        }
    }

    /// Joins what two workers summed.
    pub fn merge(&mut self, other: Self) {
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, more)| *sum += more);
        self.weight += other.weight;
    }

    /// Joins what all ranks summed, so that every rank has the whole; `about` is added up in the same message.
    pub fn join(&mut self, ranks: &Ranks, about: &mut [i64]) {
        let size = self.sums.len();
        self.sums.push(self.weight);
        self.sums.extend_from_slice(about);
        ranks.sum(&mut self.sums);
        about.copy_from_slice(&self.sums[size + 1..]);
        self.weight = self.sums[size];
        self.sums.truncate(size);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.weight == 0
    }

    /// The weighted mean difference, value by value, in the memory of the sums; zeros if nothing was added.
    pub fn into_means(self) -> Vec<f64> {
        let scale = self.scale();
        self.sums.into_iter().map(|sum| sum as f64 * scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_averaged_is_refused_whole() {
        let mut mean = ExactMean::new(2);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e9] {
            assert!(mean.add(&[0.0; 2], &[1.0, bad], 0.5).is_err());
        }
        mean.add(&[0.0; 2], &[3.0, -1.0], 0.25).unwrap();
        assert_eq!(
            mean.into_means(),
            [3.0, -1.0],
            "the refused ones left no trace, and the weights that count are those accepted"
        );
    }

    proptest! {
        #[test]
        fn it_is_the_weighted_mean_whoever_summed_what(
            models in prop::collection::vec((prop::collection::vec(-10f32..10.0, 3), 1u32..1000), 1..12), split in 0usize..12,
        ) {
            let base = [0.5f32, -0.25, 0.0];
            let total: f64 = models.iter().map(|(_, w)| f64::from(*w)).sum();
            let add = |mean: &mut ExactMean, part: &[(Vec<f32>, u32)]| {
                part.iter().for_each(|(model, w)| mean.add(&base, model, f64::from(*w) / total).unwrap());
            };
            let mut whole = ExactMean::new(3);
            add(&mut whole, &models);
            let (front, back) = models.split_at(split.min(models.len()));
            let (mut a, mut b) = (ExactMean::new(3), ExactMean::new(3));
            add(&mut b, back);
            add(&mut a, &front.iter().rev().cloned().collect::<Vec<_>>());
            let one = whole.into_means();
            b.merge(a);
            prop_assert_eq!(&one, &b.into_means());
            for i in 0..3 {
                let mean = models.iter().map(|(m, w)| f64::from(m[i]) * f64::from(*w)).sum::<f64>() / total;
                let found = one[i] + f64::from(base[i]);
                prop_assert!((found - mean).abs() < 1e-5, "{} {}", found, mean);
            }
        }
    }
}
