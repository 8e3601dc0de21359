//! Laws that no sensible mechanism breaks: the order of clients and the unit of money do not matter.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::market::Market;
use crate::outcome::Outcome;
use crate::rule::Mechanism;
use crate::verify::check::Findings;

/// What scaling may change, in micro-credits: each cost and each payment is rounded up once.
const ROUNDING: i64 = 8;

/// Shuffles the clients: the same kinds of clients must get the same modes and payments. (Two clients that are alike may swap places.)
///
/// # Errors
/// What the mechanism returns.
pub fn permutation(mechanism: &dyn Mechanism, market: &Market, seed: u64) -> Result<Findings> {
    let mut order: Vec<usize> = (0..market.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let shuffled = market.select(&order);
    let kinds = |market: &Market, outcome: &Outcome| {
        let kind = |index: usize| {
            let (client, award) = (&market.clients()[index], outcome.awards[index]);
            (client.samples(), client.skew, client.batch(), award.mode, award.cost, award.payment)
        };
        let mut kinds: Vec<_> = (0..market.len()).map(kind).collect();
        kinds.sort_unstable();
        kinds
    };
    let (before, after) = (mechanism.run(market)?, mechanism.run(&shuffled)?);
    let mut findings = Findings::new(mechanism.name());
    findings.trial("order does not matter", kinds(market, &before) == kinds(&shuffled, &after), || {
        format!("seed {seed}: {:?} but {:?} in the order {order:?}", before.awards, after.awards)
    });
    Ok(findings)
}

/// Counts all money twice: costs, kappa, and through `doubled` the mechanism's own parameters. Modes must stay and payments double.
///
/// # Errors
/// What the mechanism returns.
pub fn scaling(mechanism: &dyn Mechanism, doubled: &dyn Mechanism, market: &Market, seed: u64) -> Result<Findings> {
    // costs in whole micro-credits double exactly
    let market = &market.with_costs(market.costs().to_vec())?;
    let (before, after) = (mechanism.run(market)?, doubled.run(&market.doubled()?)?);
    let mut findings = Findings::new(mechanism.name());
    let same = before.awards.iter().zip(&after.awards).all(|(before, after)| {
        before.mode == after.mode && (2 * before.payment.micros() - after.payment.micros()).abs() <= ROUNDING
    });
    findings.trial("the unit of money does not matter", same, || {
        format!("seed {seed}: {:?} but {:?} with twice the money", before.awards, after.awards)
    });
    Ok(findings)
}
