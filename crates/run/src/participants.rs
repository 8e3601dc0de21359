//! Clients that nobody simulates: whoever starts a run for them brings a [`Participants`], which asks them and returns what they say.
//!
//! What they say is a report. Samples and weights are fixed by the offer and never taken from a reply; labels are verified by gradients;
//! costs stay with the client, which answers an offer, or are its bid.

use imfl_engine::federated::remote::Reply;
use imfl_engine::federated::{Aggregation, Evaluation};
use imfl_engine::parameters::Weights;
use imfl_mechanism::ledger::Transaction;
use imfl_mechanism::posted::Offer;
use imfl_mechanism::{Credits, Mode, PerMode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::failure::Outcome;

/// What a client has to know to train as a client of this run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Terms {
    /// Keys the random numbers of everybody.
    pub seed: u64,
    /// Rounds that are planned.
    pub rounds: u64,
    /// Whether everybody who takes part is asked in every round.
    pub every_round: bool,
    /// The run's folder, which is the server's.
    pub folder: std::path::PathBuf,
    /// Settings of training and of the generator, as TOML.
    pub config: String,
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// What the classes are called.
    pub classes: Vec<String>,
    /// What each channel is normalised by: `(byte / 255 - mean) / deviation`.
    pub mean: Vec<f32>,
    /// The deviations.
    pub deviation: Vec<f32>,
    /// SHA-256 of the generator's file, if there is one.
    pub generator: Option<String>,
    /// Where the server has it.
    pub generator_path: Option<std::path::PathBuf>,
}

/// What a client says of itself before anybody is hired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Introduction {
    /// The account that it is paid to, distinct; it names the client in the books.
    pub account: String,
    /// What people call it.
    pub label: String,
    /// Samples of each class that it says it holds.
    pub histogram: Vec<usize>,
    /// Its gradient at the initial model, in layout order; none if it did not send one.
    pub gradient: Option<Vec<f32>>,
}

/// What a client that takes part works by, one for each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Order {
    /// Its number in the run, which keys its random numbers.
    pub client: u32,
    /// How it takes part.
    pub mode: Mode,
    /// What all rounds together earn, in micro-credits.
    pub award: i64,
    /// Samples that it trains on, in one pass.
    pub samples: u64,
    /// Samples in a batch.
    pub batch: usize,
    /// Label shares that it is filled up to, in augmented mode.
    pub target: Vec<f64>,
    /// Of each class, which of all generated images is its first.
    pub first_images: Vec<u64>,
}

/// Clients elsewhere. A client is meant by its place in what [`Participants::meet`] returned, or [`Participants::recall`] was given.
pub trait Participants: Send + Sync {
    /// Asks everybody who is there what it holds, and for its gradient at the initial model. Whoever does not answer is not there.
    ///
    /// # Errors
    /// A failure if nobody can be asked.
    fn meet(&self, terms: &Terms, weights: &Weights) -> Outcome<Vec<Introduction>>;

    /// The run goes on with these accounts, which were met before.
    ///
    /// # Errors
    /// A failure if nobody can be asked.
    fn recall(&self, terms: &Terms, accounts: &[(String, String)]) -> Outcome;

    /// Offers work at a posted price; nobody is offered anything where there is `None`. Silence is a refusal.
    ///
    /// # Errors
    /// A failure if nobody can be asked.
    fn offer(&self, offers: &[Option<Offer>]) -> Outcome<Vec<Mode>>;

    /// Asks for sealed bids: what each mode would cost.
    ///
    /// # Errors
    /// A failure if nobody can be asked.
    fn bids(&self, offers: &[Option<Offer>]) -> Outcome<Vec<Option<PerMode<Credits>>>>;

    /// Says who is hired, before the first round and when a run goes on.
    ///
    /// # Errors
    /// A failure if that cannot be said.
    fn hire(&self, orders: &[Option<Order>]) -> Outcome;

    /// Asks these clients to train the model of `weights` for a round. A client without an entry counts as silent.
    ///
    /// # Errors
    /// A failure if nobody can be asked.
    fn train(&self, round: u64, weights: &Weights, clients: &[u32]) -> Outcome<BTreeMap<u32, Reply>>;

    /// The rule by which updates become one, in the place of the run's own.
    fn aggregation(&self) -> Option<Aggregation> {
        None
    }

    /// What the books hold now; what was told before is told again when a run goes on.
    ///
    /// # Errors
    /// A failure if it cannot be passed on.
    fn paid(&self, transactions: &[Transaction]) -> Outcome;

    /// How the model does on what each client holds, as far as they say.
    ///
    /// # Errors
    /// A failure if nobody can be asked.
    fn evaluate(&self, weights: &Weights) -> Outcome<BTreeMap<u32, Evaluation>>;
}

/// What was found out about clients elsewhere before the first round; kept in the run's folder, so that nobody is asked twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Format and version.
    pub schema: String,
    /// Account and name of each client.
    pub clients: Vec<(String, String)>,
    /// Samples of each class that each says it holds.
    pub claimed: Vec<Vec<usize>>,
    /// What the server believes of that.
    pub believed: Vec<Vec<usize>>,
    /// Who was caught.
    pub flagged: Vec<crate::claim::Flagged>,
    /// What they said to their offers.
    pub answers: Answers,
}

/// What clients said to their offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// The modes that they chose at a posted price.
    Modes(Vec<Mode>),
    /// What each mode costs them, in micro-credits; nothing from who did not bid.
    Bids(Vec<Option<PerMode<i64>>>),
}
