//! Clients that send poisoned updates, under each way of aggregating. Everybody takes part in augmented mode, so that every hostile client
//! is there.

use super::super::by_seed::BySeed;
use super::super::column::{Column, Groups, Unit, across};
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::lab::Lab;
use super::super::world::World;
use super::Poisoning;
use imfl_engine::federated::{Aggregation, Attack};
use imfl_mechanism::Mode;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::class_colour;
use imfl_run::failure::{Kind, Outcome};
use serde_json::{Value, json};

const ACCURACY: Column<f64> =
    Column { key: "accuracy", name: "test accuracy", unit: Unit::Percent(2), of: |accuracy| *accuracy };

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
        let federation = lab.federation(|config| {
            config.training.aggregation.clone_from(aggregation);
            config.training.hostile = hostile;
            config.training.attack = (hostile > 0).then(|| attack.clone());
        })?;
        let participants = lab.participants(&vec![Mode::Augmented; lab.place.clients.len()]);
        match lab.train_in(&federation, |_| participants.clone()) {
            Ok(scores) => Ok(scores[scores.len() - 1].accuracy),
            Err(failure) if failure.kind() == Kind::Diverged => Ok(1.0 / world.setup.test.classes() as f64),
            Err(failure) => Err(failure),
        }
    })?;
    let of = |aggregation: &Aggregation| {
        let belongs = |cell: &(&str, &Attack, &Aggregation, usize, u64), hostile: &usize| {
            cell.2 == aggregation && cell.3 == *hostile
        };
        Groups::by(&grid.hostile, &cells, &accuracies, belongs)
    };
    let clients = world.setup.config.partition.clients;
    let heads: Vec<String> = grid.hostile.iter().map(|hostile| format!("{hostile} hostile")).collect();
    let title = format!("Test accuracy with hostile clients out of {clients} ({})", grid.attack);
    let lines = grid.aggregations.iter().map(|aggregation| (aggregation.to_string(), of(aggregation)));
    let table = across(&title, ("aggregation", &heads), &ACCURACY, lines);
    let series = |(index, aggregation): (usize, &Aggregation)| Series {
        name: aggregation.to_string(),
        colour: class_colour(index),
        style: Style::Line(2),
        points: of(aggregation).0.iter().map(|(hostile, of)| (*hostile as f64, ACCURACY.over(of))).collect(),
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
    let point = |aggregation: &Aggregation, (hostile, results): (usize, Vec<&f64>)| json!({ "aggregation": aggregation, "hostile": hostile, "accuracy": ACCURACY.over(&results) });
    let points: Value = grid
        .aggregations
        .iter()
        .flat_map(|aggregation| of(aggregation).0.into_iter().map(move |group| point(aggregation, group)))
        .collect();
    Findings::new([("poisoning", points)], vec![table], &[chart], Vec::new())
}
