//! Mixed data: accuracy and gradient norm against the share of a client's data that is replaced, by generated images or, as an oracle,
//! by authentic images that nobody holds; targeted at the classes that a client misses, or uniform over classes.

use super::bound::Bound;
use super::by_seed::BySeed;
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::Score;
use super::replace::Lot;
use super::world::{Place, World};
use imfl_engine::client::Client;
use imfl_engine::federated::{self, Federation, Participant, ServerState};
use imfl_engine::gradient;
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::class_colour;
use imfl_report::statistics::{Interval, Quantity};
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::json;

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

/// Which classes new samples belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// Those that the client misses, until its labels are the target's.
    Targeted,
    /// All alike.
    Uniform,
}

/// Where new samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The generator.
    Generated,
    /// Authentic images that no client holds.
    Authentic,
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
    let mut federation = place.setup.federation()?;
    federation.images = federation.images.with_generated(lot.generated.clone());
    let participants: Vec<Participant> = clients.iter().cloned().map(Participant::by_samples).collect();
    let score = accuracy(place, &federation, &participants)?;
    // Small steps, so that the theorem holds for these clients: h is the steps of the one with the most samples.
    let longest = clients.iter().map(|client| client.samples.len()).max().unwrap_or(1);
    let steps = federation.local.steps(longest).max(1) as f64;
    let rate = 1.0 / (4.0 * world.measured.assessment.smoothness * steps);
    federation.local.rate = rate;
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

/// Trains at the settings' rate.
fn accuracy(place: &Place, federation: &Federation, participants: &[Participant]) -> Outcome<Score> {
    let state = federation.train(federation.start(), place.setup.config.training.rounds, participants)?;
    let evaluation = federation.evaluate(&state, &federation.images.like(place.setup.test.clone()));
    Ok(Score { loss: evaluation.loss, accuracy: evaluation.accuracy() })
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
    let mut state = federation.start();
    let all = Client { id: 0, samples: sets.concat() };
    let first = federated::evaluate_clients(model, &state.weights, &federation.images, &[&all], compute)[0].loss;
    let mut norms = Vec::new();
    for round in 0..grid.bound_rounds {
        if round % grid.every == 0 {
            norms.push(squared(&state));
        }
        state = federation.apply(state, participants)?.0;
    }
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

fn findings(cells: &[(u64, f64, (Aim, Origin))], mixed: &[Mixed], grid: &Grid) -> Outcome<Findings> {
    let over = |share: f64, kind: (Aim, Origin), part: fn(&Mixed) -> f64| {
        let of = cells.iter().zip(mixed).filter(|((_, at, what), _)| *at == share && *what == kind);
        Interval::of(&of.map(|(_, mixed)| part(mixed)).collect::<Vec<f64>>())
    };
    let parts: [Quantity<Mixed>; 4] = [
        ("accuracy", |mixed| mixed.score.accuracy),
        ("gradient", |mixed| mixed.gradient),
        ("bound", |mixed| mixed.bound),
        ("phi", |mixed| mixed.phi),
    ];
    let mut rows = Vec::new();
    let mut points = Vec::new();
    for kind in KINDS {
        for &share in &grid.shares {
            let [accuracy, gradient, bound, phi] = parts.map(|(_, part)| over(share, kind, part));
            rows.push(vec![
                name(kind).to_string(),
                format!("{:.0} %", share * 100.0),
                format!("{:.2} ±{:.2} %", accuracy.mean * 100.0, (accuracy.high - accuracy.mean) * 100.0),
                format!("{:.4} ±{:.4}", gradient.mean, gradient.high - gradient.mean),
                format!("{:.3}", bound.mean),
                format!("{:.3}", phi.mean),
            ]);
            points.push(json!({
                "aim": kind.0, "origin": kind.1, "share": share,
                "accuracy": accuracy, "gradient_norm_squared": gradient, "bound": bound, "phi": phi,
            }));
        }
    }
    let series = |part: fn(&Mixed) -> f64| {
        move |(index, kind): (usize, (Aim, Origin))| Series {
            name: name(kind).into(),
            colour: class_colour([0, 0, 1, 1][index]),
            style: if kind.1 == Origin::Generated { Style::Line(3) } else { Style::Dashed },
            points: grid.shares.iter().map(|&share| (share, over(share, kind, part))).collect(),
        }
    };
    let accuracy = Chart {
        name: "accuracy",
        title: "Test accuracy by replaced share".into(),
        caption:
            "Each client keeps its number of samples; a share of them gives way. Means over seeds with 95 % intervals."
                .into(),
        x: Axis::percent("share of each client's samples that is replaced"),
        y: Axis::percent("test accuracy"),
        series: KINDS.into_iter().enumerate().map(series(parts[0].1)).collect(),
    };
    let mut curves: Vec<Series> = KINDS.into_iter().enumerate().map(series(parts[1].1)).collect();
    curves.extend(KINDS.into_iter().enumerate().take(1).map(|(index, kind)| Series {
        name: "bound (generated, targeted)".into(),
        colour: class_colour(2),
        style: Style::Line(2),
        ..series(parts[2].1)((index, kind))
    }));
    let gradient = Chart {
        name: "gradient",
        title: "Gradient norm and its bound by replaced share".into(),
        caption: "Mean over rounds of the squared norm of the target's gradient, at the largest rate for which the theorem holds, and what the \
                  theorem says it is at most."
            .into(),
        x: Axis::percent("share of each client's samples that is replaced"),
        y: Axis::logarithmic("squared gradient norm"),
        series: curves,
    };
    let violated = mixed.iter().filter(|mixed| mixed.gradient > mixed.bound).count();
    let factor = mixed.iter().map(|mixed| mixed.bound / mixed.gradient).fold(f64::INFINITY, f64::min);
    let notes = vec![format!(
        "The measured gradient norm exceeds the bound in {violated} of {} cells; the bound is at least {factor:.1} times the measured value.",
        mixed.len()
    )];
    let mut values = serde_json::Map::new();
    values.insert("points".into(), json!(points));
    values.insert("bound_exceeded".into(), json!(violated));
    let table = Table {
        title: "By kind of replacement and share, mean over seeds".into(),
        header: ["replaced by", "share", "test accuracy", "gradient norm squared", "bound", "Phi"]
            .map(String::from)
            .into(),
        rows,
    };
    Ok(Findings { values, tables: vec![table], figures: vec![accuracy.draw()?, gradient.draw()?], notes })
}
