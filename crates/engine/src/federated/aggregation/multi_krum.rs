//! Multi-Krum (Blanchard et al. 2017, arXiv 1703.02757, section 4): the mean of the updates that Krum ranks first. Weights do not
//! count.

use super::krum::mean_of_best;
use crate::federated::intake::AggregationRule;

pub struct MultiKrum {
    /// Hostile clients that it stands.
    pub hostile: usize,
    /// Updates in the mean; `n - hostile - 2` if absent.
    pub chosen: Option<usize>,
}

impl AggregationRule for MultiKrum {
    fn needs(&self) -> usize {
        let (twice, chosen) = (self.hostile.saturating_mul(2), self.chosen.unwrap_or(1));
        twice.saturating_add(3).max(chosen.saturating_add(self.hostile))
    }

    fn combine(&self, changes: &[&[f32]], _weights: &[f64], workers: usize) -> Vec<f64> {
        let chosen = self.chosen.unwrap_or(changes.len() - self.hostile - 2);
        mean_of_best(changes, self.hostile, chosen, workers)
    }
}
