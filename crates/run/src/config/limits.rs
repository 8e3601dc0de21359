//! Values that would be right and are more than any machine can work through.

use super::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::limits;

/// The most rounds: each is planned before the first begins.
const ROUNDS: u64 = 1_000_000;
/// The most passes over a client's samples in a round.
const LOCAL_EPOCHS: usize = 10_000;
/// The most samples in a batch.
const BATCH: usize = 1_000_000;
/// The most points of a trajectory, and images of a class, that gradients are taken at.
const PROBE: usize = 1_000_000;
/// The most that a unit of accuracy loss, or a point of accuracy, is worth, in credits.
const WEIGHT: f64 = 1e12;

/// A key, whether its value will do, and the most that will.
type Rule<'a> = (&'a str, bool, &'a dyn std::fmt::Display);

impl RunConfig {
    /// Refuses values that no machine can work through.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key and the most that it can be.
    pub(super) fn check_limits(&self) -> Outcome {
        let (training, probe) = (&self.training, &self.probe);
        let rules: [Rule; 12] = [
            ("training.rounds", training.rounds <= ROUNDS, &ROUNDS),
            ("training.local_epochs", training.local_epochs() <= LOCAL_EPOCHS, &LOCAL_EPOCHS),
            ("training.batch", training.batch <= BATCH, &BATCH),
            ("partition.clients", self.partition.clients <= u32::MAX as usize, &u32::MAX),
            ("training.cohort", training.cohort.is_none_or(|cohort| cohort <= u32::MAX as usize), &u32::MAX),
            ("probe.points", self.points() <= PROBE, &PROBE),
            ("probe.images_per_class", probe.images_per_class <= PROBE, &PROBE),
            ("generator.train_steps", self.generator.train_steps <= 100_000_000, &100_000_000),
            ("mechanism.scenarios", self.mechanism.scenarios <= 1_000_000, &1_000_000),
            ("mechanism.weight", self.mechanism.weight <= WEIGHT, &format!("{WEIGHT:e} credits")),
            ("mechanism.worth", self.mechanism.worth <= WEIGHT, &format!("{WEIGHT:e} credits")),
            ("chunk", self.chunk.is_none_or(|chunk| chunk <= u32::MAX as usize), &u32::MAX),
        ];
        match rules.iter().find(|(_, holds, _)| !holds) {
            Some((key, _, most)) => Err(Failure::new(Kind::Config, format!("`{key}` must be at most {most}"))),
            None => limits::workers(self.workers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_can_do_is_named() {
        RunConfig::default().check_limits().unwrap();
        let refused = |change: &dyn Fn(&mut RunConfig)| {
            let mut config = RunConfig::default();
            change(&mut config);
            let error = config.check_limits().unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            error.to_string()
        };
        assert_eq!(refused(&|config| config.training.rounds = u64::MAX), "`training.rounds` must be at most 1000000");
        assert!(refused(&|config| config.training.local_epochs = Some(usize::MAX)).contains("`training.local_epochs`"));
        assert!(refused(&|config| config.training.batch = usize::MAX).contains("`training.batch`"));
        assert!(refused(&|config| config.probe.points = Some(usize::MAX)).contains("`probe.points`"));
        assert_eq!(
            refused(&|config| config.mechanism.weight = 1e300),
            "`mechanism.weight` must be at most 1e12 credits"
        );
        assert!(refused(&|config| config.workers = Some(100_000)).contains("at most 4096"));
    }
}
