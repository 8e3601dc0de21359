//! Values that have the right type and still make no sense.

use super::{AvailabilityConfig, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::limits;

impl RunConfig {
    /// Refuses values out of range, by the name of their key.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that says what the key must be.
    pub fn check(&self) -> Outcome {
        self.check_limits()?;
        self.check_privacy()?;
        let rules = [
            ("partition.clients", self.partition.clients >= 1, "at least 1"),
            ("training.rounds", self.training.rounds >= 1, "at least 1"),
            ("training.cohort", self.training.cohort != Some(0), "at least 1"),
            ("training.local_epochs", self.training.local_epochs() >= 1, "at least 1"),
            ("training.batch", self.training.batch >= 1, "at least 1"),
            ("training.momentum", (0.0..1.0).contains(&self.training.momentum), "at least 0 and below 1"),
            ("training.weight_decay", fits(self.training.weight_decay), "a number of at least 0"),
            ("training.server.rate", self.training.server.rate.is_none_or(is_positive), "a number above 0"),
            ("training.server.momentum", (0.0..1.0).contains(&self.training.server.momentum), "at least 0 and below 1"),
            ("training.server.second", (0.0..1.0).contains(&self.training.server.second), "at least 0 and below 1"),
            ("training.server.adaptivity", is_positive(self.training.server.adaptivity), "a number above 0"),
            ("training.quorum", self.training.quorum >= 1, "at least 1"),
            ("training.availability", are_shares(self.training.availability), "probabilities that sum to at most 1"),
            ("training.rate", is_positive(self.training.rate), "a number above 0"),
            (
                "generator.evaluations",
                self.generator.evaluations.is_none_or(|steps| (2..=1000).contains(&steps)),
                "between 2 and 1000",
            ),
            (
                "generator.limit_seconds",
                self.generator.limit_seconds > 0.0 && self.generator.limit_seconds <= 1e6,
                "a number above 0 and at most 1000000",
            ),
            ("generator.train_steps", self.generator.train_steps >= 1, "at least 1"),
            (
                "probe.points",
                self.probe.points.is_none_or(|points| points >= 2),
                "at least 2, or no smoothness can be measured",
            ),
            ("probe.images_per_class", self.probe.images_per_class >= 2, "at least 2"),
            ("costs.credits_per_second", fits(self.costs.credits_per_second), "a number of at least 0"),
            ("costs.seconds_per_sample", self.costs.seconds_per_sample.is_none_or(fits), "a number of at least 0"),
            ("costs.seconds_per_image", self.costs.seconds_per_image.is_none_or(fits), "a number of at least 0"),
            ("costs.seconds_for_setup", self.costs.seconds_for_setup.is_none_or(fits), "a number of at least 0"),
            ("mechanism.weight", fits(self.mechanism.weight), "a number of at least 0"),
            ("mechanism.worth", fits(self.mechanism.worth), "a number of at least 0"),
            ("mechanism.pilots", self.mechanism.pilots.is_none_or(is_positive), "a number of seconds above 0"),
            (
                "mechanism.rounds",
                (1..=self.training.rounds).contains(&self.priced_rounds()),
                "between 1 and `training.rounds`",
            ),
            ("mechanism.scenarios", self.mechanism.scenarios >= 1, "at least 1"),
            ("checkpoints.keep", self.checkpoints.keep >= 1, "at least 1"),
            ("chunk", self.chunk != Some(0), "at least 1"),
            (
                "name",
                limits::folder_name(&self.name).is_ok(),
                "letters, digits, `-`, `_` and `.`, and begin with no dot",
            ),
        ];
        let replaced = self.training.sampling().replacement;
        if let Some(cohort) = self.training.cohort.filter(|&cohort| !replaced && cohort > self.partition.clients) {
            let clients = self.partition.clients;
            let problem = format!("`training.cohort` is {cohort}, but there are only {clients} clients to draw from");
            return Err(Failure::new(Kind::Config, problem));
        }
        match rules.iter().find(|(_, holds, _)| !holds) {
            Some((key, _, must)) => Err(Failure::new(Kind::Config, format!("`{key}` must be {must}"))),
            None => self.check_clients_that_fail().and_then(|()| self.check_network()),
        }
    }
}

impl RunConfig {
    /// Rounds that pay is decided for.
    pub fn priced_rounds(&self) -> u64 {
        self.mechanism.rounds.unwrap_or(self.training.rounds)
    }

    /// Settings about clients that lie or drop out, which have to fit each other.
    fn check_clients_that_fail(&self) -> Outcome {
        let (training, clients) = (&self.training, self.partition.clients);
        let fail = |problem: String| Err(Failure::new(Kind::Config, problem));
        let needs = training.aggregation.needs();
        let cohort = training.cohort.unwrap_or(clients);
        if training.quorum > cohort {
            return fail(format!("`training.quorum` is {}, but only {cohort} clients are asked", training.quorum));
        }
        if needs > cohort {
            return fail(format!(
                "`training.aggregation` is {}, which needs {needs} clients, but only {cohort} are asked",
                training.aggregation
            ));
        }
        if training.availability != AvailabilityConfig::default() && training.quorum < needs {
            return fail(format!(
                "`training.quorum` must be at least {needs}, which `training.aggregation` {} needs, when clients can drop out",
                training.aggregation
            ));
        }
        match (self.claims.liars, self.claims.lie) {
            (0, Some(_)) => {
                return fail("`claims.lie` needs `claims.liars`, the number of clients that tell it".into());
            }
            (1.., None) => return fail("`claims.liars` needs `claims.lie`, what those clients claim".into()),
            (liars, _) if liars > clients => {
                return fail(format!("`claims.liars` is {liars}, but there are only {clients} clients"));
            }
            _ => {}
        }
        match (training.hostile, &training.attack) {
            (0, Some(_)) => fail("`training.attack` needs `training.hostile`, the number of clients that do it".into()),
            (1.., None) => fail("`training.hostile` needs `training.attack`, what those clients do".into()),
            (hostile, _) if hostile > clients => {
                fail(format!("`training.hostile` is {hostile}, but there are only {clients} clients"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether these can be probabilities of one draw.
fn are_shares(availability: AvailabilityConfig) -> bool {
    let all = availability.all();
    all.iter().all(|probability| fits(*probability)) && all.iter().sum::<f64>() <= 1.0 + 1e-9
}

fn fits(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

fn is_positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
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
        config.training.sampling = "weighted-with-replacement".parse().ok();
        config.check().unwrap();
    }

    #[test]
    fn clients_that_fail_have_to_fit_the_rule() {
        let problem = |change: &dyn Fn(&mut crate::config::TrainingConfig)| {
            let mut config = RunConfig::default();
            change(&mut config.training);
            config.check().unwrap_err().to_string()
        };
        assert!(problem(&|training| training.quorum = 11).contains("only 10 clients are asked"));
        assert!(problem(&|training| training.quorum = 0).contains("`training.quorum` must be at least 1"));
        assert!(problem(&|training| training.aggregation = "krum:4".parse().unwrap()).contains("needs 11 clients"));
        assert!(problem(&|training| training.availability.late = -0.1).contains("`training.availability`"));
        assert!(
            problem(&|training| (training.availability.before, training.availability.late) = (0.6, 0.6))
                .contains("sum to at most 1")
        );
        let uncertain = problem(&|training| {
            training.aggregation = "trimmed-mean:2".parse().unwrap();
            training.availability.during = 0.1;
        });
        assert!(uncertain.contains("`training.quorum` must be at least 5"), "{uncertain}");
        assert!(problem(&|training| training.hostile = 2).contains("needs `training.attack`"));
        assert!(problem(&|training| training.attack = "nan".parse().ok()).contains("needs `training.hostile`"));
        let many = problem(&|training| (training.attack, training.hostile) = ("nan".parse().ok(), 11));
        assert!(many.contains("only 10 clients"), "{many}");
    }
}
