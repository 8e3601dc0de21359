//! A weighted mean of updates that does not depend on the order in which they arrive.
//!
//! Floating-point sums depend on their order, and the order on which worker (or rank) finishes first. Each weighted
//! difference is therefore rounded once to a multiple of 2^-40 and summed as a 64-bit integer, which is exact in any
//! order and in any grouping. The rounding, below 1e-12, is finer than the spacing of f32 for every weight above 1e-5.

/// Contributions below this bound convert without loss of range: 2^11 in units of 2^-40.
const LIMIT: f64 = 2048.0;
/// Adding this to a number below [`LIMIT`] leaves its nearest multiple of 2^-40 in the low bits of the sum.
const MAGIC: f64 = 6144.0;
/// One unit of the sums.
const UNIT: f64 = 1.0 / (1u64 << 40) as f64;
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
    /// What is wrong with the model, if a value is not finite or moved by 2,048 or more; nothing was added then.
    pub fn add(&mut self, base: &[f32], model: &[f32], share: f64) -> Result<(), &'static str> {
        debug_assert_eq!(base.len(), self.sums.len());
        let mut finite = true;
        let mut bounded = true;
        for (&model, &base) in model.iter().zip(base) {
            finite &= model.is_finite();
            bounded &= (f64::from(model) - f64::from(base)).abs() < LIMIT;
        }
        if !finite {
            return Err("values that are not finite");
        }
        if !bounded {
            return Err("values that moved by over 2,048");
        }
        let weight = (share * WEIGHTS).round().max(1.0);
        let share = weight / WEIGHTS;
        for ((sum, &model), &base) in self.sums.iter_mut().zip(model).zip(base) {
            let contribution = share * (f64::from(model) - f64::from(base));
            *sum += (contribution + MAGIC).to_bits() as i64 - MAGIC.to_bits() as i64;
        }
        self.weight += weight as i64;
        Ok(())
    }

    /// Joins what two workers summed.
    pub fn merge(mut self, other: Self) -> Self {
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, more)| *sum += more);
        self.weight += other.weight;
        self
    }

    /// Moves `base` by the mean of what was added; does nothing if nothing was.
    pub fn apply(&self, base: &mut [f32]) {
        if self.weight == 0 {
            return;
        }
        let scale = UNIT * WEIGHTS / self.weight as f64;
        for (base, &sum) in base.iter_mut().zip(&self.sums) {
            *base = (f64::from(*base) + sum as f64 * scale) as f32;
        }
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
        let mut base = [1.0, 1.0];
        mean.apply(&mut base);
        assert_eq!(base, [4.0, 0.0], "the refused ones left no trace, and the weights that count are those accepted");
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
            let (mut one, mut two) = (base, base);
            whole.apply(&mut one);
            b.merge(a).apply(&mut two);
            prop_assert_eq!(one, two);
            for i in 0..3 {
                let mean = models.iter().map(|(m, w)| f64::from(m[i]) * f64::from(*w)).sum::<f64>() / total;
                prop_assert!((f64::from(one[i]) - mean).abs() < 1e-5, "{} {}", one[i], mean);
            }
        }
    }
}
