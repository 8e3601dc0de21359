use crate::setting::{self, SettingError};

/// How a denoiser learns.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Optimizer steps.
    pub steps: u64,
    /// Images of a step.
    pub batch: usize,
    /// Parts of a batch whose gradients are computed apart; at most so many workers have something to do.
    pub shards: usize,
    /// AdamW's highest rate.
    pub learning_rate: f64,
    /// Steps over which the rate rises to its highest; then it falls to zero along half a cosine.
    pub warmup: u64,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// Gradients longer than this are shortened to it.
    pub clip: f64,
    /// Decay of the moving average of the weights a step; lower in the first steps.
    pub average: f64,
    /// Share of images that are shown without their class, so that guidance is possible.
    pub label_dropout: f64,
    /// Mean of ln sigma (P_mean of Karras et al. 2022).
    pub noise_mean: f64,
    /// Deviation of ln sigma (P_std of Karras et al. 2022).
    pub noise_deviation: f64,
    /// Whether images are also shown mirrored; not for digits.
    pub mirror: bool,
    /// Seed of initial weights, order of images and noise.
    pub seed: u64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            steps: 10_000,
            batch: 128,
            shards: 8,
            learning_rate: 2e-3,
            warmup: 200,
            weight_decay: 1e-4,
            clip: 1.0,
            average: 0.999,
            label_dropout: 0.1,
            noise_mean: -1.2,
            noise_deviation: 1.2,
            mirror: false,
            seed: 0,
        }
    }
}

impl TrainingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`SettingError`] for the first that is out of range.
    pub fn check(&self) -> Result<(), SettingError> {
        let &Self { batch, shards, learning_rate: rate, weight_decay, clip, average, .. } = self;
        let (dropout, mean, deviation) = (self.label_dropout, self.noise_mean, self.noise_deviation);
        setting::check([
            ("steps", self.steps as f64, self.steps >= 1, "must be at least 1"),
            ("batch", batch as f64, (1..=65_536).contains(&batch), "must be from 1 to 65536"),
            ("shards", shards as f64, (1..=batch).contains(&shards), "must be from 1 to the batch"),
            ("learning_rate", rate, rate > 0.0 && rate <= 1.0, "must be above 0 and at most 1"),
            ("weight_decay", weight_decay, (0.0..=1.0).contains(&weight_decay), "must be from 0 to 1"),
            ("clip", clip, clip > 0.0 && clip.is_finite(), "must be above 0"),
            ("average", average, (0.0..1.0).contains(&average), "must be from 0 to below 1"),
            ("label_dropout", dropout, (0.0..1.0).contains(&dropout), "must be from 0 to below 1"),
            ("noise_mean", mean, (-10.0..=10.0).contains(&mean), "must be from -10 to 10"),
            ("noise_deviation", deviation, (0.0..=5.0).contains(&deviation), "must be from 0 to 5"),
        ])
    }

    /// The learning rate of a step, counted from 0.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        let warmup = self.warmup.min(self.steps / 2);
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / (warmup + 1) as f64;
        }
        let done = (step - warmup) as f64 / (self.steps - warmup) as f64;
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
    }

    /// The moving average's decay of a step, counted from 0: an average over about the last tenth at first.
    pub fn average_decay_at(&self, step: u64) -> f64 {
        self.average.min((1 + step) as f64 / (10 + step) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let config = TrainingConfig { steps: 1000, warmup: 100, ..TrainingConfig::default() };
        let rates: Vec<f64> = (0..1000).map(|step| config.learning_rate_at(step)).collect();
        assert!(rates[..101].is_sorted() && rates[100..].is_sorted_by(|a, b| a > b));
        assert_eq!(rates[100], config.learning_rate);
        assert!(rates[0] > 0.0 && rates[999] > 0.0 && rates[999] < 1e-4 * config.learning_rate);
        let short = TrainingConfig { steps: 1, ..config };
        assert_eq!(short.learning_rate_at(0), short.learning_rate);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let problem = |config: TrainingConfig| config.check().unwrap_err().to_string();
        let good = TrainingConfig::default();
        assert_eq!(good.check(), Ok(()));
        assert!(problem(TrainingConfig { steps: 0, ..good.clone() }).contains("steps = 0"));
        assert!(problem(TrainingConfig { shards: 129, ..good.clone() }).contains("shards = 129"));
        assert!(problem(TrainingConfig { learning_rate: f64::NAN, ..good.clone() }).contains("learning_rate"));
        assert!(problem(TrainingConfig { average: 1.0, ..good }).contains("average = 1"));
    }
}
