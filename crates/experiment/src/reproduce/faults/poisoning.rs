//! Clients that send poisoned updates, under each way of aggregating. Everybody takes part in augmented mode, so that every hostile client
//! is there.

use super::super::by_seed::BySeed;
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::lab::Lab;
use super::super::world::World;
use super::Poisoning;
use imfl_engine::federated::Aggregation;
use imfl_mechanism::Mode;
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::class_colour;
use imfl_run::failure::{Kind, Outcome};
use imfl_statistics::Interval;
use serde_json::json;

/// Trains with so many hostile clients under each aggregation. Training that diverges has the accuracy of a guess.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Poisoning) -> Outcome<Findings> {
    let labs = BySeed::new(|seed| Lab::open(world.place(seed, |_| ())?));
    let mut cells = Vec::new();
    for &seed in seeds {
        for aggregation in &grid.aggregations {
            cells.extend(grid.hostile.iter().map(|&hostile| ("poisoning", &grid.attack, aggregation, hostile, seed)));
        }
    }
    let accuracies = grid::run("poisoned updates", journal, &cells, 1, |&(_, attack, aggregation, hostile, seed)| {
        let lab = labs.of(seed)?;
        let mut config = lab.place.setup.config.clone();
        config.training.aggregation.clone_from(aggregation);
        config.training.hostile = hostile;
        config.training.attack = (hostile > 0).then(|| attack.clone());
        config.check()?;
        let mut federation = lab.federation.clone();
        federation.aggregation = config.training.aggregation.clone();
        federation.hostility = config.training.hostility(config.partition.clients, seed);
        let participants = lab.participants(&vec![Mode::Augmented; lab.place.clients.len()]);
        match lab.train_in(&federation, |_| participants.clone()) {
            Ok(scores) => Ok(scores[scores.len() - 1].accuracy),
            Err(failure) if failure.kind() == Kind::Diverged => Ok(1.0 / world.setup.test.classes() as f64),
            Err(failure) => Err(failure),
        }
    })?;
    let over = |aggregation: &Aggregation, hostile: usize| -> Interval {
        let of = cells.iter().zip(&accuracies).filter(|(cell, _)| cell.2 == aggregation && cell.3 == hostile);
        of.map(|(_, accuracy)| *accuracy).collect()
    };
    let mut header = vec!["aggregation".to_string()];
    header.extend(grid.hostile.iter().map(|hostile| format!("{hostile} hostile")));
    let row = |aggregation: &Aggregation| {
        let cell = |&hostile: &usize| over(aggregation, hostile).percent(2);
        [vec![aggregation.to_string()], grid.hostile.iter().map(cell).collect()].concat()
    };
    let clients = world.setup.config.partition.clients;
    let table = Table {
        title: format!("Test accuracy with hostile clients out of {clients} ({})", grid.attack),
        header,
        rows: grid.aggregations.iter().map(row).collect(),
    };
    let series = |(index, aggregation): (usize, &Aggregation)| Series {
        name: aggregation.to_string(),
        colour: class_colour(index),
        style: Style::Line(2),
        points: grid.hostile.iter().map(|&hostile| (hostile as f64, over(aggregation, hostile))).collect(),
    };
    let chart = Chart {
        name: "poisoning",
        title: format!("Test accuracy by number of hostile clients out of {clients}"),
        caption: format!(
            "Hostile clients send {}; everybody takes part. Mean over seeds with 95 % intervals.",
            grid.attack
        ),
        x: Axis::linear("hostile clients"),
        y: Axis::percent("test accuracy"),
        series: grid.aggregations.iter().enumerate().map(series).collect(),
    };
    let point = |aggregation: &Aggregation, hostile: usize| json!({ "aggregation": aggregation, "hostile": hostile, "accuracy": over(aggregation, hostile) });
    let points: Vec<_> = grid
        .aggregations
        .iter()
        .flat_map(|aggregation| grid.hostile.iter().map(move |&hostile| point(aggregation, hostile)))
        .collect();
    let mut values = serde_json::Map::new();
    values.insert("poisoning".into(), json!(points));
    Ok(Findings { values, tables: vec![table], figures: vec![chart.draw()?], notes: Vec::new() })
}
