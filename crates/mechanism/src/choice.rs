//! Every rule by its name, with natural parameters for a market: what a configuration file or an experiment chooses from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::auction::{BudgetFeasible, Optimal, Vcg, VirtualCosts};
use crate::benchmark::{self, EveryoneAtCost, EveryoneAugmented, NoGeneration, QualityBlind};
use crate::error::{Error, Result};
use crate::market::Market;
use crate::money::Credits;
use crate::outcome::Outcome;
use crate::personal::{Options, PersonalOffers};
use crate::posted::{PriorPrice, Sampling, UniformPrice};
use crate::printable::Printable;
use crate::prior::Prior;
use crate::rule::Mechanism;

/// A rule by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum RuleChoice {
    /// The posted price with incomplete information, [`PriorPrice`].
    PostedPrice,
    /// The posted price with complete information, [`UniformPrice`].
    PostedPriceComplete,
    /// The expected-cost-optimal auction, [`Optimal`].
    OptimalAuction,
    /// The Vickrey-Clarke-Groves auction, [`Vcg`].
    Vcg,
    /// Everyone's cost for everyone's best mode, [`PersonalOffers`].
    PersonalOffers,
    /// [`NoGeneration`].
    NoGeneration,
    /// [`QualityBlind`].
    QualityBlind,
    /// [`benchmark::fixed_price`].
    FixedPrice,
    /// [`benchmark::random_participants`].
    RandomParticipants,
    /// [`EveryoneAtCost`].
    EveryoneAtCost,
    /// [`EveryoneAugmented`].
    EveryoneAugmented,
    /// [`benchmark::top_k`].
    TopK,
    /// [`BudgetFeasible`] within this budget. The only rule that needs a parameter, so it is not among [`RuleChoice::ALL`].
    BudgetFeasible(Credits),
}

/// What the server knows beside the market, and how hard it tries.
#[derive(Debug, Clone, PartialEq)]
pub struct Knowledge {
    /// The distribution of costs.
    pub prior: Prior,
    /// How it is sampled; the seed also orders random participants.
    pub sampling: Sampling,
    /// Effort per allocation problem of personal offers and auctions.
    pub options: Options,
}

type Boxed = Result<Box<dyn Mechanism>>;

/// A line of the table of rules.
struct Rule {
    choice: RuleChoice,
    name: &'static str,
    /// Whether it is one of the seven to compare with.
    benchmark: bool,
    /// What it does and promises, in a line.
    about: &'static str,
    build: fn(&Market, &Knowledge) -> Boxed,
}

/// Every rule that needs no parameter: this project's, then the benchmarks.
#[rustfmt::skip]
const TABLE: [Rule; 12] = [
    Rule { choice: RuleChoice::PostedPrice, name: "posted-price", benchmark: false,
        about: "the best single price for costs that are known in distribution: truthful",
        build: |_, known| Ok(Box::new(PriorPrice { prior: known.prior.clone(), sampling: known.sampling })) },
    Rule { choice: RuleChoice::PostedPriceComplete, name: "posted-price-complete", benchmark: false,
        about: "the best single price for known costs",
        build: |_, _| Ok(Box::new(UniformPrice)) },
    Rule { choice: RuleChoice::OptimalAuction, name: "optimal-auction", benchmark: false,
        about: "the auction with the lowest expected server cost under a prior: truthful",
        build: |_, known| Ok(Box::new(Optimal { prior: VirtualCosts::new(&known.prior)?, options: known.options })) },
    Rule { choice: RuleChoice::Vcg, name: "vcg", benchmark: false,
        about: "the cheapest allocation, everyone paid its externality: truthful in the costs of both modes",
        build: |_, known| Ok(Box::new(Vcg { options: known.options })) },
    Rule { choice: RuleChoice::PersonalOffers, name: "personal-offers", benchmark: false,
        about: "everyone's best mode for the server, paid at cost: the yardstick for all",
        build: |_, known| Ok(Box::new(PersonalOffers(known.options))) },
    Rule { choice: RuleChoice::NoGeneration, name: "no-generation", benchmark: true,
        about: "the best single price where nobody can generate",
        build: |_, _| Ok(Box::new(NoGeneration)) },
    Rule { choice: RuleChoice::QualityBlind, name: "quality-blind", benchmark: true,
        about: "a price per sample, chosen as if nobody were skewed",
        build: |_, _| Ok(Box::new(QualityBlind)) },
    Rule { choice: RuleChoice::FixedPrice, name: "fixed-price", benchmark: true,
        about: "the mean cost of an effective sample as the price: truthful",
        build: |market, _| Ok(Box::new(benchmark::fixed_price(market))) },
    Rule { choice: RuleChoice::RandomParticipants, name: "random-participants", benchmark: true,
        about: "random order, paid at cost, with the payments of the best single price as budget",
        build: |market, known| Ok(Box::new(benchmark::random_participants(market, known.sampling.seed)?)) },
    Rule { choice: RuleChoice::EveryoneAtCost, name: "everyone-at-cost", benchmark: true,
        about: "everyone on authentic data, paid at cost",
        build: |_, _| Ok(Box::new(EveryoneAtCost)) },
    Rule { choice: RuleChoice::EveryoneAugmented, name: "everyone-augmented", benchmark: true,
        about: "everyone generates, paid at cost",
        build: |_, _| Ok(Box::new(EveryoneAugmented)) },
    Rule { choice: RuleChoice::TopK, name: "top-k", benchmark: true,
        about: "the best scores win and are paid their bids",
        build: |market, _| Ok(Box::new(benchmark::top_k(market)?)) },
];

/// The name of the rule that needs a parameter, and what it does.
const BUDGET: &str = "budget-feasible";
const BUDGET_ABOUT: &str = "as many effective samples as so many credits buy: truthful, never over budget";

impl RuleChoice {
    /// All that need no parameter: this project's, then the benchmarks.
    pub const ALL: [RuleChoice; TABLE.len()] = {
        let mut all = [RuleChoice::PostedPrice; TABLE.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = TABLE[at].choice;
            at += 1;
        }
        all
    };

    fn row(self) -> Option<&'static Rule> {
        TABLE.iter().find(|rule| rule.choice == self)
    }

    /// The name, without a parameter.
    pub fn name(self) -> &'static str {
        self.row().map_or(BUDGET, |rule| rule.name)
    }

    /// What it does and promises, in a line.
    pub fn about(self) -> &'static str {
        self.row().map_or(BUDGET_ABOUT, |rule| rule.about)
    }

    /// Whether it is one of the seven mechanisms to compare with.
    pub fn is_benchmark(self) -> bool {
        self.row().is_some_and(|rule| rule.benchmark)
    }

    /// Its place among the benchmarks, or among the other rules, from 0: the same for good, so that colours can go by it.
    pub fn ordinal(self) -> usize {
        let kin = RuleChoice::ALL.iter().filter(|other| other.is_benchmark() == self.is_benchmark());
        kin.take_while(|other| **other != self).count()
    }

    /// What can be chosen, as names, for a help text or an error: `posted-price, ..., budget-feasible:CREDITS`.
    pub fn names() -> String {
        TABLE.iter().map(|rule| format!("{}, ", rule.name)).collect::<String>() + BUDGET + ":CREDITS"
    }

    /// The mechanism, with the parameters that are natural for `market`.
    ///
    /// # Errors
    /// A prior that the rule cannot use; money that overflows.
    pub fn mechanism(self, market: &Market, knowledge: &Knowledge) -> Result<Box<dyn Mechanism>> {
        match (self, self.row()) {
            (RuleChoice::BudgetFeasible(budget), _) => Ok(Box::new(BudgetFeasible { budget })),
            (_, Some(rule)) => (rule.build)(market, knowledge),
            (_, None) => Err(Error::Rule(format!("`{self}` is not in the table of rules"))),
        }
    }
}

/// Runs the seven mechanisms to compare with, each by its name. They know the costs; `seed` orders random participants.
///
/// # Errors
/// Money that overflows.
pub fn compare(market: &Market, seed: u64) -> Result<Vec<(&'static str, Outcome)>> {
    let prior = Prior::of(market.population());
    let knowledge = Knowledge { prior, sampling: Sampling { scenarios: 1, seed }, options: Options::default() };
    let run = |rule: RuleChoice| {
        let mechanism = rule.mechanism(market, &knowledge)?;
        Ok((mechanism.name(), mechanism.run(market)?))
    };
    RuleChoice::ALL.into_iter().filter(|rule| rule.is_benchmark()).map(run).collect()
}

impl fmt::Display for RuleChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleChoice::BudgetFeasible(budget) => f.pad(&format!("{BUDGET}:{budget}")),
            _ => f.pad(self.name()),
        }
    }
}

/// No rule of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleChoiceError {
    /// There is no such rule.
    #[error("no rule is called `{}`; there are: {}", Printable(.0), RuleChoice::names())]
    Unknown(String),
    /// The budget is missing, or is none.
    #[error("`{}`: {BUDGET} needs the most that it may pay in credits, at least 0, as in {BUDGET}:2.5", Printable(.0))]
    Budget(String),
}

impl FromStr for RuleChoice {
    type Err = RuleChoiceError;

    fn from_str(text: &str) -> std::result::Result<Self, RuleChoiceError> {
        if let Some(rule) = TABLE.iter().find(|rule| rule.name == text) {
            return Ok(rule.choice);
        }
        match text.strip_prefix(BUDGET) {
            Some(budget) if budget.is_empty() || budget.starts_with(':') => {
                let amount = budget.strip_prefix(':').and_then(|budget| budget.parse().ok());
                let amount = amount.filter(|budget| *budget >= Credits::ZERO);
                amount.map(RuleChoice::BudgetFeasible).ok_or_else(|| RuleChoiceError::Budget(text.into()))
            }
            _ => Err(RuleChoiceError::Unknown(text.into())),
        }
    }
}

impl TryFrom<String> for RuleChoice {
    type Error = RuleChoiceError;

    fn try_from(name: String) -> std::result::Result<Self, RuleChoiceError> {
        name.parse()
    }
}

impl From<RuleChoice> for String {
    fn from(rule: RuleChoice) -> String {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};

    fn knowledge(market: &Market) -> Knowledge {
        Knowledge {
            prior: Prior::of(market.population()),
            sampling: Sampling { scenarios: 20, seed: 1 },
            options: Options::default(),
        }
    }

    #[test]
    fn names_are_read_and_written_alike() {
        for rule in RuleChoice::ALL.into_iter().chain([RuleChoice::BudgetFeasible(Credits::from_micros(2_500_000))]) {
            assert_eq!(rule.to_string().parse(), Ok(rule));
            assert!(RuleChoice::names().contains(rule.name()) && !rule.about().is_empty());
        }
        assert!("vgc".parse::<RuleChoice>().unwrap_err().to_string().contains("posted-price, "));
        for bad in ["budget-feasible", "budget-feasible:", "budget-feasible:-1", "budget-feasible:x"] {
            assert!(bad.parse::<RuleChoice>().unwrap_err().to_string().contains("as in budget-feasible:2.5"), "{bad}");
        }
    }

    #[test]
    fn every_rule_runs_pays_its_participants_and_the_seven_benchmarks_are_the_benchmarks() {
        let market = instance::crowd(3, Shape::of(8), 1e3).unwrap();
        let knowledge = knowledge(&market);
        let cheapest = RuleChoice::PersonalOffers.mechanism(&market, &knowledge).unwrap().run(&market).unwrap();
        assert!(cheapest.participants() > 0);
        let budget = RuleChoice::BudgetFeasible(cheapest.payments);
        for rule in RuleChoice::ALL.into_iter().chain([budget]) {
            let outcome = rule.mechanism(&market, &knowledge).unwrap().run(&market).unwrap();
            assert!(outcome.server_cost >= cheapest.server_cost, "{rule}");
            let pays = outcome.awards.iter().all(|award| award.payment >= award.cost);
            assert!(pays, "{rule}");
            assert_eq!(outcome.estimate.is_some(), rule == RuleChoice::PostedPrice, "{rule}");
        }
        let benchmarks = RuleChoice::ALL.into_iter().filter(|rule| rule.is_benchmark());
        let called = benchmarks.map(|rule| rule.mechanism(&market, &knowledge).unwrap().name());
        assert_eq!(
            called.collect::<Vec<_>>(),
            [
                "price without generation",
                "price blind to quality",
                "fixed price",
                "random participants",
                "everyone at cost",
                "everyone augmented",
                "top-K scoring auction"
            ]
        );
    }

    #[test]
    fn ordinals_count_each_kind_of_rule_on_its_own() {
        let of = |benchmark| {
            let kind = RuleChoice::ALL.into_iter().filter(move |rule| rule.is_benchmark() == benchmark);
            kind.map(RuleChoice::ordinal).collect::<Vec<_>>()
        };
        assert_eq!((of(false), of(true)), ((0..5).collect(), (0..7).collect()));
        assert_eq!(RuleChoice::BudgetFeasible(Credits::ZERO).ordinal(), 5);
    }
}
