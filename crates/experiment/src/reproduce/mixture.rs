//! Mixed data: accuracy and gradient norm against the share of a client's data that is replaced, by generated images or, as an oracle,
//! by authentic images that nobody holds; targeted at the classes that a client misses, or uniform over classes.

use super::bound::Bound;
use super::by_seed::BySeed;
use super::column::{Column, Groups, Unit, object, row};
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::{self, Score};
use super::replace::{Aim, Lot, Origin};
use super::world::World;
use imfl_engine::client::Client;
use imfl_engine::federated::{self, Federation, Participant, ServerState};
use imfl_engine::gradient;
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::class_colour;
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Shares of each client's samples that are replaced.
    pub shares: Vec<f64>,
    /// Rounds at the largest rate for which the theorem holds, where the gradient norm is measured.
    pub bound_rounds: u64,
    /// The gradient is measured before every so many of those rounds.
    pub every: u64,
    /// Authentic images of each class that it is measured on.
    pub images_per_class: usize,
}

/// What is compared, in the order of legends.
const KINDS: [(Aim, Origin); 4] = [
    (Aim::Targeted, Origin::Generated),
    (Aim::Targeted, Origin::Authentic),
    (Aim::Uniform, Origin::Generated),
    (Aim::Uniform, Origin::Authentic),
];

/// One cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mixed {
    /// Share that was replaced in fact, over all clients.
    replaced: f64,
    /// After training at the settings' rate.
    score: Score,
    /// Mean over rounds of the squared norm of the target's gradient, at the theorem's rate.
    gradient: f64,
    /// What the theorem says it is at most.
    bound: f64,
    /// The same without its first term, which does not depend on the data: Phi.
    phi: f64,
}

/// Runs the grid.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    if world.setup.generator.is_none() || world.measured.assessment.theta.is_none() {
        let problem = "mixed data needs a generator; leave out `--generator none`";
        return Err(Failure::new(Kind::Usage, problem));
    }
    if grid.every == 0 || grid.bound_rounds == 0 || grid.images_per_class == 0 {
        let problem = "`grid.every`, `grid.bound_rounds` and `grid.images_per_class` must be at least 1";
        return Err(Failure::new(Kind::Config, problem));
    }
    let mut cells: Vec<(u64, f64, (Aim, Origin))> = Vec::new();
    for &seed in seeds {
        cells.extend(grid.shares.iter().flat_map(|&share| KINDS.map(|kind| (seed, share, kind))));
    }
    let lots = BySeed::new(|seed| Lot::open(world.place(seed, |_| ())?));
    let mixed = grid::run("mixed data", journal, &cells, 1, |&(seed, share, kind)| {
        let lot = lots.of(seed)?;
        cell(world, &lot, share, kind, grid)
    })?;
    findings(&cells, &mixed, grid)
}

fn cell(world: &World, lot: &Lot, share: f64, (aim, origin): (Aim, Origin), grid: &Grid) -> Outcome<Mixed> {
    let place = &lot.place;
    let clients = lot.replace(share, aim, origin)?;
    let score = lab::by_samples(&place.setup, &clients, Some(&lot.generated))?;
    // Small steps, so that the theorem holds for these clients: h is the steps of the one with the most samples.
    let longest = clients.iter().map(|client| client.samples.len()).max().unwrap_or(1);
    let steps = place.setup.config.training.local().steps(longest).max(1);
    let rate = world.measured.assessment.largest_rate(u32::try_from(steps).unwrap_or(u32::MAX));
    let steps = steps as f64;
    let slow = place.setup.with(place.setup.seed, |config| config.training.rate = rate);
    let federation = slow.undisturbed(Some(&lot.generated))?;
    let participants: Vec<Participant> = clients.iter().cloned().map(Participant::by_samples).collect();
    let (gradient, first_loss) = descend(&federation, &participants, lot, grid)?;
    let bound = Bound::of(world, &clients, &federation.images, rate, steps);
    let phi = bound.phi();
    Ok(Mixed {
        replaced: replaced(&clients, lot),
        score,
        gradient,
        bound: 4.0 * first_loss / (rate * steps * grid.bound_rounds as f64) + phi,
        phi,
    })
}

/// Mean of the squared gradient norm of the target objective over the rounds, and the objective before the first. The target objective is
/// the mean over classes of the loss on authentic images that nobody holds.
fn descend(federation: &Federation, participants: &[Participant], lot: &Lot, grid: &Grid) -> Outcome<(f64, f64)> {
    let sets = lot.target_sets(grid.images_per_class);
    let (model, compute) = (federation.model.as_ref(), &federation.compute);
    let squared = |state: &ServerState| {
        let gradients = gradient::of_sets(model, &state.weights, &federation.images, &sets, compute);
        let mut mean = vec![0.0f32; gradients.first().map_or(0, Vec::len)];
        for gradient in &gradients {
            mean.iter_mut().zip(gradient).for_each(|(mean, value)| *mean += value / gradients.len() as f32);
        }
        gradient::norm(&mean).powi(2)
    };
    let start = federation.start();
    let all = Client { id: 0, samples: sets.concat() };
    let first = federated::evaluate_clients(model, &start.weights, &federation.images, &[&all], compute)[0].loss;
    let mut norms = vec![squared(&start)];
    federation.train_with(
        start,
        grid.bound_rounds,
        |_| Ok(participants),
        |state, report| {
            if report.round.is_multiple_of(grid.every) && report.round < grid.bound_rounds {
                norms.push(squared(state));
            }
            Ok::<_, Failure>(())
        },
    )?;
    Ok((norms.iter().sum::<f64>() / norms.len() as f64, first))
}

/// Share of all samples that came from the generator or the reserve.
fn replaced(clients: &[Client], lot: &Lot) -> f64 {
    let all: usize = clients.iter().map(|client| client.samples.len()).sum();
    let new = clients.iter().flat_map(|client| &client.samples).filter(|sample| lot.is_new(**sample)).count();
    new as f64 / all.max(1) as f64
}

fn name((aim, origin): (Aim, Origin)) -> &'static str {
    match (aim, origin) {
        (Aim::Targeted, Origin::Generated) => "generated, targeted",
        (Aim::Targeted, Origin::Authentic) => "authentic, targeted (oracle)",
        (Aim::Uniform, Origin::Generated) => "generated, uniform",
        (Aim::Uniform, Origin::Authentic) => "authentic, uniform (oracle)",
    }
}

const COLUMNS: [Column<Mixed>; 4] = [
    Column { key: "accuracy", name: "test accuracy", unit: Unit::Percent(2), of: |mixed| mixed.score.accuracy },
    Column {
        key: "gradient_norm_squared",
        name: "gradient norm squared",
        unit: Unit::Plain(4),
        of: |mixed| mixed.gradient,
    },
    Column { key: "bound", name: "bound", unit: Unit::Mean(3), of: |mixed| mixed.bound },
    Column { key: "phi", name: "Phi", unit: Unit::Mean(3), of: |mixed| mixed.phi },
];

fn findings(cells: &[(u64, f64, (Aim, Origin))], mixed: &[Mixed], grid: &Grid) -> Outcome<Findings> {
    let of = |kind: (Aim, Origin)| {
        Groups::by(&grid.shares, cells, mixed, |(_, at, what), share| at == share && *what == kind)
    };
    let mut points = Vec::new();
    let mut rows = Vec::new();
    for kind in KINDS {
        for (share, results) in &of(kind).0 {
            let first = vec![name(kind).to_string(), format!("{:.0} %", share * 100.0)];
            rows.push([first, row(&COLUMNS, results)].concat());
            let mut point = object(&COLUMNS, results);
            let keys = [("aim", json!(kind.0)), ("origin", json!(kind.1)), ("share", json!(share))];
            point.extend(keys.map(|(key, value)| (key.to_string(), value)));
            points.push(Value::Object(point));
        }
    }
    let series = |column: &Column<Mixed>| -> Vec<Series> {
        let curve = |(index, kind): (usize, (Aim, Origin))| {
            let style = if kind.1 == Origin::Generated { Style::Line(3) } else { Style::Dashed };
            of(kind).curve(name(kind), class_colour([0, 0, 1, 1][index]), style, column)
        };
        KINDS.into_iter().enumerate().map(curve).collect()
    };
    let share = Axis::percent("share of each client's samples that is replaced");
    let accuracy = Chart {
        name: "accuracy",
        title: "Test accuracy by replaced share".into(),
        caption:
            "Each client keeps its number of samples; a share of them gives way. Means over seeds with 95 % intervals."
                .into(),
        x: share,
        y: Axis::percent("test accuracy"),
        series: series(&COLUMNS[0]),
    };
    let bound = of(KINDS[0]).curve("bound (generated, targeted)", class_colour(2), Style::Line(2), &COLUMNS[2]);
    let gradient = Chart {
        name: "gradient",
        title: "Gradient norm and its bound by replaced share".into(),
        caption: "Mean over rounds of the squared norm of the target's gradient, at the largest rate for which the theorem holds, and what the \
                  theorem says it is at most."
            .into(),
        x: share,
        y: Axis::logarithmic("squared gradient norm"),
        series: series(&COLUMNS[1]).into_iter().chain([bound]).collect(),
    };
    let violated = mixed.iter().filter(|mixed| mixed.gradient > mixed.bound).count();
    let factor = mixed.iter().map(|mixed| mixed.bound / mixed.gradient).fold(f64::INFINITY, f64::min);
    let notes = vec![format!(
        "The measured gradient norm exceeds the bound in {violated} of {} cells; the bound is at least {factor:.1} times the measured value.",
        mixed.len()
    )];
    let header = ["replaced by", "share"].into_iter().chain(COLUMNS.iter().map(|column| column.name));
    let title = "By kind of replacement and share, mean over seeds".into();
    let table = Table { title, header: header.map(String::from).collect(), rows };
    Findings::new(
        [("points", json!(points)), ("bound_exceeded", json!(violated))],
        vec![table],
        &[accuracy, gradient],
        notes,
    )
}
