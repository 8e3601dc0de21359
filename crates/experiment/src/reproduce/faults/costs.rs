//! Clients that report other costs than they have: what the server loses if all do, and what one gains that does so alone.

use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::rules;
use super::super::world::{Place, World};
use super::{at, cells};
use imfl_mechanism::personal::Options;
use imfl_mechanism::{Credits, Knowledge, Market, PerMode, RuleChoice};
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::statistics::Interval;
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::json;
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

/// Runs every rule on reports that are a factor of the truth.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], factors: &[f64], effort: u64) -> Outcome<Findings> {
    if let Some(wrong) = factors.iter().find(|factor| !(**factor > 0.0 && factor.is_finite())) {
        return Err(Failure::new(Kind::Config, format!("`grid.costs` has {wrong}; a factor is above 0")));
    }
    let workers = world.setup.compute.workers;
    let found =
        grid::run("misreported costs", journal, &cells("costs", factors, seeds), workers, |&(_, factor, seed)| {
            let place = world.place(seed, |_| ())?;
            let lie = |rule| lied(rule, &place, factor, effort).map(|lied| (rule, lied));
            RULES.into_iter().map(lie).collect::<Outcome<BTreeMap<RuleChoice, Lied>>>()
        })?;
    let over = |index: usize, rule: RuleChoice, part: fn(&Lied) -> f64| {
        Interval::of(&at(&found, factors, index).into_iter().map(|rules| part(&rules[&rule])).collect::<Vec<f64>>())
    };
    let table = |title: &str, part: fn(&Lied) -> f64| {
        let mut header = vec!["reported, times the truth".to_string()];
        header.extend(factors.iter().map(f64::to_string));
        let row = |rule: RuleChoice| {
            let cell = |index| {
                let Interval { mean, high, .. } = over(index, rule, part);
                format!("{mean:.5} ±{:.5}", high - mean)
            };
            [vec![rule.to_string()], (0..factors.len()).map(cell).collect()].concat()
        };
        Table { title: title.into(), header, rows: RULES.into_iter().map(row).collect() }
    };
    let chart = |name, title: &str, y, part: fn(&Lied) -> f64| Chart {
        name,
        title: title.into(),
        caption: "Mean over seeds with 95 % intervals.".into(),
        x: Axis::linear("reported costs, times the truth"),
        y,
        series: RULES
            .into_iter()
            .rev()
            .map(|rule| Series {
                name: rule.to_string(),
                colour: rules::colour(rule),
                style: if rule == RuleChoice::PostedPrice { Style::Line(4) } else { Style::Line(2) },
                points: factors.iter().enumerate().map(|(index, &factor)| (factor, over(index, rule, part))).collect(),
            })
            .collect(),
    };
    let tables = vec![
        table("Server cost if everybody reports these costs, credits", |lied| lied.server_cost),
        table("What one client gains that alone reports these costs, mean over clients, credits", |lied| lied.gain),
        table("The largest such gain of any client, credits", |lied| lied.largest),
    ];
    let figures = vec![
        chart("costs_server", "Server cost by what everybody reports", Axis::logarithmic("credits"), |lied| {
            lied.server_cost
        })
        .draw()?,
        chart("costs_gain", "Gain of one client that lies alone", Axis::linear("credits, mean over clients"), |lied| {
            lied.gain
        })
        .draw()?,
    ];
    let gainers: Vec<String> = RULES
        .into_iter()
        .filter(|&rule| (0..factors.len()).any(|index| over(index, rule, |lied| lied.largest).mean > 1e-5))
        .map(|rule| rule.to_string())
        .collect();
    let notes = vec![match gainers.len() {
        0 => "No client gained by misreporting its costs under any rule.".into(),
        _ => format!(
            "Clients can gain by misreporting their costs under: {}; under the others none did.",
            gainers.join(", ")
        ),
    }];
    let points: Vec<_> = factors
        .iter()
        .enumerate()
        .map(|(index, factor)| {
            let rule = |rule: RuleChoice| {
                json!({
                    "rule": rule,
                    "server_cost": over(index, rule, |lied| lied.server_cost),
                    "gain": over(index, rule, |lied| lied.gain),
                    "largest_gain": over(index, rule, |lied| lied.largest),
                })
            };
            json!({ "factor": factor, "rules": RULES.map(rule) })
        })
        .collect();
    let mut values = serde_json::Map::new();
    values.insert("costs".into(), json!(points));
    Ok(Findings { values, tables, figures, notes })
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
