//! Values that have the right type and still make no sense.

use super::RunConfig;
use crate::failure::{Failure, Kind, Outcome};

impl RunConfig {
    /// Refuses values out of range, by the name of their key.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that says what the key must be.
    pub fn check(&self) -> Outcome {
        let rules = [
            ("partition.clients", self.partition.clients >= 1, "at least 1"),
            ("training.rounds", self.training.rounds >= 1, "at least 1"),
            ("training.cohort", self.training.cohort != Some(0), "at least 1"),
            ("training.local_epochs", self.training.local_epochs >= 1, "at least 1"),
            ("training.batch", self.training.batch >= 1, "at least 1"),
            ("training.momentum", (0.0..1.0).contains(&self.training.momentum), "at least 0 and below 1"),
            ("training.weight_decay", fits(self.training.weight_decay), "a number of at least 0"),
            ("training.server.rate", self.training.server.rate.is_none_or(is_positive), "a number above 0"),
            ("training.server.momentum", (0.0..1.0).contains(&self.training.server.momentum), "at least 0 and below 1"),
            ("training.server.second", (0.0..1.0).contains(&self.training.server.second), "at least 0 and below 1"),
            ("training.server.adaptivity", is_positive(self.training.server.adaptivity), "a number above 0"),
            ("training.rate", is_positive(self.training.rate), "a number above 0"),
            (
                "generator.evaluations",
                self.generator.evaluations.is_none_or(|steps| (2..=1000).contains(&steps)),
                "between 2 and 1000",
            ),
            ("generator.train_steps", self.generator.train_steps >= 1, "at least 1"),
            ("probe.points", self.probe.points >= 2, "at least 2, or no smoothness can be measured"),
            ("probe.images_per_class", self.probe.images_per_class >= 2, "at least 2"),
            ("costs.credits_per_second", fits(self.costs.credits_per_second), "a number of at least 0"),
            ("costs.seconds_per_sample", self.costs.seconds_per_sample.is_none_or(fits), "a number of at least 0"),
            ("costs.seconds_per_image", self.costs.seconds_per_image.is_none_or(fits), "a number of at least 0"),
            ("costs.seconds_for_setup", self.costs.seconds_for_setup.is_none_or(fits), "a number of at least 0"),
            ("mechanism.weight", fits(self.mechanism.weight), "a number of at least 0"),
            ("mechanism.scenarios", self.mechanism.scenarios >= 1, "at least 1"),
            ("workers", self.workers != Some(0), "at least 1"),
            ("chunk", self.chunk != Some(0), "at least 1"),
            ("name", is_name(&self.name), "letters, digits, `-`, `_` and `.`"),
        ];
        self.training.local(self.partition.clients)?;
        self.training.server.server()?;
        let replaced = self.training.sampling()?.replacement;
        if let Some(cohort) = self.training.cohort.filter(|&cohort| !replaced && cohort > self.partition.clients) {
            let clients = self.partition.clients;
            let problem = format!("`training.cohort` is {cohort}, but there are only {clients} clients to draw from");
            return Err(Failure::new(Kind::Config, problem));
        }
        match rules.iter().find(|(_, holds, _)| !holds) {
            Some((key, _, must)) => Err(Failure::new(Kind::Config, format!("`{key}` must be {must}"))),
            None => Ok(()),
        }
    }
}

fn fits(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

fn is_positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_and_each_wrong_value_is_named() {
        RunConfig::default().check().unwrap();
        let mut config = RunConfig::default();
        config.training.rate = f64::NAN;
        assert!(config.check().unwrap_err().to_string().contains("`training.rate`"));
        let mut config = RunConfig { name: "../x".into(), ..RunConfig::default() };
        assert!(config.check().unwrap_err().to_string().contains("`name`"));
        config = RunConfig { workers: Some(0), ..RunConfig::default() };
        assert!(config.check().is_err());
        config = RunConfig::default();
        config.training.cohort = Some(11);
        assert!(config.check().unwrap_err().to_string().contains("only 10 clients"));
        config.training.sampling = "weighted-with-replacement".into();
        config.check().unwrap();
    }
}
