//! What accuracy each rule buys for what it pays: worth is swept, every choice of participants is trained, and rules are compared at equal
//! payments. Participants are chosen by a forecast out of pilots; what is compared is the accuracy that was reached.

mod compare;
mod page;

use super::by_seed::BySeed;
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::{Lab, Score};
use super::remembered::Remembered;
use super::world::{Place, World};
use imfl_mechanism::objective::Prediction;
use imfl_mechanism::personal::Options;
use imfl_mechanism::{Knowledge, Mode, RuleChoice, uninformed};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::pipeline::allocate;
use serde::{Deserialize, Serialize};

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Credits for a percentage point of accuracy, from one point of a frontier to the next.
    pub worths: Vec<f64>,
    /// The one of them at which server costs are compared.
    pub worth: f64,
    /// Effort per allocation problem of personal offers.
    pub effort: u64,
    /// Work of the pilots, times that of a training with everybody.
    pub pilots: f64,
}

/// What a server knows of costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Knows {
    /// Everybody's.
    Costs,
    /// Their distribution.
    Prior,
}

/// A rule, and what the server that follows it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Buyer {
    rule: RuleChoice,
    knows: Knows,
}

/// What a buyer got.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bought {
    /// Credits.
    payments: f64,
    modes: Vec<Mode>,
    /// Before training.
    predicted: Prediction,
    /// After it.
    score: Score,
}

impl Buyer {
    /// The best price of a server with this knowledge first, then those that it is compared with.
    fn all() -> Vec<Self> {
        let of = |knows, rules: Vec<RuleChoice>| rules.into_iter().map(move |rule| Self { rule, knows });
        let with = |first: &[RuleChoice]| {
            [first, &RuleChoice::ALL.into_iter().filter(|rule| rule.is_benchmark()).collect::<Vec<_>>()].concat()
        };
        let informed = with(&[RuleChoice::PostedPriceComplete, RuleChoice::PersonalOffers]);
        of(Knows::Costs, informed).chain(of(Knows::Prior, with(&[RuleChoice::PostedPrice]))).collect()
    }

    /// Whether it is this project's posted price for what it knows.
    fn is_ours(self) -> bool {
        match self.knows {
            Knows::Costs => self.rule == RuleChoice::PostedPriceComplete,
            Knows::Prior => self.rule == RuleChoice::PostedPrice,
        }
    }

    fn decide(self, place: &Place, effort: u64) -> Outcome<imfl_mechanism::Outcome> {
        let options = Options { effort, ..Options::default() };
        let knowledge = Knowledge { options, ..place.knowledge.clone() };
        Ok(match self.knows {
            Knows::Costs => self.rule.mechanism(&place.market, &knowledge)?.run(&place.market)?,
            Knows::Prior => uninformed(self.rule, &place.market, &knowledge)?,
        })
    }
}

/// Runs the grid.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    if !grid.worths.contains(&grid.worth) {
        let problem = format!("`grid.worth` is {}; it must be one of `grid.worths`", grid.worth);
        return Err(Failure::new(Kind::Config, problem));
    }
    let forecast = world.forecast(journal, grid.pilots)?;
    let buyers = Buyer::all();
    let mut cells = Vec::new();
    for &seed in seeds {
        for &worth in &grid.worths {
            cells.extend(buyers.iter().map(|&buyer| (seed, worth, buyer)));
        }
    }
    // Clients train with the weights that the forecast's market gives them, whatever a point is worth.
    let labs = BySeed::new(|seed| {
        let place = world.place(seed, |_| ())?;
        let market = allocate::forecast_market(&place.setup, &place.profile, &forecast)?;
        Lab::open(Place { market, ..place })
    });
    let scores = Remembered::<(u64, Vec<Mode>), Score>::new();
    let bought = grid::run("frontier", journal, &cells, 1, |&(seed, worth, buyer)| {
        let lab = labs.of(seed)?;
        let place = world.place(seed, |config| config.mechanism.worth = worth)?;
        let market = allocate::forecast_market(&place.setup, &place.profile, &forecast)?;
        let decided = buyer.decide(&Place { market, ..place }, grid.effort)?;
        let modes = decided.modes();
        let score = scores.of((seed, modes.clone()), |(_, modes)| {
            let participants = lab.participants(modes);
            match participants.is_empty() {
                true => Ok(lab.score(&lab.federation.start())),
                false => lab.watch(&participants, |_, _| ()),
            }
        })?;
        // The objective is the forecast, which has a prediction for everybody and for nobody.
        let predicted = decided.appraisal.prediction().unwrap_or(forecast.nobody);
        Ok(Bought { payments: decided.payments.to_f64(), modes, predicted, score })
    })?;
    page::findings(&compare::Market { grid, seeds, buyers: &buyers, bought: &bought, forecast: &forecast })
}
