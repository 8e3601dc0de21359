//! Claimed optima against trying everything.

use crate::error::Result;
use crate::market::Market;
use crate::mode::Mode;
use crate::money::Price;
use crate::personal::{self, Options};
use crate::posted;
use crate::verify::check::Findings;

/// Compares personal offers (the search tree, even where the library would enumerate) with all 3^K modes, and the uniform price with every
/// switch point, by evaluating each from scratch. For markets of at most eight or so clients.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn brute_force(market: &Market, seed: u64) -> Result<Findings> {
    // whole micro-credits, so that both optima are over the same costs
    let market = &market.with_costs(market.costs().to_vec())?;
    let mut findings = Findings::new("optima");
    let everything = personal::enumerate(market);
    let searched = personal::search_tree(market, Options::default());
    let found = searched.unwrap_or_else(|| personal::solve(market, Options::default()));
    findings.trial("personal offers equal the best of all modes", found.objective == everything.objective, || {
        format!("seed {seed}: {} but {} pico-credits are possible", found.objective, everything.objective)
    });
    findings.trial("personal offers are proven", found.exact, || format!("seed {seed}: the search gave up"));

    let (price, cost) = posted::best_price(market);
    let at = |price: Price| {
        let modes: Vec<Mode> =
            (0..market.len()).map(|k| posted::best_mode(price, market.parts(k), &market.fine_costs()[k])).collect();
        let tally = market.tally(&modes);
        market.loss_of(&tally) * 1_000_000 + i128::from(price.picos()) * tally.effective
    };
    let mut best = (at(Price::ZERO), Price::ZERO);
    for (index, costs) in market.fine_costs().iter().enumerate() {
        for switch in posted::switches(market.parts(index), costs).into_iter().flatten() {
            let price = Price::from_picos(switch.price);
            best = best.min((at(price), price));
        }
    }
    findings.trial("the uniform price is the best switch point", (cost, price) == best, || {
        format!("seed {seed}: {price} costs {cost}, but {} costs {}", best.1, best.0)
    });
    findings.trial("no price beats personal offers", cost >= everything.objective * 1_000_000, || {
        format!("seed {seed}: {price} costs {cost}")
    });
    Ok(findings)
}
