//! The mean of the honest updates minus `z` of their standard deviations, value by value: near enough to pass for one of them
//! (Baruch et al. 2019, "A Little Is Enough", arXiv 1902.06156, algorithm 3, with all honest updates known).

use super::adversary::Adversary;
use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;

pub struct LittleIsEnough {
    /// Standard deviations.
    pub z: f64,
}

impl Adversary for LittleIsEnough {
    /// Where everybody is hostile there is nobody to imitate, and nothing changes.
    fn strike(&self, hostile: &mut [&mut ClientUpdate], honest: &[&[f32]], _: &dyn Fn(u32) -> ChaCha8Rng) {
        let Some(first) = honest.first() else { return };
        let count = honest.len() as f64;
        let value = |place: usize| {
            let values = honest.iter().map(|change| f64::from(change[place]));
            let mean = values.clone().sum::<f64>() / count;
            let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            (mean - self.z * variance.sqrt()) as f32
        };
        let lie: Vec<f32> = (0..first.len()).map(value).collect();
        hostile.iter_mut().for_each(|update| update.change.clone_from(&lie));
    }
}
