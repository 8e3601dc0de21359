//! What privacy costs: accuracy, pay and who takes part against epsilon, where the server decides by forecasts that know the noise.

use super::column::{Column, Groups, Unit};
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::Score;
use super::rules::{self, Decided};
use super::world::{Place, World};
use imfl_engine::federated::Participant;
use imfl_mechanism::{Forecast, Target};
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::{INK, class_colour};
use imfl_run::config::PrivacyConfig;
use imfl_run::failure::Outcome;
use imfl_run::pipeline::{allocate, augment, rehearse};
use imfl_run::privacy::Privacy;
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

/// One kind of run: with the noise for an epsilon; clipped with next to no noise; or not private.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Epsilon(f64),
    Clipped,
    Plain,
}

impl Way {
    /// The settings of such a run.
    fn privacy(self, grid: &Grid) -> PrivacyConfig {
        let private = PrivacyConfig { clip: Some(grid.clip), delta: Some(grid.delta), ..PrivacyConfig::default() };
        match self {
            Self::Epsilon(epsilon) => PrivacyConfig { epsilon: Some(epsilon), ..private },
            // As little as can be drawn: a thousandth of a bound.
            Self::Clipped => PrivacyConfig { noise: Some(imfl_privacy::account::LEAST_NOISE), ..private },
            Self::Plain => PrivacyConfig::default(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Epsilon(epsilon) => epsilon.to_string(),
            Self::Clipped => "clipped, no noise".into(),
            Self::Plain => "not private".into(),
        }
    }
}

/// What the pilots of one kind of run told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rehearsed {
    way: Way,
    forecast: Forecast,
}

/// What came of a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    decided: Decided,
    /// Accuracy to expect of those who take part.
    predicted: f64,
    /// Deviation of the noise, in clipping bounds; 0 without.
    noise: f64,
    accuracy: f64,
    loss: f64,
}

const COLUMNS: [Column<Trained>; 8] = [
    Column { key: "noise", name: "noise", unit: Unit::Mean(3), of: |run| run.noise },
    Column { key: "predicted", name: "predicted accuracy", unit: Unit::Percent(2), of: |run| run.predicted },
    Column { key: "accuracy", name: "test accuracy", unit: Unit::Percent(2), of: |run| run.accuracy },
    Column { key: "loss", name: "test loss", unit: Unit::Mean(3), of: |run| run.loss },
    Column { key: "payments", name: "payments", unit: Unit::Mean(4), of: |run| run.decided.payments },
    Column { key: "local", name: "local", unit: Unit::Mean(1), of: |run| run.decided.local() as f64 },
    Column { key: "augmented", name: "augmented", unit: Unit::Mean(1), of: |run| run.decided.augmented() as f64 },
    Column { key: "participants", name: "", unit: Unit::Mean(1), of: participants },
];

fn participants(run: &Trained) -> f64 {
    (run.decided.local() + run.decided.augmented()) as f64
}

/// Runs the grid: pilots for every way, then for every seed what the rule makes of their forecast.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    let private = grid.epsilons.iter().map(|epsilon| Way::Epsilon(*epsilon));
    let ways: Vec<Way> = [Way::Plain, Way::Clipped].into_iter().chain(private).collect();
    // Pilots have a seed of their own, so that one forecast serves all seeds.
    let forecasts = grid::run("forecasts", journal, &ways, 1, |&way| {
        let setup = world.setup.with(world.setup.seed, |config| config.privacy = way.privacy(grid));
        setup.config.check()?;
        let (_, fit) = rehearse(&setup, &world.measured.costs, None)?;
        Ok(Rehearsed { way, forecast: fit.forecast })
    })?;
    let forecast_of = |way: Way| forecasts.iter().find(|known| known.way == way).map(|known| &known.forecast);
    let cells: Vec<(u64, Way)> = seeds.iter().flat_map(|&seed| ways.iter().map(move |&way| (seed, way))).collect();
    let results = grid::run("privacy", journal, &cells, 1, |&(seed, way)| {
        let place = world.place(seed, |config| config.privacy = way.privacy(grid))?;
        let market = match forecast_of(way) {
            Some(forecast) => allocate::forecast_market(&place.setup, &place.profile, forecast)?,
            None => place.market.clone(),
        };
        train(&Place { market, ..place }, grid)
    })?;
    findings(grid, &ways, &cells, &results)
}

/// What the rule decides, and what a run of those who take part leads to.
fn train(place: &Place, grid: &Grid) -> Outcome<Trained> {
    let (setup, market) = (&place.setup, &place.market);
    let config = &setup.config;
    let decided = rules::decide(config.mechanism.rule(), place, grid.effort)?;
    let predicted = market.appraisal(&decided.modes).prediction().map_or(f64::NAN, |prediction| prediction.accuracy());
    let target = market.population().target().map(Target::shares).unwrap_or_default();
    let data = augment::of_modes(setup, &place.clients, &decided.modes, &target, None)?;
    let weighted = data.clients.into_iter().zip(market.aggregation_weights(&decided.modes));
    let playing = weighted.zip(&decided.modes).filter(|((_, weight), mode)| mode.plays() && *weight > 0.0);
    let participants: Vec<Participant> = playing.map(|((client, weight), _)| Participant { client, weight }).collect();
    let privacy = Privacy::tried(config, participants.len(), setup.seed)?;
    let mut federation = setup.undisturbed(data.generated.as_ref())?;
    federation.private = privacy.as_ref().map(|privacy| privacy.private.clone());
    let size = config.training.cohort.unwrap_or(participants.len()).min(participants.len());
    let cohort = |round| -> Outcome<Vec<Participant>> {
        match &privacy {
            Some(privacy) => Ok(privacy.cohort(&participants, round)),
            None => Ok(config.training.sampling().cohort(&participants, size, setup.seed, round)?),
        }
    };
    // Where nobody takes part nothing is trained.
    let rounds = if participants.is_empty() { 0 } else { config.training.rounds };
    let state = federation.train_with(federation.start(), rounds, cohort, |_, _| Outcome::Ok(()))?;
    let Score { loss, accuracy } = Score::of(&federation.evaluate(&state, &setup.test_images()));
    let noise = privacy.map_or(0.0, |privacy| privacy.terms.noise);
    Ok(Trained { decided, predicted, noise, accuracy, loss })
}

fn findings(grid: &Grid, ways: &[Way], cells: &[(u64, Way)], results: &[Trained]) -> Outcome<Findings> {
    let groups = Groups::by(ways, cells, results, |(_, of), way| of == way);
    let shown = &COLUMNS[..COLUMNS.len() - 1];
    let table = groups.table(
        "What the server decides and what comes of it, by epsilon; means over seeds with half the 95 % interval",
        &["epsilon"],
        shown,
        |way| vec![way.name()],
    );
    let by_epsilon = Groups::by(&grid.epsilons, cells, results, |(_, way), epsilon| *way == Way::Epsilon(*epsilon));
    let plain = |column: &Column<Trained>| {
        let group = groups.0.iter().find(|(way, _)| *way == Way::Plain);
        column.over(group.map_or(&[], |(_, results)| &results[..]))
    };
    let level = |column: &Column<Trained>| Series {
        name: "without privacy".into(),
        colour: INK,
        style: Style::Dashed,
        points: grid.epsilons.iter().map(|epsilon| (*epsilon, plain(column))).collect(),
    };
    let [_, predicted, accuracy, _, payments, .., participants] = &COLUMNS;
    let colour = class_colour(2);
    let charts = [
        Chart {
            name: "accuracy_by_epsilon",
            title: "Test accuracy by epsilon".into(),
            caption:
                "Means over seeds with their 95 % intervals; what the forecast expected before training beside it."
                    .into(),
            x: Axis::logarithmic("epsilon"),
            y: Axis::percent("test accuracy"),
            series: vec![
                level(accuracy),
                by_epsilon.curve("private", colour, Style::Line(3), accuracy),
                by_epsilon.curve("predicted", class_colour(5), Style::Line(1), predicted),
            ],
        },
        Chart {
            name: "pay_by_epsilon",
            title: "Pay by epsilon".into(),
            caption: "Means over seeds with their 95 % intervals.".into(),
            x: Axis::logarithmic("epsilon"),
            y: Axis::linear("payments in credits"),
            series: vec![level(payments), by_epsilon.curve("private", colour, Style::Line(3), payments)],
        },
        Chart {
            name: "participants_by_epsilon",
            title: "Participants by epsilon".into(),
            caption: "Means over seeds with their 95 % intervals.".into(),
            x: Axis::logarithmic("epsilon"),
            y: Axis::linear("clients that take part"),
            series: vec![level(participants), by_epsilon.curve("private", colour, Style::Line(3), participants)],
        },
    ];
    let values = [
        ("by_epsilon", by_epsilon.points("epsilon", &COLUMNS)),
        ("by_way", groups.points("way", &COLUMNS)),
        ("delta", json!(grid.delta)),
        ("clip", json!(grid.clip)),
    ];
    let notes = vec![
        "Every row has pilots of its own, cut and noised as the run is: the server knows before prices what noise leaves of the accuracy.".into(),
    ];
    Findings::new(values, vec![table], &charts, notes)
}
