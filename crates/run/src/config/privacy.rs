//! Differential privacy of the clients, and what would make it void.

use super::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::setting::settings;
use imfl_engine::federated::{Aggregation, Void};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

settings! {
    /// Differential privacy of the clients: what the models of all rounds tell of any one of them.
    PrivacyConfig {
        /// Euclidean length that a client's update is cut to; asking for it makes the run private.
        clip: Option<f64> = None, flag "dp-clip", absent "not private";
        /// Epsilon that the run may spend; finds the noise where that is not given.
        epsilon: Option<f64> = None, flag "dp-epsilon", absent "what all rounds spend";
        /// Probability that the promise may fail, below one over the number of clients.
        delta: Option<f64> = None, flag "dp-delta", absent "none; a private run needs one";
        /// Deviation of the noise on the sum of updates (tree: on each node), in clipping bounds.
        noise: Option<f64> = None, flag "dp-noise", absent "found for epsilon";
        /// How cohorts and noise are drawn: by coins with fresh noise, or in turn with noise that hangs together over rounds (DP-FTRL).
        mechanism: PrivateMechanism = PrivateMechanism::Gaussian, flag "dp-mechanism";
        /// Share of clients whose updates should be within the bound, which then follows them (Andrew et al. 2021).
        quantile: Option<f64> = None, flag "dp-quantile", absent "the bound stays";
        /// Rate at which the bound follows.
        clip_rate: f64 = 0.2;
        /// Deviation of the noise on the count of clients that are within the bound.
        votes: Option<f64> = None, absent "a twentieth of the expected cohort, and at least the noise";
        /// Keys coins and noise by a number that everybody knows: for tests, since it voids the guarantee.
        test_secret: Option<u64> = None, flag "dp-test-secret", absent "256 bits from the operating system";
    }
}

/// How cohorts and noise are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivateMechanism {
    /// Every client by a coin of its own, and noise of its own for each round.
    Gaussian,
    /// Clients in turn, and noise on the nodes of a tree over all rounds.
    Tree,
}

impl PrivateMechanism {
    /// Both, with their names.
    const NAMED: [(&str, Self); 2] = [("gaussian", Self::Gaussian), ("tree", Self::Tree)];
    /// Their names in a sentence.
    pub const CHOICES: &str = "gaussian or tree";
}

impl FromStr for PrivateMechanism {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::NAMED.into_iter().find(|(name, _)| *name == text);
        named
            .map(|(_, choice)| choice)
            .ok_or_else(|| format!("`{text}` is neither {}", Self::CHOICES.replace(" or ", " nor ")))
    }
}

impl fmt::Display for PrivateMechanism {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Gaussian => "gaussian",
            Self::Tree => "tree",
        })
    }
}

impl PrivacyConfig {
    /// Whether anything of it is asked for.
    pub fn is_asked(&self) -> bool {
        // Whoever sets but one of them expects a private run, and is told what is missing.
        *self != Self::default()
    }
}

impl RunConfig {
    /// Refuses settings with which the guarantee would be void.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names the key and the reason.
    pub(super) fn check_privacy(&self) -> Outcome {
        let (privacy, training) = (&self.privacy, &self.training);
        if !privacy.is_asked() {
            return Ok(());
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let clients = self.partition.clients as f64;
        let void = |key: &str, void: Void| format!("`{key}`: {void}");
        let fixed = training.sampling.map(|sampling| {
            format!(
                "`training.sampling` is {sampling}, which draws cohorts of a fixed size: accounted for as Poisson samples, \
                 where each client is in by a coin of its own, epsilon would be wrong; leave it out, or take \
                 `privacy.mechanism` tree, whose account asks for no sampling"
            )
        });
        let needs = |key: &str, must: &str| format!("`privacy.{key}` must be {must}");
        let rules: [(bool, String); 16] = [
            (
                privacy.clip.is_some_and(positive),
                needs("clip", "given and above 0: without a bound on what a client adds, no noise is enough"),
            ),
            (
                privacy.delta.is_some_and(|delta| delta > 0.0),
                needs("delta", "given and above 0: an epsilon says nothing without it"),
            ),
            (
                privacy.delta.is_some_and(|delta| delta < 1.0 / clients),
                needs(
                    "delta",
                    &format!(
                        "below 1 / {clients}, one over the number of clients: else telling all of one client would pass"
                    ),
                ),
            ),
            (
                privacy.epsilon.is_some() || privacy.noise.is_some(),
                needs("epsilon", "given, or `privacy.noise` in its place"),
            ),
            (privacy.epsilon.is_none_or(positive), needs("epsilon", "a number above 0")),
            (privacy.noise.is_none_or(positive), needs("noise", "a number above 0: without noise nothing is private")),
            (
                privacy.quantile.is_none_or(|quantile| quantile > 0.0 && quantile < 1.0),
                needs("quantile", "above 0 and below 1"),
            ),
            (positive(privacy.clip_rate), needs("clip_rate", "a number above 0")),
            (privacy.votes.is_none_or(positive), needs("votes", "a number above 0")),
            (training.aggregation == Aggregation::default(), void("training.aggregation", Void::Aggregation)),
            (training.algorithm.memory().is_none(), void("training.algorithm", Void::Memory)),
            (training.availability.late == 0.0, void("training.availability.late", Void::Late)),
            (training.quorum == 1, void("training.quorum", Void::Quorum)),
            (training.attack.is_none(), void("training.attack", Void::Attack)),
            (self.network.links.is_none(), void("network.links", Void::Network)),
            (
                privacy.mechanism == PrivateMechanism::Gaussian || privacy.quantile.is_none(),
                void("privacy.quantile", Void::MovingClip),
            ),
        ];
        let broken = rules.into_iter().find(|(met, _)| !met).map(|(_, problem)| problem);
        broken.or(fixed).map_or(Ok(()), |problem| Err(Failure::new(Kind::Config, problem)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(change: impl Fn(&mut RunConfig)) -> Outcome {
        let mut config = RunConfig::default();
        (config.privacy.clip, config.privacy.epsilon, config.privacy.delta) = (Some(0.5), Some(2.0), Some(1e-5));
        change(&mut config);
        config.check()
    }

    #[test]
    fn what_voids_the_guarantee_is_refused_with_the_reason() {
        private(|_| ()).unwrap();
        private(|config| (config.privacy.epsilon, config.privacy.noise) = (None, Some(1.0))).unwrap();
        type Case = (fn(&mut RunConfig), &'static str);
        let cases: [Case; 19] = [
            (
                |config| {
                    let tree = PrivateMechanism::Tree;
                    config.privacy = PrivacyConfig { mechanism: tree, ..PrivacyConfig::default() };
                },
                "`privacy.clip`",
            ),
            (|config| config.privacy.clip = None, "no noise is enough"),
            (|config| config.privacy.clip = Some(0.0), "`privacy.clip`"),
            (|config| config.privacy.clip = Some(f64::NAN), "`privacy.clip`"),
            (|config| config.privacy.delta = None, "`privacy.delta`"),
            (|config| config.privacy.delta = Some(0.1), "below 1 / 10"),
            (|config| config.privacy.epsilon = None, "`privacy.noise` in its place"),
            (|config| config.privacy.epsilon = Some(-1.0), "`privacy.epsilon`"),
            (|config| config.privacy.noise = Some(0.0), "nothing is private"),
            (|config| config.privacy.quantile = Some(1.5), "`privacy.quantile`"),
            (|config| config.training.sampling = Some("uniform".parse().unwrap()), "fixed size"),
            (|config| config.training.sampling = Some("weighted".parse().unwrap()), "fixed size"),
            (|config| config.training.aggregation = "median".parse().unwrap(), "no known sensitivity"),
            (|config| config.training.algorithm = "scaffold".parse().unwrap(), "without noise"),
            (|config| config.training.availability.late = 0.1, "coin"),
            (|config| config.training.quorum = 2, "how many clients"),
            (|config| (config.training.attack, config.training.hostile) = ("nan".parse().ok(), 1), "more than once"),
            (|config| config.network.links = "mobile".parse().ok(), "whoever is slow"),
            (
                |config| (config.privacy.mechanism, config.privacy.quantile) = (PrivateMechanism::Tree, Some(0.5)),
                "one clipping bound",
            ),
        ];
        for (change, reason) in cases {
            let error = private(change).unwrap_err();
            assert!(error.kind() == Kind::Config && error.to_string().contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn mechanisms_are_read_as_they_are_written() {
        for (name, mechanism) in PrivateMechanism::NAMED {
            assert_eq!((mechanism.to_string().as_str(), name.parse()), (name, Ok(mechanism)));
        }
        assert!("laplace".parse::<PrivateMechanism>().unwrap_err().contains("gaussian nor tree"));
    }
}
