//! Participants that are hired and then missing, each from each round with the same probability.

use super::super::by_seed::BySeed;
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::lab::{Lab, Score};
use super::super::world::World;
use super::{at, cells};
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::RuleChoice;
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::INK;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::Interval;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is drawn of [`Purpose::Experiment`] here starts at this round.
const MISSING: u64 = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    participants: usize,
    score: Score,
}

/// Trains the posted price's allocation while participants are missing.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], shares: &[f64]) -> Outcome<Findings> {
    if let Some(wrong) = shares.iter().find(|share| !(0.0..1.0).contains(*share)) {
        let problem = format!("`grid.dropout` has {wrong}; a probability below 1 is needed, or nothing is trained");
        return Err(Failure::new(Kind::Config, problem));
    }
    let labs = BySeed::new(|seed| Lab::open(world.place(seed, |_| ())?));
    let trained = grid::run("drop-outs", journal, &cells("dropout", shares, seeds), 1, |&(_, share, seed)| {
        let lab = labs.of(seed)?;
        let rule = RuleChoice::PostedPrice.mechanism(&lab.place.market, &lab.place.knowledge)?;
        let participants = lab.participants(&rule.run(&lab.place.market)?.modes());
        let scores = lab.train(|round| {
            let there = |client: u32| {
                keyed(seed, Purpose::Experiment, MISSING + round, u64::from(client), 0).random::<f64>() >= share
            };
            participants.iter().filter(|participant| there(participant.client.id)).cloned().collect()
        })?;
        Ok(Trained { participants: participants.len(), score: scores[scores.len() - 1] })
    })?;
    let over = |index: usize, part: fn(&Trained) -> f64| -> Interval {
        at(&trained, shares, index).into_iter().map(part).collect()
    };
    let accuracy = |index| over(index, |trained| trained.score.accuracy);
    let row = |(index, share): (usize, &f64)| {
        vec![
            format!("{:.0} %", share * 100.0),
            accuracy(index).percent(2),
            format!("{:.4}", over(index, |trained| trained.score.loss).mean),
            format!("{:.1}", over(index, |trained| trained.participants as f64).mean),
        ]
    };
    let table = Table {
        title: "Test accuracy where every participant is missing from a round with this probability (posted price's allocation)".into(),
        header: ["missing", "test accuracy", "test loss", "participants"].map(String::from).into(),
        rows: shares.iter().enumerate().map(row).collect(),
    };
    let chart = Chart {
        name: "dropout",
        title: "Test accuracy by drop-outs".into(),
        caption: "The posted price's allocation for equally many rounds; mean over seeds with 95 % intervals.".into(),
        x: Axis::percent("probability that a participant is missing from a round"),
        y: Axis::percent("test accuracy"),
        series: vec![Series {
            name: "posted-price".into(),
            colour: INK,
            style: Style::Line(3),
            points: shares.iter().enumerate().map(|(index, &share)| (share, accuracy(index))).collect(),
        }],
    };
    let points: Vec<_> = shares
        .iter()
        .enumerate()
        .map(|(index, share)| json!({ "missing": share, "accuracy": accuracy(index) }))
        .collect();
    let mut values = serde_json::Map::new();
    values.insert("dropout".into(), json!(points));
    Ok(Findings { values, tables: vec![table], figures: vec![chart.draw()?], notes: Vec::new() })
}
