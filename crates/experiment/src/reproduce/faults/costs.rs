//! Clients that report other costs than they have: what the server loses if all do, and what one gains that does so alone.

use super::super::column::{Column, Groups, Unit, across};
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::rules;
use super::super::world::{Place, World};
use super::cells;
use imfl_mechanism::personal::Options;
use imfl_mechanism::{Credits, Knowledge, Market, PerMode, RuleChoice};
use imfl_report::chart::{Axis, Chart, Style};
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rules whose decision depends on what clients report or answer.
const RULES: [RuleChoice; 6] = [
    RuleChoice::PostedPrice,
    RuleChoice::PostedPriceComplete,
    RuleChoice::OptimalAuction,
    RuleChoice::Vcg,
    RuleChoice::PersonalOffers,
    RuleChoice::TopK,
];

/// What a lie does under one rule, in credits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lied {
    /// Server cost if everybody tells it.
    server_cost: f64,
    /// Mean over clients of what one gains by telling it alone, against the truth; negative where it loses.
    gain: f64,
    /// The largest such gain.
    largest: f64,
}

const COLUMNS: [Column<Lied>; 3] = [
    Column {
        key: "server_cost",
        name: "Server cost if everybody reports these costs, credits",
        unit: Unit::Plain(5),
        of: |lied| lied.server_cost,
    },
    Column {
        key: "gain",
        name: "What one client gains that alone reports these costs, mean over clients, credits",
        unit: Unit::Plain(5),
        of: |lied| lied.gain,
    },
    Column {
        key: "largest_gain",
        name: "The largest such gain of any client, credits",
        unit: Unit::Plain(5),
        of: |lied| lied.largest,
    },
];

/// Runs every rule on reports that are a factor of the truth.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], factors: &[f64], effort: u64) -> Outcome<Findings> {
    if let Some(wrong) = factors.iter().find(|factor| !(**factor > 0.0 && factor.is_finite())) {
        return Err(Failure::new(Kind::Config, format!("`grid.costs` has {wrong}; a factor is above 0")));
    }
    let workers = world.setup.compute.workers;
    let cells = cells("costs", factors, seeds);
    let found = grid::run("misreported costs", journal, &cells, workers, |&(_, factor, seed)| {
        let place = world.place(seed, |_| ())?;
        let lie = |rule| lied(rule, &place, factor, effort).map(|lied| (rule, lied));
        RULES.into_iter().map(lie).collect::<Outcome<BTreeMap<RuleChoice, Lied>>>()
    })?;
    let by_factor = Groups::by(factors, &cells, &found, |cell, factor| cell.1 == *factor);
    let of = |rule: RuleChoice| by_factor.part(move |rules| &rules[&rule]);
    let heads: Vec<String> = factors.iter().map(f64::to_string).collect();
    let table = |column: &Column<Lied>| {
        let lines = RULES.into_iter().map(|rule| (rule.to_string(), of(rule)));
        across(column.name, ("reported, times the truth", &heads), column, lines)
    };
    let chart = |name, title: &str, y, column: &Column<Lied>| {
        let curve = |rule: RuleChoice| {
            let style = if rule == RuleChoice::PostedPrice { Style::Line(4) } else { Style::Line(2) };
            of(rule).curve(rule.to_string(), rules::colour(rule), style, column)
        };
        Chart {
            name,
            title: title.into(),
            caption: "Mean over seeds with 95 % intervals.".into(),
            x: Axis::linear("reported costs, times the truth"),
            y,
            series: RULES.into_iter().rev().map(curve).collect(),
        }
    };
    let charts = [
        chart("costs_server", "Server cost by what everybody reports", Axis::logarithmic("credits"), &COLUMNS[0]),
        chart(
            "costs_gain",
            "Gain of one client that lies alone",
            Axis::linear("credits, mean over clients"),
            &COLUMNS[1],
        ),
    ];
    let gains = |rule: &RuleChoice| of(*rule).0.iter().any(|(_, results)| COLUMNS[2].over(results).mean > 1e-5);
    let gainers: Vec<String> = RULES.into_iter().filter(gains).map(|rule| rule.to_string()).collect();
    let notes = vec![match gainers.len() {
        0 => "No client gained by misreporting its costs under any rule.".into(),
        _ => format!(
            "Clients can gain by misreporting their costs under: {}; under the others none did.",
            gainers.join(", ")
        ),
    }];
    let values = [("costs", rules::points("factor", &by_factor, &RULES, &COLUMNS))];
    Findings::new(values, COLUMNS.iter().map(table).collect(), &charts, notes)
}

fn lied(rule: RuleChoice, place: &Place, factor: f64, effort: u64) -> Outcome<Lied> {
    // Reports are in whole micro-credits, and so is the truth that they are compared with.
    let truth = &place.market.with_costs(place.market.costs().to_vec())?;
    let knowledge = Knowledge { options: Options { effort, ..Options::default() }, ..place.knowledge.clone() };
    let decide = |reported: &Market| rule.mechanism(reported, &knowledge)?.run(reported);
    let scaled = |costs: &PerMode<Credits>| costs.map(|cost| times(cost, factor));
    let honest = decide(truth)?;
    let together = decide(&truth.with_costs(truth.costs().iter().map(scaled).collect())?)?;
    let utility = |outcome: &imfl_mechanism::Outcome, index: usize| {
        let award = &outcome.awards[index];
        award.payment.to_f64() - truth.costs()[index].of(award.mode).to_f64()
    };
    let alone = |index: usize| {
        let outcome = decide(&truth.with_report(index, scaled(&truth.costs()[index]))?)?;
        Ok::<f64, Failure>(utility(&outcome, index) - utility(&honest, index))
    };
    let gains = (0..truth.len()).map(alone).collect::<Outcome<Vec<f64>>>()?;
    Ok(Lied {
        server_cost: together.server_cost.to_f64(),
        gain: gains.iter().sum::<f64>() / gains.len() as f64,
        largest: gains.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}

/// To the nearest micro-credit; a cast that leaves the range saturates, and the market refuses what overflows.
fn times(cost: Credits, factor: f64) -> Credits {
    Credits::from_micros((cost.micros() as f64 * factor).round() as i64)
}
