//! Rules that know every client's costs, on a server that knows costs only in distribution.

use crate::benchmark::without_generation;
use crate::choice::{Knowledge, RuleChoice};
use crate::client::Client;
use crate::error::Result;
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::{Credits, Rate};
use crate::outcome::{Decision, Outcome};
use crate::posted::FixedPrice;
use crate::prior::{Distribution, Prior, UnitCosts};
use crate::rule::Mechanism;

/// What a rule comes to if it takes everybody's costs for the mean of the prior, and clients answer by their own: to a price by their best mode, to
/// a personal offer by taking it or staying out. Rules that need no costs ([`RuleChoice::PostedPrice`], auctions) are what they are.
///
/// # Errors
/// As the rule's.
pub fn uninformed(choice: RuleChoice, market: &Market, knowledge: &Knowledge) -> Result<Outcome> {
    let needs_costs =
        choice.is_benchmark() || matches!(choice, RuleChoice::PostedPriceComplete | RuleChoice::PersonalOffers);
    if !needs_costs {
        return choice.mechanism(market, knowledge)?.run(market);
    }
    let expected = market.clients().iter().map(|client| mean(&knowledge.prior, client));
    let believed = market.with_costs(expected.collect::<Result<_>>()?)?;
    let offered = choice.mechanism(&believed, knowledge)?.run(&believed)?;
    match (choice, offered.price) {
        (RuleChoice::NoGeneration, Some(price)) => FixedPrice(price).run(&without_generation(market)?),
        // its price is for a sample, so that what it offers a client does not follow from it
        (RuleChoice::QualityBlind, _) | (_, None) => taken(market, &offered),
        (_, Some(price)) => FixedPrice(price).run(market),
    }
}

/// What each mode costs a client on average.
fn mean(prior: &Prior, client: &Client) -> Result<PerMode<Credits>> {
    /// Parts that a distribution is cut into, each standing for its middle.
    const PARTS: u32 = 256;
    let [compute, synthesis, setup] = match prior {
        Prior::Empirical(rows) => {
            let sum = |of: fn(&UnitCosts) -> Rate| rows.iter().map(|row| of(row).to_f64()).sum::<f64>();
            [sum(|row| row.compute), sum(|row| row.synthesis), sum(|row| row.setup)]
                .map(|sum| Rate::from_credits(sum / rows.len().max(1) as f64))
        }
        Prior::Parametric(of) => {
            let middle = |part: u32| (f64::from(part) + 0.5) / f64::from(PARTS);
            let sum = |of: Distribution| (0..PARTS).map(|part| of.quantile(middle(part))).sum::<f64>();
            [
                (of.compute_cost, client.compute_cost),
                (of.synthesis_cost, client.synthesis_cost),
                (of.setup_cost, client.setup_cost),
            ]
            .map(|(drawn, known)| drawn.map_or(Ok(known), |of| Rate::from_credits(sum(of) / f64::from(PARTS))))
        }
    };
    let (compute, synthesis, setup) = (compute?, synthesis?, setup?);
    PerMode::try_from_fn(|mode| client.cost_at(mode, compute, synthesis, setup))
}

/// Offers, as far as they cover what they cost.
fn taken(market: &Market, offered: &Outcome) -> Result<Outcome> {
    let answers = offered.awards.iter().zip(market.costs()).map(|(award, costs)| {
        let accepts = award.mode.plays() && award.payment >= costs.of(award.mode);
        if accepts { (award.mode, award.payment) } else { (Mode::Out, Credits::ZERO) }
    });
    let (modes, payments) = answers.unzip();
    market.outcome(Decision::new(modes, payments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{self, Shape};
    use crate::personal::Options;
    use crate::posted::Sampling;

    #[test]
    fn nobody_works_at_a_loss_and_who_knows_costs_does_no_worse_with_personal_offers() {
        for seed in 0..50 {
            let market = instance::market(seed, Shape::of(6)).unwrap();
            let prior = Prior::of(market.population());
            let sampling = Sampling { scenarios: 20, seed };
            let knowledge = Knowledge { prior, sampling, options: Options::default() };
            for choice in RuleChoice::ALL {
                let found = uninformed(choice, &market, &knowledge).unwrap();
                for (award, costs) in found.awards.iter().zip(market.costs()) {
                    assert!(!award.mode.plays() || award.payment >= costs.of(award.mode), "{choice} {seed}");
                }
                let best = RuleChoice::PersonalOffers.mechanism(&market, &knowledge).unwrap().run(&market).unwrap();
                assert!(best.lower_bound <= found.server_cost, "{choice} {seed}");
            }
        }
    }
}
