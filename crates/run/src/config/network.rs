//! The network between clients and server, as it is told.

use super::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::setting::settings;
use imfl_engine::federated::CohortSampling;
use imfl_engine::network::{Compression, LinkSource, Policy, Presence};

settings! {
    /// The network between clients and server.
    NetworkConfig {
        /// What connects clients with the server; time and bytes are simulated where this is said.
        links: Option<LinkSource> = None, flag "network", absent "nothing, and everything arrives at once";
        /// When clients can be reached.
        presence: Presence = Presence::default(), flag "presence";
        /// What the server does about clients that are slow.
        policy: Policy = Policy::default(), flag "policy";
        /// In which form updates are sent.
        compression: Compression = Compression::default(), flag "compression";
        /// Credits that a client wants for a megabyte that it receives or sends.
        credits_per_megabyte: f64 = 0.0;
        /// Credits that a client wants for a second of being there, from when it is asked until its update has arrived.
        credits_per_second: f64 = 0.0;
        /// Share of an instalment for a client that is cut off since it is too slow.
        late_pay: f64 = 0.0;
        /// Credits that an hour of the run's simulated time costs the server.
        credits_per_hour: f64 = 0.0;
    }
}

impl RunConfig {
    /// Settings of the network, which have to fit each other and those of training.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key.
    pub(super) fn check_network(&self) -> Outcome {
        let (network, training) = (&self.network, &self.training);
        let fail = |problem: String| Err(Failure::new(Kind::Config, problem));
        let prices = [
            ("credits_per_megabyte", network.credits_per_megabyte),
            ("credits_per_second", network.credits_per_second),
            ("credits_per_hour", network.credits_per_hour),
        ];
        if let Some((key, _)) = prices.iter().find(|(_, price)| !(*price >= 0.0 && price.is_finite())) {
            return fail(format!("`network.{key}` must be a number of at least 0"));
        }
        if !(0.0..=1.0).contains(&network.late_pay) {
            return fail("`network.late_pay` must be between 0 and 1".into());
        }
        if network.links.is_none() {
            return match *network == NetworkConfig::default() {
                true => Ok(()),
                false => fail(
                    "settings of `network` need `network.links` (--network): lan, broadband, mobile or a file of links"
                        .into(),
                ),
            };
        }
        if training.availability != Default::default() {
            return fail(
                "`training.availability` and `network.links` both say who is there: leave one out; on a network, \
                 `network.presence` does"
                    .into(),
            );
        }
        if network.policy.chooses() && training.sampling() != CohortSampling::default() {
            return fail(format!(
                "`network.policy` {} chooses clients itself, and `training.sampling` {} would; take the sampling {}",
                network.policy,
                training.sampling(),
                CohortSampling::default()
            ));
        }
        if training.quorum < training.aggregation.needs() {
            return fail(format!(
                "`training.quorum` must be at least {}, which `training.aggregation` {} needs, when updates can be late or lost",
                training.aggregation.needs(),
                training.aggregation
            ));
        }
        let cohort = training.cohort.unwrap_or(self.partition.clients);
        match network.policy.closing(cohort).arrivals {
            Some(arrivals) if arrivals < training.quorum => fail(format!(
                "`network.policy` {} goes on with {arrivals} updates, but `training.quorum` is {}: every round would be skipped",
                network.policy, training.quorum
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let problem = |change: &dyn Fn(&mut RunConfig)| {
            let mut config = RunConfig::default();
            change(&mut config);
            config.check().err().map(|error| error.to_string()).unwrap_or_default()
        };
        let on = |config: &mut RunConfig| config.network.links = Some(LinkSource::Mobile);
        assert_eq!(problem(&on), "");
        assert!(
            problem(&|config| config.network.policy = "deadline:3".parse().unwrap()).contains("need `network.links`")
        );
        assert!(problem(&|config| config.network.late_pay = 1.5).contains("`network.late_pay`"));
        assert!(
            problem(&|config| config.network.credits_per_second = f64::NAN).contains("`network.credits_per_second`")
        );
        let both = problem(&|config| {
            on(config);
            config.training.availability.before = 0.1;
        });
        assert!(both.contains("`network.presence` does"), "{both}");
        let chosen = problem(&|config| {
            on(config);
            config.network.policy = "buffered:3".parse().unwrap();
            config.training.sampling = "weighted".parse().ok();
        });
        assert!(chosen.contains("chooses clients itself"), "{chosen}");
        let few = problem(&|config| {
            on(config);
            config.training.aggregation = "median".parse().unwrap();
        });
        assert!(few.contains("`training.quorum` must be at least 3"), "{few}");
        let skipped = problem(&|config| {
            on(config);
            config.network.policy = "buffered:3".parse().unwrap();
            config.training.quorum = 4;
        });
        assert!(skipped.contains("goes on with 3 updates"), "{skipped}");
    }
}
