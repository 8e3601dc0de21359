//! Federated training, as it is told and as the engine takes it.

use crate::setting::settings;
use imfl_engine::data::Kind;
use imfl_engine::federated::{
    Aggregation, Attack, Availability, CohortSampling, Federation, Hostility, LocalAlgorithm, LocalSgd, Schedule,
    Server, ServerRule,
};
use imfl_engine::model::Architecture;

/// Local epochs of sounds.
const SOUND_EPOCHS: usize = 4;

settings! {
    /// Federated training.
    TrainingConfig {
        /// The model that everybody trains.
        model: Option<Architecture> = None, flag "model", absent "what suits the data: simple-cnn for images, mlp for tables, text-mean for texts";
        /// Rounds of federated training.
        rounds: u64 = 15, flag "rounds";
        /// Clients drawn for each round out of those who take part.
        cohort: Option<usize> = None, flag "cohort", absent "all";
        /// How cohorts are drawn, weighted being by effective samples.
        sampling: Option<CohortSampling> = None, flag "sampling", absent "uniform; by coins in a private run";
        /// Passes over a client's samples in a round.
        local_epochs: Option<usize> = None, flag "local-epochs", alias "epochs", absent "1; 4 for sounds";
        /// Samples in a batch.
        batch: usize = 20, flag "batch";
        /// Learning rate of the clients.
        rate: f64 = 0.1, flag "rate", alias "lr";
        /// How the rate changes from round to round.
        schedule: Schedule = Schedule::default(), flag "schedule";
        /// Momentum of the clients, forgotten at the end of a round.
        momentum: f64 = 0.0, flag "momentum";
        /// Multiple of the weights that joins the clients' gradients.
        weight_decay: f64 = 0.0, flag "weight-decay";
        /// What clients do beside plain gradient steps.
        algorithm: LocalAlgorithm = LocalAlgorithm::default(), flag "algorithm";
        /// How the updates of a round become one.
        aggregation: Aggregation = Aggregation::default(), flag "aggregation";
        /// The fewest updates that a round counts with; with fewer it is skipped.
        quorum: usize = 1, flag "quorum";
        /// What hostile clients send in the place of their updates.
        attack: Option<Attack> = None, flag "attack", absent "nothing else";
        /// Clients that do it, drawn out of all.
        hostile: usize = 0, flag "hostile";
        /// What the server does with the one update that the aggregation makes.
        server: ServerConfig = ServerConfig::default();
        /// How often a client that is asked does not deliver in time.
        availability: AvailabilityConfig = AvailabilityConfig::default();
    }
}

settings! {
    /// What the server does with the one update of a round (Reddi et al. 2021, arXiv 2003.00295).
    ServerConfig {
        /// What the server does with the one update of a round.
        rule: ServerRule = Server::default().rule, flag "server";
        /// Learning rate of the server.
        rate: Option<f64> = None, flag "server-rate", absent "1, or 0.01 for fedadam and fedyogi";
        /// Decay of the first moment, beta 1.
        momentum: f64 = Server::default().momentum;
        /// Decay of the second moment, beta 2.
        second: f64 = Server::default().second;
        /// Degree of adaptivity, tau.
        adaptivity: f64 = Server::default().adaptivity;
    }
}

settings! {
    /// How often a client that is asked does not deliver in time; the rest of the probability is that it does.
    #[derive(Copy)]
    AvailabilityConfig {
        /// Probability that a client is gone before it starts.
        before: f64 = 0.0, flag "drop-out";
        /// Probability that it starts and does not finish.
        during: f64 = 0.0;
        /// Probability that it finishes, and its update is lost.
        after: f64 = 0.0;
        /// Probability that its update arrives a round late.
        late: f64 = 0.0;
    }
}

impl TrainingConfig {
    /// How cohorts of a run that is not private are drawn.
    pub fn sampling(&self) -> CohortSampling {
        self.sampling.unwrap_or_default()
    }

    /// Writes down what suits samples of a kind where nothing else was said. Sets of sounds are small, and each is quickly passed over, so
    /// that clients would make too few steps in one pass.
    pub fn suit(&mut self, kind: &Kind) {
        self.model.get_or_insert(Architecture::suited(kind));
        self.local_epochs.get_or_insert(if matches!(kind, Kind::Sound(_)) { SOUND_EPOCHS } else { 1 });
    }

    /// The model; what suits images until [`TrainingConfig::suit`] was called.
    pub fn architecture(&self) -> Architecture {
        self.model.unwrap_or_else(|| Architecture::suited(&Kind::Images))
    }

    /// Passes of a client over its samples in a round; one until [`TrainingConfig::suit`] was called.
    pub fn local_epochs(&self) -> usize {
        self.local_epochs.unwrap_or(1)
    }

    /// What a client does in a round.
    pub fn local(&self) -> LocalSgd {
        LocalSgd {
            rate: self.rate,
            schedule: self.schedule,
            epochs: self.local_epochs(),
            batch: self.batch,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            algorithm: self.algorithm.clone(),
        }
    }

    /// Gives a federation of known population and seed what this says of a round: its aggregation and quorum, and clients that drop
    /// out and attack.
    pub fn disturb(&self, federation: &mut Federation) {
        let draw =
            |attack: &Attack| Hostility::draw(attack.clone(), self.hostile, federation.population, federation.seed);
        federation.hostility = self.attack.as_ref().map(draw);
        federation.aggregation = self.aggregation.clone();
        federation.availability = self.availability.into();
        federation.quorum = self.quorum;
    }
}

impl ServerConfig {
    /// The server's rule and constants.
    pub fn server(&self) -> Server {
        let start = Server::new(self.rule);
        let (momentum, second, adaptivity) = (self.momentum, self.second, self.adaptivity);
        Server { rate: self.rate.unwrap_or(start.rate), momentum, second, adaptivity, ..start }
    }
}

impl From<AvailabilityConfig> for Availability {
    fn from(config: AvailabilityConfig) -> Self {
        let AvailabilityConfig { before, during, after, late } = config;
        Self { before, during, after, late }
    }
}

impl AvailabilityConfig {
    /// The four probabilities.
    pub(super) fn all(&self) -> [f64; 4] {
        [self.before, self.during, self.after, self.late]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_plain_federated_averaging() {
        let config = TrainingConfig::default();
        assert_eq!(config.local(), LocalSgd { batch: 20, ..LocalSgd::default() });
        assert_eq!(config.server.server(), Server::default());
        assert!(Availability::from(config.availability).is_certain());
    }
}
