//! An offer at a posted price as it goes to a client that nobody simulates, and the client's answer by costs that stay with it.

use serde::{Deserialize, Serialize};

use crate::client::{micros_up, mode_cost};
use crate::error::{Error, Result};
use crate::estimate::Estimate;
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::{Credits, Price};
use crate::objective::Part;
use crate::outcome::{Decision, Outcome};
use crate::posted::response::{best_mode, payment};
use crate::prior::UnitCosts;

/// What a client is offered. It holds everything that the client's best answer depends on but the client's costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Pico-credits per effective sample; 0 where costs are asked for and no price is posted.
    pub price: u64,
    /// d, samples that it trains on.
    pub samples: u64,
    /// lambda, its skew, in parts of 1e9: d lambda / 2 samples are generated in augmented mode.
    pub skew: u64,
    /// v, effective samples of each mode, in millionths; 0 where the mode is not offered.
    pub effective: PerMode<u64>,
    /// What each mode pays for all rounds, in micro-credits.
    pub pay: PerMode<i64>,
}

impl Offer {
    /// What client `index` of a market is offered at a price; without a generator nobody is offered augmented mode.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    ///
    /// # Panics
    /// For an index beyond the market, as a slice does.
    pub fn of(market: &Market, index: usize, price: Price, generates: bool) -> Result<Self> {
        let client = &market.clients()[index];
        let offered = |mode| mode != Mode::Augmented || generates;
        let part = |mode| if offered(mode) { market.part(index, mode) } else { Part::default() };
        let pay = |mode| Credits::narrow(payment(price, &part(mode)), "a payment").map(Credits::micros);
        Ok(Self {
            price: price.picos(),
            samples: client.samples,
            skew: client.skew,
            effective: PerMode::from_fn(|mode| part(mode).effective),
            pay: PerMode::try_from_fn(pay)?,
        })
    }

    /// What each mode costs a client with these unit costs, rounded up to a micro-credit: its bid, where costs are asked for.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn costs(&self, unit: UnitCosts) -> Result<PerMode<Credits>> {
        Ok(self.fine_costs(unit)?.map(micros_up))
    }

    /// The mode with the largest utility for a client with these unit costs; ties: augmented, then local, then out.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn answer(&self, unit: UnitCosts) -> Result<Mode> {
        let part = |mode| Part { effective: self.effective.of(mode), ..Part::default() };
        Ok(best_mode(Price::from_picos(self.price), &PerMode::from_fn(part), &self.fine_costs(unit)?))
    }

    fn fine_costs(&self, unit: UnitCosts) -> Result<PerMode<u128>> {
        PerMode::try_from_fn(|mode| {
            mode_cost(self.samples, self.skew, mode, unit.compute, unit.synthesis, unit.setup)
                .ok_or(Error::Overflow("the cost of a client"))
        })
    }
}

/// What happens at a price that clients have answered with these modes: everybody is paid for the mode that it chose.
///
/// # Errors
/// [`Error::Rule`] for too few or too many answers; [`Error::Overflow`].
pub fn answered(market: &Market, estimate: Estimate, modes: Vec<Mode>) -> Result<Outcome> {
    if modes.len() != market.len() {
        return Err(Error::Rule(format!("{} answers of {} clients", modes.len(), market.len())));
    }
    let pay = |(index, &mode)| Credits::narrow(payment(estimate.price, &market.part(index, mode)), "a payment");
    let payments = modes.iter().enumerate().map(pay).collect::<Result<_>>()?;
    let outcome = market.outcome(Decision::new(modes, payments).at(Some(estimate.price)))?;
    Ok(Outcome { estimate: Some(estimate), ..outcome })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::posted::{PriorPrice, Sampling};
    use crate::prior::Prior;
    use crate::rule::Mechanism;

    #[test]
    fn answers_to_offers_come_to_what_the_simulated_market_comes_to() {
        let mut played = 0;
        for seed in 0..60 {
            let market = instance::market(seed, Shape::of(6)).unwrap();
            let rule = PriorPrice { prior: Prior::of(market.population()), sampling: Sampling { scenarios: 20, seed } };
            let simulated = rule.run(&market).unwrap();
            let estimate = simulated.estimate.unwrap();
            let answer = |index: usize| {
                let offer = Offer::of(&market, index, estimate.price, true).unwrap();
                let client = &market.clients()[index];
                let unit = UnitCosts {
                    compute: client.compute_cost(),
                    synthesis: client.synthesis_cost(),
                    setup: client.setup_cost(),
                };
                assert_eq!(offer.costs(unit).unwrap(), market.costs()[index]);
                let mode = offer.answer(unit).unwrap();
                let paid = offer.pay.of(mode);
                assert_eq!(paid, simulated.awards[index].payment.micros());
                mode
            };
            let modes: Vec<Mode> = (0..market.len()).map(answer).collect();
            played += modes.iter().filter(|mode| mode.plays()).count();
            assert_eq!(answered(&market, estimate, modes).unwrap(), simulated);
        }
        assert!(played > 50, "only {played} took part: nothing was compared");
    }

    #[test]
    fn nobody_generates_where_nothing_is_offered() {
        let market = instance::market(3, Shape::of(4)).unwrap();
        let nothing = crate::money::Rate::from_picos(0);
        let free = UnitCosts { compute: nothing, synthesis: nothing, setup: nothing };
        let offer = Offer::of(&market, 0, Price::from_picos(1_000_000), false).unwrap();
        assert_eq!(offer.answer(free).unwrap(), Mode::Local);
        assert_eq!(offer.pay.augmented, 0);
        let rule = PriorPrice { prior: Prior::of(market.population()), sampling: Sampling::new(2, 1) };
        let estimate = rule.run(&market).unwrap().estimate.unwrap();
        assert!(answered(&market, estimate, vec![Mode::Out]).is_err());
    }
}
