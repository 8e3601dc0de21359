//! The training settings as the engine takes them.

use super::{ServerConfig, TrainingConfig};
use crate::failure::{Failure, Kind, Outcome};
use imfl_engine::federated::{Aggregation, CohortSampling, Hostility, LocalSgd, Schedule, Server};
use std::fmt::Display;

impl TrainingConfig {
    /// What a client does in a round.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key.
    pub fn local(&self) -> Outcome<LocalSgd> {
        Ok(LocalSgd {
            rate: self.rate,
            schedule: named("training.schedule", self.schedule.parse::<Schedule>())?,
            epochs: self.local_epochs,
            batch: self.batch,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            algorithm: named("training.algorithm", self.algorithm.parse())?,
        })
    }

    /// How the updates of a round become one.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key.
    pub fn aggregation(&self) -> Outcome<Aggregation> {
        named("training.aggregation", self.aggregation.parse())
    }

    /// The hostile clients of a population of so many, if there are any.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key.
    pub fn hostility(&self, population: usize, seed: u64) -> Outcome<Option<Hostility>> {
        let attack = self.attack.as_ref().map(|attack| named("training.attack", attack.parse())).transpose()?;
        Ok(attack.map(|attack| Hostility::draw(attack, self.hostile, population, seed)))
    }

    /// How cohorts are drawn.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key.
    pub fn sampling(&self) -> Outcome<CohortSampling> {
        named("training.sampling", self.sampling.parse())
    }
}

impl ServerConfig {
    /// The server's rule and constants.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key.
    pub fn server(&self) -> Outcome<Server> {
        let start = Server::new(named("training.server.rule", self.rule.parse())?);
        let (momentum, second, adaptivity) = (self.momentum, self.second, self.adaptivity);
        Ok(Server { rate: self.rate.unwrap_or(start.rate), momentum, second, adaptivity, ..start })
    }
}

fn named<T, E: Display>(key: &str, value: Result<T, E>) -> Outcome<T> {
    value.map_err(|error| Failure::new(Kind::Config, format!("`{key}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::federated::Availability;

    #[test]
    fn the_defaults_are_plain_federated_averaging() {
        let config = TrainingConfig::default();
        assert_eq!(config.local().unwrap(), LocalSgd { batch: 20, ..LocalSgd::default() });
        assert_eq!(config.server.server().unwrap(), Server::default());
        assert_eq!(config.sampling().unwrap(), CohortSampling::default());
        assert_eq!(config.aggregation().unwrap(), Aggregation::default());
        assert_eq!(config.hostility(3, 1).unwrap(), None);
        assert!(Availability::from(config.availability).is_certain());
    }

    #[test]
    fn wrong_names_say_their_key() {
        let mut config = TrainingConfig { schedule: "cosin:3".into(), ..TrainingConfig::default() };
        assert!(config.local().unwrap_err().to_string().contains("`training.schedule`: `cosin:3`"));
        config.server.rule = "fedsgd".into();
        assert!(config.server.server().unwrap_err().to_string().contains("`training.server.rule`"));
        config.aggregation = "average".into();
        assert!(config.aggregation().unwrap_err().to_string().contains("`training.aggregation`: `average`"));
        config.attack = Some("lie".into());
        assert!(config.hostility(3, 1).unwrap_err().to_string().contains("`training.attack`: `lie`"));
        config.sampling = "poisson".into();
        assert!(config.sampling().unwrap_err().to_string().contains("uniform-with-replacement"));
    }
}
