//! What a mechanism promises about incentives, attacked by running it on other reports.

use crate::error::Result;
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::Credits;
use crate::outcome::Outcome;
use crate::rule::{Guarantee, Mechanism, PROHIBITIVE, Private};
use crate::verify::check::Findings;

/// Attacks everything that the mechanism's [`crate::Facts`] promise, the market's costs being the true ones. `seed` goes into the examples.
///
/// Deviations: every client reports every pair from a grid of zero, half, double, the truth and its neighbours, the others' costs, a refusal,
/// and around every breakpoint: the largest amount it can ask for each mode, and the line on which the mechanism changes between modes.
///
/// # Errors
/// What the mechanism returns.
pub fn promises(mechanism: &dyn Mechanism, market: &Market, seed: u64) -> Result<Findings> {
    // the truth is reported in whole micro-credits, like every lie
    let market = &market.with_costs(market.costs().to_vec())?;
    let facts = mechanism.facts();
    let truth = mechanism.run(market)?;
    let mut findings = Findings::new(mechanism.name());
    let promised = |guarantee: Guarantee| facts.guarantees.contains(&guarantee);
    for guarantee in &facts.guarantees {
        if let Guarantee::Budget(budget) = guarantee {
            findings.trial("budget", truth.payments <= *budget, || {
                format!("seed {seed}: {} paid, budget {budget}", truth.payments)
            });
        }
    }
    for (index, award) in truth.awards.iter().enumerate() {
        let story = |what: String| format!("seed {seed}, client {index} in {} mode: {what}", award.mode);
        if promised(Guarantee::IndividualRationality) {
            let holds = award.payment >= award.cost && (award.mode.plays() || award.payment == Credits::ZERO);
            findings.trial("individual rationality", holds, || {
                story(format!("paid {}, costs {}", award.payment, award.cost))
            });
        }
        let plays = |amount: i64| -> Result<bool> {
            let report = mechanism.ask(market, index, award.mode, Credits::from_micros(amount.max(0)));
            Ok(mechanism.run(&market.with_report(index, report)?)?.awards[index].mode.plays())
        };
        if promised(Guarantee::Monotonicity) && award.mode.plays() {
            let cost = award.cost.micros();
            for less in [0, cost / 2, cost - 1] {
                findings
                    .trial("monotonicity", plays(less)?, || story(format!("loses when it asks {less} micro-credits")));
            }
        }
        if promised(Guarantee::CriticalPayments) && award.mode.plays() {
            let payment = award.payment.micros();
            if payment > 0 {
                findings.trial("critical payment, one unit less", plays(payment - 1)?, || {
                    story(format!("loses at one unit below its payment of {}", award.payment))
                });
            }
            findings.trial("critical payment, one unit more", !plays(payment + 1)?, || {
                story(format!("still wins at one unit above its payment of {}", award.payment))
            });
        }
        if promised(Guarantee::Truthfulness) {
            deviations(mechanism, market, &truth, index, facts.private, seed, &mut findings)?;
        }
    }
    Ok(findings)
}

fn deviations(
    mechanism: &dyn Mechanism,
    market: &Market,
    truth: &Outcome,
    index: usize,
    private: Private,
    seed: u64,
    findings: &mut Findings,
) -> Result<()> {
    let costs = market.costs()[index];
    let honest = truth.awards[index].utility();
    let mut breakpoints = [None; 2];
    let mut grids = [Vec::new(), Vec::new()];
    for (at, mode) in Mode::PLAYING.into_iter().enumerate() {
        let own = costs.of(mode).micros();
        breakpoints[at] = breakpoint(mechanism, market, index, mode)?;
        let mut grid = vec![0, own / 2, own - 1, own, own + 1, 2 * own + 1, PROHIBITIVE.micros()];
        grid.extend(market.costs().iter().map(|costs| costs.of(mode).micros()));
        grid.extend(breakpoints[at].iter().flat_map(|point| [point - 1, *point, point + 1]));
        grid.retain(|amount| *amount >= 0);
        grid.sort_unstable();
        grid.dedup();
        grids[at] = grid;
    }
    let mut reports: Vec<PerMode<Credits>> = Vec::new();
    let pair = |local: i64, augmented: i64| PerMode {
        local: Credits::from_micros(local),
        augmented: Credits::from_micros(augmented),
    };
    match private {
        Private::Nothing => {}
        Private::OneCost => {
            let one = |(grid, mode): (&Vec<i64>, Mode)| {
                let ask = |&amount: &i64| mechanism.ask(market, index, mode, Credits::from_micros(amount));
                grid.iter().map(ask).collect::<Vec<_>>()
            };
            reports.extend(grids.iter().zip(Mode::PLAYING).flat_map(one));
        }
        Private::ModeCosts => {
            for &local in &grids[0] {
                reports.extend(grids[1].iter().map(|&augmented| pair(local, augmented)));
                if let [Some(most_local), Some(most_augmented)] = breakpoints {
                    let line = local.saturating_add(most_augmented - most_local);
                    reports.extend([line - 1, line, line + 1].iter().filter(|at| **at >= 0).map(|at| pair(local, *at)));
                }
            }
        }
    }
    for report in reports {
        let award = mechanism.run(&market.with_report(index, report)?)?.awards[index];
        let gained = award.payment.micros() - costs.of(award.mode).micros();
        findings.trial("no profitable deviation", gained <= honest.micros(), || {
            format!(
                "seed {seed}, client {index}: utility {honest} with the truth ({}, {}), {} when it reports ({}, {})",
                costs.local,
                costs.augmented,
                Credits::from_micros(gained),
                report.local,
                report.augmented
            )
        });
    }
    Ok(())
}

/// The largest amount, in micro-credits, at which the client still takes part if it offers that mode only; `None` if there is none, or no end.
fn breakpoint(mechanism: &dyn Mechanism, market: &Market, index: usize, mode: Mode) -> Result<Option<i64>> {
    let plays = |amount: i64| -> Result<bool> {
        let report = mechanism.ask(market, index, mode, Credits::from_micros(amount));
        Ok(mechanism.run(&market.with_report(index, report)?)?.awards[index].mode.plays())
    };
    if !plays(0)? {
        return Ok(None);
    }
    let (mut wins, mut loses) = (0, 1);
    while plays(loses)? {
        wins = loses;
        loses *= 4;
        if loses >= PROHIBITIVE.micros() {
            return Ok(None);
        }
    }
    while loses - wins > 1 {
        let middle = (wins + loses) / 2;
        if plays(middle)? { wins = middle } else { loses = middle }
    }
    Ok(Some(wins))
}
