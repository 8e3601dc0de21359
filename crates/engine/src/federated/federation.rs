use super::aggregation::Aggregation;
use super::attack::Hostility;
use super::availability::Availability;
use super::ceiling::Ceiling;
use super::evaluate::{Evaluation, evaluate_stacked};
use super::global::Global;
use super::local::LocalSgd;
use super::private::Private;
use super::remote::Remote;
use super::server::Server;
use super::state::{ServerState, init};
use crate::client::Images;
use crate::data::{Normalisation, Samples};
use crate::device::Compute;
use crate::layer::Trace;
use crate::model::{self, Model};
use crate::network::Network;
use std::sync::Arc;

/// What stays the same over all rounds: who computes what, by which rules.
///
/// ```
/// use imfl_engine::prelude::*;
/// use std::sync::Arc;
///
/// // Two clients with twenty grey images of 4x4 pixels, each of which is all dark or all bright.
/// let shape = ImageShape { channels: 1, height: 4, width: 4 };
/// let labels: Vec<u16> = (0..40).map(|i| i % 2).collect();
/// let pixels = labels.iter().flat_map(|label| [40 + 150 * *label as u8; 16]).collect();
/// let data = Arc::new(Dataset::new("shades", shape, vec!["dark".into(), "bright".into()], pixels, labels)?);
/// let clients = [(0..20).collect::<Vec<u32>>(), (20..40).collect()];
/// let cohort: Vec<Participant> =
///     (0..).zip(&clients).map(|(id, share)| Participant::by_samples(Client::authentic(id, share))).collect();
///
/// let model = Architecture::Mlp.build(shape, 2)?;
/// let local = LocalSgd { algorithm: "fedprox:0.01".parse()?, ..LocalSgd::default() };
/// let federation = Federation::new(model, data.clone(), &data.normalisation(), local, Compute::cpu(), 7);
/// let (state, report) = federation.apply(federation.start(), &cohort)?;
/// assert_eq!((report.round, report.samples), (1, 40));
///
/// // Five more rounds.
/// let state = federation.train(state, 6, &cohort)?;
/// assert_eq!(federation.evaluate(&state, &federation.images).accuracy(), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Federation {
    /// The model that everybody trains.
    pub model: Arc<dyn Model>,
    /// Where samples come from.
    pub images: Images,
    /// What a client does in a round.
    pub local: LocalSgd,
    /// How the updates of a round become one.
    pub aggregation: Aggregation,
    /// What the server does with that one.
    pub server: Server,
    /// Clients that cohorts are drawn from (N), for algorithms that remember clients; never less than a round's cohort.
    pub population: usize,
    /// How often clients drop out or are late.
    pub availability: Availability,
    /// The fewest updates that a round counts with, at least 1; with fewer it is skipped.
    pub quorum: usize,
    /// Clients that send something else than their updates.
    pub hostility: Option<Hostility>,
    /// What connects clients with the server; without one everything arrives at once. It takes the place of `availability`.
    pub network: Option<Arc<Network>>,
    /// Whoever asks clients that are elsewhere; without one they are trained here.
    pub remote: Option<Arc<dyn Remote>>,
    /// What makes rounds private, if they are.
    pub private: Option<Private>,
    /// Where it is computed.
    pub compute: Compute,
    /// Keys all random numbers.
    pub seed: u64,
    pub(super) trace: Arc<Trace>,
    pub(super) global: Global,
    pub(super) ceiling: Ceiling,
}

impl Federation {
    /// Bundles what a round needs, with FedAvg on the server and clients that always deliver. Clients present `authentic`
    /// samples on the scale of `normalisation`.
    pub fn new(
        model: Arc<dyn Model>,
        authentic: Arc<dyn Samples>,
        normalisation: &Normalisation,
        local: LocalSgd,
        compute: Compute,
        seed: u64,
    ) -> Self {
        Self {
            trace: Arc::new(model::trace(model.as_ref(), authentic.shape(), &compute.device)),
            images: Images::new(authentic, normalisation),
            model,
            local,
            aggregation: Aggregation::default(),
            server: Server::default(),
            population: 0,
            availability: Availability::default(),
            quorum: 1,
            hostility: None,
            network: None,
            remote: None,
            private: None,
            compute,
            seed,
            global: Global::default(),
            ceiling: Ceiling::default(),
        }
    }

    /// What the model's layers do with one sample.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The server before the first round, with initial weights drawn by the federation's seed.
    pub fn start(&self) -> ServerState {
        init(self.model.as_ref(), self.seed)
    }

    /// How well the model of `state` does on all authentic samples of `images`.
    pub fn evaluate(&self, state: &ServerState, images: &Images) -> Evaluation {
        let stacked = self.global.stacked(&state.weights, 1, &self.compute.device);
        evaluate_stacked(self.model.as_ref(), &stacked, images, &self.compute)
    }
}
