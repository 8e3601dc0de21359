//! Every rule by its name, with natural parameters for a market: what a configuration file or an experiment chooses from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::auction::{Optimal, Vcg, VirtualCosts};
use crate::benchmark::{self, EveryoneAtCost, EveryoneAugmented, NoGeneration, QualityBlind};
use crate::error::Result;
use crate::market::Market;
use crate::personal::{Options, PersonalOffers};
use crate::posted::{PriorPrice, Sampling, UniformPrice};
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

impl RuleChoice {
    /// All of them: this project's, then the benchmarks.
    pub const ALL: [RuleChoice; 12] = [
        RuleChoice::PostedPrice,
        RuleChoice::PostedPriceComplete,
        RuleChoice::OptimalAuction,
        RuleChoice::Vcg,
        RuleChoice::PersonalOffers,
        RuleChoice::NoGeneration,
        RuleChoice::QualityBlind,
        RuleChoice::FixedPrice,
        RuleChoice::RandomParticipants,
        RuleChoice::EveryoneAtCost,
        RuleChoice::EveryoneAugmented,
        RuleChoice::TopK,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            RuleChoice::PostedPrice => "posted-price",
            RuleChoice::PostedPriceComplete => "posted-price-complete",
            RuleChoice::OptimalAuction => "optimal-auction",
            RuleChoice::Vcg => "vcg",
            RuleChoice::PersonalOffers => "personal-offers",
            RuleChoice::NoGeneration => "no-generation",
            RuleChoice::QualityBlind => "quality-blind",
            RuleChoice::FixedPrice => "fixed-price",
            RuleChoice::RandomParticipants => "random-participants",
            RuleChoice::EveryoneAtCost => "everyone-at-cost",
            RuleChoice::EveryoneAugmented => "everyone-augmented",
            RuleChoice::TopK => "top-k",
        }
    }

    /// Whether it is one of the seven mechanisms to compare with.
    pub const fn is_benchmark(self) -> bool {
        !matches!(
            self,
            RuleChoice::PostedPrice
                | RuleChoice::PostedPriceComplete
                | RuleChoice::OptimalAuction
                | RuleChoice::Vcg
                | RuleChoice::PersonalOffers
        )
    }

    /// The mechanism, with the parameters that are natural for `market`.
    ///
    /// # Errors
    /// A prior that the rule cannot use; money that overflows.
    pub fn mechanism(self, market: &Market, knowledge: &Knowledge) -> Result<Box<dyn Mechanism>> {
        let Knowledge { prior, sampling, options } = knowledge;
        Ok(match self {
            RuleChoice::PostedPrice => Box::new(PriorPrice { prior: prior.clone(), sampling: *sampling }),
            RuleChoice::PostedPriceComplete => Box::new(UniformPrice),
            RuleChoice::OptimalAuction => Box::new(Optimal { prior: VirtualCosts::new(prior)?, options: *options }),
            RuleChoice::Vcg => Box::new(Vcg { options: *options }),
            RuleChoice::PersonalOffers => Box::new(PersonalOffers(*options)),
            RuleChoice::NoGeneration => Box::new(NoGeneration),
            RuleChoice::QualityBlind => Box::new(QualityBlind),
            RuleChoice::FixedPrice => Box::new(benchmark::fixed_price(market)),
            RuleChoice::RandomParticipants => Box::new(benchmark::random_participants(market, sampling.seed)?),
            RuleChoice::EveryoneAtCost => Box::new(EveryoneAtCost),
            RuleChoice::EveryoneAugmented => Box::new(EveryoneAugmented),
            RuleChoice::TopK => Box::new(benchmark::top_k(market)?),
        })
    }
}

impl fmt::Display for RuleChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No rule of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no rule is called `{0}`; there are: {list}", list = RuleChoice::ALL.map(RuleChoice::name).join(", "))]
pub struct RuleChoiceError(String);

impl FromStr for RuleChoice {
    type Err = RuleChoiceError;

    fn from_str(name: &str) -> std::result::Result<Self, RuleChoiceError> {
        RuleChoice::ALL.into_iter().find(|rule| rule.name() == name).ok_or_else(|| RuleChoiceError(name.into()))
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
        rule.name().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};

    #[test]
    fn names_are_read_and_written_alike() {
        for rule in RuleChoice::ALL {
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        assert!("vgc".parse::<RuleChoice>().unwrap_err().to_string().contains("posted-price, "));
    }

    #[test]
    fn every_rule_runs_pays_its_participants_and_the_seven_benchmarks_are_the_benchmarks() {
        let market = instance::crowd(3, Shape::of(8), 1e3).unwrap();
        let knowledge = Knowledge {
            prior: Prior::of(market.population()),
            sampling: Sampling { scenarios: 20, seed: 1 },
            options: Options::default(),
        };
        let cheapest = RuleChoice::PersonalOffers.mechanism(&market, &knowledge).unwrap().run(&market).unwrap();
        assert!(cheapest.participants() > 0);
        for rule in RuleChoice::ALL {
            let outcome = rule.mechanism(&market, &knowledge).unwrap().run(&market).unwrap();
            assert!(outcome.server_cost >= cheapest.server_cost, "{rule}");
            let pays = outcome.awards.iter().all(|award| award.payment >= award.cost);
            assert!(pays, "{rule}");
        }
        let benchmarks: Vec<String> =
            benchmark::all(&market, 1).unwrap().iter().map(|rule| rule.name().into()).collect();
        let chosen = RuleChoice::ALL.into_iter().filter(|rule| rule.is_benchmark());
        let chosen: Vec<String> =
            chosen.map(|rule| rule.mechanism(&market, &knowledge).unwrap().name().into()).collect();
        assert_eq!(benchmarks, chosen);
    }
}
