//! Beyond the paper: the same clients on networks, under every policy and compression: what a target accuracy takes in time,
//! bytes and pay.

use super::by_seed::BySeed;
use super::column::{Column, Groups, Unit};
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::{Lab, Score};
use super::world::World;
use imfl_engine::federated::{RoundReport, Traffic};
use imfl_engine::network::{Compression, LinkSource, Network, Policy};
use imfl_mechanism::Mode;
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::{INK, class_colour};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::pipeline::{links, network};
use imfl_statistics::Interval;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// As `network.links` of a run.
    pub networks: Vec<LinkSource>,
    /// As `network.policy`; the first is what the others are compared with.
    pub policies: Vec<Policy>,
    /// As `network.compression`; all of them under the first policy, and the first under every policy.
    pub compressions: Vec<Compression>,
    /// Test accuracy whose time, bytes and pay are reported.
    pub target: f64,
}

/// A cell: network, policy, compression and seed.
type Cell = (LinkSource, Policy, Compression, u64);

/// What came of a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    /// After every round: accuracy, seconds, megabytes both ways, and clients' rounds that cost them something.
    rounds: Vec<Point>,
    /// The last model.
    score: Score,
    late: u64,
    lost: u64,
}

/// A round, with what all rounds so far took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Point {
    accuracy: f64,
    seconds: f64,
    megabytes: f64,
    /// Credits for updates that counted, at what a client's round costs it.
    pay: f64,
}

impl Trained {
    /// The first round at the target; of a run that never gets there its last, which is then a lower bound.
    fn reached(&self, target: f64) -> (Point, bool) {
        let last = Point { accuracy: 0.0, seconds: 0.0, megabytes: 0.0, pay: 0.0 };
        match self.rounds.iter().find(|point| point.accuracy >= target) {
            Some(point) => (*point, true),
            None => (self.rounds.last().copied().unwrap_or(last), false),
        }
    }
}

/// A run as it stands at the target.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reached {
    point: Point,
    reached: bool,
    accuracy: f64,
    rounds: f64,
    late: f64,
    lost: f64,
}

const COLUMNS: [Column<Reached>; 8] = [
    Column { key: "reached", name: "reached", unit: Unit::Share(0), of: |run| f64::from(u8::from(run.reached)) },
    Column { key: "seconds", name: "seconds to it", unit: Unit::Plain(1), of: |run| run.point.seconds },
    Column { key: "megabytes", name: "megabytes to it", unit: Unit::Plain(1), of: |run| run.point.megabytes },
    Column { key: "pay", name: "pay to it", unit: Unit::Plain(4), of: |run| run.point.pay },
    Column { key: "rounds", name: "rounds in all", unit: Unit::Mean(1), of: |run| run.rounds },
    Column { key: "accuracy", name: "accuracy at the end", unit: Unit::Percent(2), of: |run| run.accuracy },
    Column { key: "late", name: "late", unit: Unit::Mean(1), of: |run| run.late },
    Column { key: "lost", name: "lost", unit: Unit::Mean(1), of: |run| run.lost },
];

/// Runs the grid.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    let (Some(waiting), Some(plain)) = (grid.policies.first(), grid.compressions.first()) else {
        return Err(Failure::new(Kind::Config, "`grid.policies` and `grid.compressions` need at least one each"));
    };
    let ways = grid.policies.iter().map(|policy| (policy.clone(), plain.clone()));
    let ways: Vec<(Policy, Compression)> = ways
        .chain(grid.compressions.iter().skip(1).map(|compression| (waiting.clone(), compression.clone())))
        .collect();
    let of_network = |source: &LinkSource, seed: u64| -> Vec<Cell> {
        ways.iter().map(|(policy, compression)| (source.clone(), policy.clone(), compression.clone(), seed)).collect()
    };
    let cells: Vec<Cell> =
        seeds.iter().flat_map(|&seed| grid.networks.iter().flat_map(move |source| of_network(source, seed))).collect();
    let labs = BySeed::new(|seed| {
        Lab::open(world.place(seed, |config| config.network.links = grid.networks.first().cloned())?)
    });
    let trained = grid::run("networks", journal, &cells, 1, |cell| train(&*labs.of(cell.3)?, cell))?;
    findings(grid, &ways, &cells, &trained)
}

/// Trains everybody on its own data for as many rounds as the settings say; a round is a step of the server.
fn train(lab: &Lab, (source, policy, compression, seed): &Cell) -> Outcome<Trained> {
    let setup = lab.place.setup.with(*seed, |config| {
        config.network.links = Some(source.clone());
        config.network.policy = policy.clone();
        config.network.compression = compression.clone();
    });
    setup.config.check()?;
    let mut profile = lab.place.profile.clone();
    for (client, link) in profile.clients.iter_mut().zip(links::of(&setup)?.unwrap_or_default()) {
        client.link = Some(link);
    }
    let everybody = lab.participants(&vec![Mode::Local; lab.place.clients.len()]);
    let wanted = setup.config.training.cohort.unwrap_or(everybody.len());
    let open: Option<Network> = network::open(&setup, &profile, wanted)?;
    let mut federation = setup.federation(None)?;
    federation.network = open.map(Arc::new);
    let costs = network::Attendance::new(&setup, &profile);
    // What one round costs a client: being there, and its computing.
    let rounds = setup.config.training.rounds as f64;
    let second = setup.config.costs.credits_per_second;
    let cost = |client: u32| {
        let client = &profile.clients[client as usize];
        let samples: usize = client.histogram.iter().sum();
        let passes = (setup.config.training.local_epochs() * samples) as f64;
        costs.of(client) * samples as f64 / rounds
            + passes * profile.costs.seconds_per_sample * client.device_factor * second
    };
    let asked = policy.asks(wanted).min(everybody.len());
    let mut trained = Trained { rounds: Vec::new(), score: lab.score(&federation.start()), late: 0, lost: 0 };
    let (mut bytes, mut pay) = (0, 0.0);
    federation.train_with(
        federation.start(),
        setup.config.training.rounds,
        |round| match policy.chooses() {
            true => Ok::<_, Failure>(everybody.clone()),
            false => Ok(setup.config.training.sampling().cohort(&everybody, asked, *seed, round)?),
        },
        |state, RoundReport { network, counted, .. }| {
            let Traffic { ends, bytes_up, bytes_down, late, lost, .. } = network.unwrap_or_default();
            (trained.late, trained.lost) = (trained.late + late, trained.lost + lost);
            bytes += bytes_up + bytes_down;
            pay += counted.iter().map(|(client, _)| cost(*client)).sum::<f64>();
            trained.score = lab.score(state);
            let accuracy = trained.score.accuracy;
            trained.rounds.push(Point { accuracy, seconds: ends, megabytes: bytes as f64 / 1e6, pay });
            Ok(())
        },
    )?;
    Ok(trained)
}

fn findings(grid: &Grid, ways: &[(Policy, Compression)], cells: &[Cell], trained: &[Trained]) -> Outcome<Findings> {
    let reached: Vec<Reached> = trained
        .iter()
        .map(|run| {
            let (point, reached) = run.reached(grid.target);
            let (accuracy, rounds) = (run.score.accuracy, run.rounds.len() as f64);
            Reached { point, reached, accuracy, rounds, late: run.late as f64, lost: run.lost as f64 }
        })
        .collect();
    let (mut tables, mut values, mut charts, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for source in &grid.networks {
        let belongs =
            |cell: &Cell, way: &(Policy, Compression)| cell.0 == *source && (&cell.1, &cell.2) == (&way.0, &way.1);
        let groups = Groups::by(ways, cells, &reached, belongs);
        let title = format!(
            "{source}: to {:.0} % test accuracy; means over seeds with half the 95 % interval",
            grid.target * 100.0
        );
        tables.push(table(&groups, &title));
        let points = groups.0.iter().map(|((policy, compression), runs)| {
            let mut point = super::column::object(&COLUMNS, runs);
            point.insert("policy".into(), json!(policy));
            point.insert("compression".into(), json!(compression));
            Value::Object(point)
        });
        values.push(json!({ "network": source, "ways": points.collect::<Vec<_>>() }));
        notes.extend(notes_of(source, &groups));
        let (policies, compressions) = ways.split_at(grid.policies.len());
        charts.push(chart(source, true, policies, cells, trained));
        if !compressions.is_empty() {
            let compressions = [&ways[..1], compressions].concat();
            charts.push(chart(source, false, &compressions, cells, trained));
        }
    }
    Findings::new([("networks", json!(values)), ("target", json!(grid.target))], tables, &charts, notes)
}

fn table(groups: &Groups<(Policy, Compression), Reached>, title: &str) -> Table {
    groups.table(title, &["policy", "compression"], &COLUMNS, |(policy, compression)| {
        vec![policy.to_string(), compression.to_string()]
    })
}

/// What each policy's time is of the first one's, and what each compression loses.
fn notes_of(source: &LinkSource, groups: &Groups<(Policy, Compression), Reached>) -> Vec<String> {
    let Some(((first, plain), waiting)) = groups.0.first() else { return Vec::new() };
    let (time, accuracy) = (COLUMNS[1].over(waiting).mean, COLUMNS[5].over(waiting).mean);
    let note = |((policy, compression), runs): &((Policy, Compression), Vec<&Reached>)| {
        let all = runs.iter().all(|run| run.reached) && waiting.iter().all(|run| run.reached);
        if policy != first {
            let bound = if all { "" } else { " (not every run reached it)" };
            let ratio = COLUMNS[1].over(runs).mean / time;
            return format!("{source}: {policy} takes {ratio:.2} of the time of {first} to the target{bound}.");
        }
        let points = (accuracy - COLUMNS[5].over(runs).mean) * 100.0;
        let bytes = COLUMNS[2].over(runs).mean / COLUMNS[2].over(waiting).mean;
        format!(
            "{source}: {compression} loses {points:.2} points of accuracy against {plain} at the end and takes {bytes:.2} of its bytes to the target."
        )
    };
    groups.0.iter().skip(1).map(note).collect()
}

/// Accuracy by time of ways that differ by policy, or else by compression.
fn chart(
    source: &LinkSource,
    policies: bool,
    ways: &[(Policy, Compression)],
    cells: &[Cell],
    trained: &[Trained],
) -> Chart {
    let series = ways.iter().enumerate().map(|(nth, (policy, compression))| {
        let runs: Vec<&Trained> = cells
            .iter()
            .zip(trained)
            .filter(|(cell, _)| cell.0 == *source && cell.1 == *policy && cell.2 == *compression)
            .map(|(_, run)| run)
            .collect();
        let rounds = runs.iter().map(|run| run.rounds.len()).min().unwrap_or(0);
        let mean = |round: usize, of: fn(&Point) -> f64| {
            Interval::of(&runs.iter().map(|run| of(&run.rounds[round])).collect::<Vec<_>>()).mean
        };
        let point =
            |round| (mean(round, |point| point.seconds), Interval::exactly(mean(round, |point| point.accuracy)));
        let colour = if nth == 0 { INK } else { class_colour(nth - 1) };
        Series {
            name: if policies { policy.to_string() } else { compression.to_string() },
            colour,
            style: Style::Line(2),
            points: (0..rounds).map(point).collect(),
        }
    });
    let name = match (source, policies) {
        (LinkSource::Lan, true) => "network-lan",
        (LinkSource::Lan, false) => "network-lan-bytes",
        (LinkSource::Broadband, true) => "network-broadband",
        (LinkSource::Broadband, false) => "network-broadband-bytes",
        (LinkSource::Mobile, true) => "network-mobile",
        (LinkSource::Mobile, false) => "network-mobile-bytes",
        (LinkSource::File(_), true) => "network-file",
        (LinkSource::File(_), false) => "network-file-bytes",
    };
    let among = if policies { "policies" } else { "compressions" };
    Chart {
        name,
        title: format!("Test accuracy by simulated time, {source}, {among}"),
        caption: "After each round, both coordinates as means over seeds.".into(),
        x: Axis::logarithmic("simulated seconds"),
        y: Axis::percent("test accuracy"),
        series: series.collect(),
    }
}
