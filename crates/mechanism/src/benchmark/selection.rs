//! Participants chosen without a price.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::benchmark::known::known_costs;
use crate::error::{Error, Result};
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::{Credits, Price};
use crate::outcome::{Decision, Outcome};
use crate::rule::{Facts, Guarantee, Mechanism, Private};

fn at_cost(market: &Market, modes: Vec<Mode>) -> Result<Outcome> {
    let payments: Vec<Credits> = modes.iter().zip(market.costs()).map(|(&mode, costs)| costs.of(mode)).collect();
    market.outcome(Decision::new(modes, payments))
}

/// The mode in which a client's effective samples are cheapest; out if it has none.
fn efficient(market: &Market, index: usize) -> Mode {
    let PerMode { local, augmented } = market.parts(index);
    let costs = market.costs()[index];
    let cost = |cost: Credits, other: u64| i128::from(cost.micros()) * i128::from(other);
    match (local.is_useful(), augmented.is_useful()) {
        (false, false) => Mode::Out,
        (true, false) => Mode::Local,
        (false, true) => Mode::Augmented,
        // cost / effective, multiplied out
        _ if cost(costs.augmented, local.effective) <= cost(costs.local, augmented.effective) => Mode::Augmented,
        _ => Mode::Local,
    }
}

/// Clients in random order, each in the mode where its effective samples are cheapest and paid its cost, as long as the budget lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomParticipants {
    /// The most that is paid in all.
    pub budget: Credits,
    /// Seed of the order.
    pub seed: u64,
}

impl Mechanism for RandomParticipants {
    fn name(&self) -> &'static str {
        "random participants"
    }

    fn facts(&self) -> Facts {
        let mut facts = known_costs("random selection, as in federated averaging, with an equal budget");
        facts.guarantees.push(Guarantee::Budget(self.budget));
        facts
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        let mut order: Vec<usize> = (0..market.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed));
        let mut modes = vec![Mode::Out; market.len()];
        let mut left = self.budget;
        for index in order {
            let mode = efficient(market, index);
            if let Some(rest) = left.checked_sub(market.costs()[index].of(mode)).filter(|rest| *rest >= Credits::ZERO) {
                left = rest;
                modes[index] = mode;
            }
        }
        at_cost(market, modes)
    }
}

/// Everyone takes part on authentic data and is paid its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EveryoneAtCost;

impl Mechanism for EveryoneAtCost {
    fn name(&self) -> &'static str {
        "everyone at cost"
    }

    fn facts(&self) -> Facts {
        known_costs("full participation, local mode, costs reimbursed")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        at_cost(market, vec![Mode::Local; market.len()])
    }
}

/// Everyone generates and is paid its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EveryoneAugmented;

impl Mechanism for EveryoneAugmented {
    fn name(&self) -> &'static str {
        "everyone augmented"
    }

    fn facts(&self) -> Facts {
        known_costs("full participation, augmented mode, costs reimbursed")
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        at_cost(market, vec![Mode::Augmented; market.len()])
    }
}

/// The scoring auction of FMore (Zeng et al., ICDCS 2020): the K best scores value x effective samples - bid win and are paid their
/// bids. A first-price rule, so it is not truthful; here everyone bids its cost, and offers the mode with its better score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopK {
    /// K.
    pub winners: usize,
    /// What an effective sample is worth in the score.
    pub value: Price,
}

impl Mechanism for TopK {
    fn name(&self) -> &'static str {
        "top-K scoring auction"
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::ModeCosts,
            information: "private: the cost of each mode; measured: samples, skew, theta",
            guarantees: vec![Guarantee::IndividualRationality, Guarantee::Monotonicity],
            source: "FMore (Zeng, Zhang, Wang, Chu 2020), first price",
        }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        if self.winners == 0 {
            return Err(Error::Rule("a scoring auction needs at least one winner".into()));
        }
        // scores in 1e-18 credits: at most 2^64 x 1e18, less at most 2^63 x 1e12
        let score = |index: usize, mode: Mode| {
            let worth = i128::from(self.value.picos()) * i128::from(market.part(index, mode).effective);
            worth - i128::from(market.costs()[index].of(mode).micros()) * 1_000_000_000_000
        };
        let mut offers: Vec<(i128, usize, Mode)> = (0..market.len())
            .map(|index| {
                let (local, augmented) = (score(index, Mode::Local), score(index, Mode::Augmented));
                if augmented >= local { (augmented, index, Mode::Augmented) } else { (local, index, Mode::Local) }
            })
            .collect();
        offers.retain(|&(_, index, mode)| market.part(index, mode).is_useful());
        offers.sort_by_key(|&(score, index, _)| (std::cmp::Reverse(score), index));
        let mut modes = vec![Mode::Out; market.len()];
        for (_, index, mode) in offers.into_iter().take(self.winners) {
            modes[index] = mode;
        }
        at_cost(market, modes)
    }
}
