//! What a private run may say of itself.

use super::{Cohorts, Privacy, Spent};
use crate::config::{PrivacyConfig, PrivateMechanism};
use imfl_aigc::quality::Memorisation;
use serde::Serialize;
use std::fmt;

/// What looks at clients' data and is in no account, for every run; `docs/privacy.md` says more.
pub const OUTSIDE: [&str; 9] = [
    "who takes part in the run at all, in which mode, at which pay: it follows from label histograms and costs",
    "label histograms and sizes of clients, in the market and in plots",
    "theta, g_data, sigma and smoothness: gradients on clients' images before the first round",
    "the check of labels: every client's gradient at the initial model, and who was caught",
    "the trial of filling in, on training images",
    "mean and deviation of pixels over all clients' images, and the batch, which is at most the largest client",
    "the final model's accuracy on clients' own images, and the attack on it",
    "times of rounds",
    "the ledger: who was paid for which round, and the sum of it",
];

/// The guarantee of a run, as in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// Epsilon spent, by privacy loss distributions.
    pub epsilon: f64,
    /// At this delta.
    pub delta: f64,
    /// Deviation of each round's noise (tree: of each node's), in clipping bounds.
    pub noise: f64,
    /// The clipping bound, of the last round where it moved.
    pub clip: f64,
    /// Epsilon spent, by Rényi divergences.
    pub epsilon_rdp: f64,
    /// Epsilon that could be spent.
    pub budget: f64,
    /// How cohorts and noise were drawn.
    pub mechanism: PrivateMechanism,
    /// The probability that a client took part in a round (tree: one over the groups).
    pub rate: f64,
    /// What sums were divided by.
    pub expected_cohort: f64,
    /// Rounds in the account.
    pub rounds: u64,
    /// Which data sets cannot be told apart.
    pub neighbours: &'static str,
    /// Why the guarantee does not hold; null if it does.
    pub void: Option<&'static str>,
    /// What looks at clients' data outside the account.
    pub outside: Vec<&'static str>,
    /// What attacks on the run's products found.
    pub remembered: Remembered,
    /// The most that any test for membership of a client can have, hits over false alarms, by epsilon and delta: (exp(epsilon) - 1 + 2 delta) /
    /// (exp(epsilon) + 1) (Kairouz, Oh and Viswanath 2015).
    pub membership_at_most: f64,
}

/// What a run's products remember of images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Remembered {
    /// Membership inference on the final model: hits over false alarms of the attack that calls an image a participant's if the model is right about
    /// it (Yeom et al. 2018, arXiv 1709.01604); accuracy on participants' images less that on test images.
    pub membership: f64,
    /// Copies among generated images; null where nothing was generated or what the generator learnt from is not at hand.
    pub generator: Option<Memorisation>,
}

impl Told {
    /// Of a run that has spent so much.
    pub fn new(config: &PrivacyConfig, privacy: &Privacy, spent: Spent, remembered: Remembered) -> Self {
        let terms = &privacy.terms;
        Self {
            epsilon: spent.epsilon,
            delta: terms.delta,
            noise: terms.noise,
            clip: spent.clip.or(config.clip).unwrap_or(0.0),
            epsilon_rdp: spent.epsilon_rdp,
            budget: terms.budget,
            mechanism: config.mechanism,
            rate: match privacy.cohorts {
                Cohorts::Coins { rate, .. } => rate,
                Cohorts::Turns { groups, .. } => 1.0 / groups as f64,
            },
            expected_cohort: terms.expected,
            rounds: spent.rounds,
            neighbours: "add-or-remove-one-client",
            void: config
                .test_secret
                .map(|_| "coins and noise were keyed by a number that everybody knows (--dp-test-secret)"),
            outside: OUTSIDE.into(),
            remembered,
            // In this form nothing overflows.
            membership_at_most: (1.0 - 2.0 * (1.0 - terms.delta) / (spent.epsilon.exp() + 1.0)).min(1.0),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { epsilon, delta, noise, clip, budget, mechanism, outside, .. } = self;
        if let Some(void) = self.void {
            write!(f, "VOID, since {void}; ")?;
        }
        write!(
            f,
            "epsilon {epsilon:.4} of {budget:.4} at delta {delta:e}: {mechanism} noise of {noise:.4} clipping bounds of \
             {clip:.4}; {} things outside it are named in the report",
            outside.len()
        )
    }
}
