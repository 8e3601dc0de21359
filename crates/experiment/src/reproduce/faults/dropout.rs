//! Participants that are hired and then missing, each from each round with the same probability.

use super::super::by_seed::BySeed;
use super::super::column::{Column, Groups, Unit};
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::lab::{Lab, Score};
use super::super::world::World;
use super::cells;
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::RuleChoice;
use imfl_report::chart::{Axis, Chart, Style};
use imfl_report::plot::INK;
use imfl_run::failure::{Failure, Kind, Outcome};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// What is drawn of [`Purpose::Experiment`] here starts at this round.
const MISSING: u64 = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    participants: usize,
    score: Score,
}

const COLUMNS: [Column<Trained>; 3] = [
    Column { key: "accuracy", name: "test accuracy", unit: Unit::Percent(2), of: |trained| trained.score.accuracy },
    Column { key: "", name: "test loss", unit: Unit::Mean(4), of: |trained| trained.score.loss },
    Column { key: "", name: "participants", unit: Unit::Mean(1), of: |trained| trained.participants as f64 },
];

/// Trains the posted price's allocation while participants are missing.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], shares: &[f64]) -> Outcome<Findings> {
    if let Some(wrong) = shares.iter().find(|share| !(0.0..1.0).contains(*share)) {
        let problem = format!("`grid.dropout` has {wrong}; a probability below 1 is needed, or nothing is trained");
        return Err(Failure::new(Kind::Config, problem));
    }
    let labs = BySeed::new(|seed| Lab::open(world.place(seed, |_| ())?));
    let cells = cells("dropout", shares, seeds);
    let trained = grid::run("drop-outs", journal, &cells, 1, |&(_, share, seed)| {
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
    let by_share = Groups::by(shares, &cells, &trained, |cell, share| cell.1 == *share);
    let title = "Test accuracy where every participant is missing from a round with this probability (posted price's allocation)";
    let table = by_share.table(title, &["missing"], &COLUMNS, |share| vec![format!("{:.0} %", share * 100.0)]);
    let chart = Chart {
        name: "dropout",
        title: "Test accuracy by drop-outs".into(),
        caption: "The posted price's allocation for equally many rounds; mean over seeds with 95 % intervals.".into(),
        x: Axis::percent("probability that a participant is missing from a round"),
        y: Axis::percent("test accuracy"),
        series: vec![by_share.curve("posted-price", INK, Style::Line(3), &COLUMNS[0])],
    };
    Findings::new([("dropout", by_share.points("missing", &COLUMNS))], vec![table], &[chart], Vec::new())
}
