//! What privacy costs: accuracy, pay and who takes part against epsilon.

use super::column::{Column, Groups, Unit};
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::Lab;
use super::rules::{self, Decided};
use super::world::World;
use imfl_engine::federated::{Participant, Private};
use imfl_privacy::account::noise_for;
use imfl_privacy::secret::Secret;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::INK;
use imfl_run::failure::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Epsilons that are spent by the end; each with the noise that it takes.
    pub epsilons: Vec<f64>,
    /// At this delta.
    pub delta: f64,
    /// The clipping bound.
    pub clip: f64,
    /// Effort per allocation problem.
    pub effort: u64,
}

/// One training: with the noise for an epsilon; clipped without noise; or as a run that is not private.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Epsilon(f64),
    Clipped,
    Plain,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    decided: Decided,
    /// Deviation of the noise, in clipping bounds; 0 without.
    noise: f64,
    accuracy: f64,
    loss: f64,
}

/// Runs the grid: the allocation of the rule that the settings name, trained with every noise.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    let ways: Vec<Way> = [Way::Plain, Way::Clipped]
        .into_iter()
        .chain(grid.epsilons.iter().map(|epsilon| Way::Epsilon(*epsilon)))
        .collect();
    let cells: Vec<(u64, Way)> = seeds.iter().flat_map(|&seed| ways.iter().map(move |&way| (seed, way))).collect();
    let results = grid::run("privacy", journal, &cells, 1, |&(seed, way)| {
        let lab = Lab::open(world.place(seed, |_| ())?)?;
        train(&lab, grid, seed, way)
    })?;
    let groups = Groups::by(&ways, &cells, &results, |(_, of), way| of == way);
    let table = groups.table(
        "One allocation, trained with the noise for each epsilon; means over seeds with half the 95 % interval",
        &["epsilon"],
        &COLUMNS,
        |way| vec![name(way)],
    );
    let private: Vec<f64> = grid.epsilons.clone();
    let by_epsilon = Groups::by(&private, &cells, &results, |(_, way), epsilon| *way == Way::Epsilon(*epsilon));
    let plain = COLUMNS[0].over(&groups.0[0].1);
    let level = Series {
        name: "without privacy".into(),
        colour: INK,
        style: Style::Dashed,
        points: private.iter().map(|epsilon| (*epsilon, plain)).collect(),
    };
    let chart = Chart {
        name: "accuracy_by_epsilon",
        title: "Test accuracy by epsilon".into(),
        caption:
            "Means over seeds with their 95 % intervals. Dashed: the same participants without clipping and noise."
                .into(),
        x: Axis::logarithmic("epsilon"),
        y: Axis::percent("test accuracy"),
        series: vec![
            level,
            by_epsilon.curve("private", imfl_report::plot::class_colour(2), Style::Line(3), &COLUMNS[0]),
        ],
    };
    let notes = vec![
        "Who takes part and what it is paid does not change with epsilon: prices follow from data and costs, and no rule here \
         knows of the noise."
            .into(),
    ];
    let values = [
        ("by_epsilon", by_epsilon.points("epsilon", &COLUMNS)),
        ("plain", json!(plain)),
        ("delta", json!(grid.delta)),
        ("clip", json!(grid.clip)),
    ];
    Findings::new(values, vec![table], &[chart], notes)
}

fn name(way: &Way) -> String {
    match way {
        Way::Epsilon(epsilon) => epsilon.to_string(),
        Way::Clipped => "clipped, no noise".into(),
        Way::Plain => "not private".into(),
    }
}

fn train(lab: &Lab, grid: &Grid, seed: u64, way: Way) -> Outcome<Trained> {
    let config = &lab.place.setup.config;
    let decided = rules::decide(config.mechanism.rule(), &lab.place, grid.effort)?;
    let participants = lab.participants(&decided.modes);
    let (rounds, population) = (config.training.rounds, participants.len());
    let cohort = config.training.cohort.unwrap_or(population).min(population);
    let rate = cohort as f64 / population.max(1) as f64;
    let noise = match way {
        Way::Epsilon(epsilon) => noise_for(epsilon, grid.delta, rate, rounds)?,
        // As little as can be drawn: a thousandth of a bound.
        Way::Clipped => imfl_privacy::account::LEAST_NOISE,
        Way::Plain => 0.0,
    };
    // An experiment has to be repeatable, and protects nobody.
    let secret = Secret::known(seed);
    let private = match way {
        Way::Plain => None,
        _ if population == 0 => None,
        _ => Some(Private::new(grid.clip, noise, cohort as f64, population, secret.clone())?),
    };
    let mut federation = lab.federation.clone();
    federation.private = private;
    let mut state = federation.start();
    for round in 1..=rounds {
        let drawn = participants.iter().filter(|one| secret.coin(round, one.client.id, rate));
        // Weights count in a run that is not private.
        let cohort: Vec<Participant> = drawn.cloned().collect();
        if cohort.is_empty() && federation.private.is_none() {
            continue;
        }
        state = federation.apply(state, &cohort)?.0;
    }
    let score = lab.score(&state);
    Ok(Trained { decided, noise, accuracy: score.accuracy, loss: score.loss })
}

const COLUMNS: [Column<Trained>; 6] = [
    Column { key: "accuracy", name: "test accuracy", unit: Unit::Percent(2), of: |run| run.accuracy },
    Column { key: "loss", name: "test loss", unit: Unit::Mean(4), of: |run| run.loss },
    Column { key: "noise", name: "noise", unit: Unit::Mean(3), of: |run| run.noise },
    Column { key: "payments", name: "payments", unit: Unit::Mean(4), of: |run| run.decided.payments },
    Column { key: "local", name: "local", unit: Unit::Mean(1), of: |run| run.decided.local() as f64 },
    Column { key: "augmented", name: "augmented", unit: Unit::Mean(1), of: |run| run.decided.augmented() as f64 },
];
