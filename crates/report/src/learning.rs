//! Runs against each other: learning curves, and what one setting gains over another, seed by seed.

use crate::chart::{Axis, Chart, Series, Style};
use crate::figure::Figure;
use crate::palette::class_colour;
use crate::table::Table;
use imfl_run::failure::Outcome;
use imfl_run::metrics::RoundMetrics;
use imfl_statistics::Interval;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most lines in a plot.
const LINES: usize = 8;

/// What comparing takes of a finished run. Money is in credits, accuracies are in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Where everything else is.
    pub folder: String,
    /// Keys its random numbers.
    pub seed: u64,
    /// Accuracy of the final model on the test images.
    pub accuracy: f64,
    /// Its mean cross-entropy there.
    pub loss: f64,
    /// kappa Phi + payments.
    pub server_cost: f64,
    /// What was earned.
    pub paid: f64,
    /// Clients that took part.
    pub participants: u64,
    /// Quality of the generator; absent without one.
    pub theta: Option<f64>,
    /// Round, accuracy and loss of every round that was trained.
    pub curve: Vec<(u64, f64, f64)>,
}

impl Trained {
    /// Of a run's `summary.json` and its rounds; nothing if a number is missing there.
    pub fn of(folder: &str, summary: &Value, rounds: &[RoundMetrics]) -> Option<Self> {
        let number = |key: &str| summary.pointer(key)?.as_f64();
        let count = |key: &str| summary.pointer(key)?.as_u64();
        Some(Self {
            folder: folder.into(),
            seed: count("/seed")?,
            accuracy: number("/accuracy")?,
            loss: number("/loss")?,
            server_cost: number("/server_cost")?,
            paid: number("/paid")?,
            participants: count("/modes/local")? + count("/modes/augmented")?,
            theta: number("/theta"),
            curve: rounds.iter().map(|round| (round.round, round.accuracy, round.loss)).collect(),
        })
    }
}

/// Runs that differ in nothing but their seed.
#[derive(Clone, Debug)]
pub struct Group {
    /// What tells them from others.
    pub name: String,
    /// One for each seed.
    pub runs: Vec<Trained>,
}

/// A quantity of a run: its key, its name in a table, its digits there, and how it is read off.
type Quantity = (&'static str, &'static str, usize, fn(&Trained) -> f64);

/// What groups are compared by.
const QUANTITIES: [Quantity; 5] = [
    ("accuracy", "accuracy", 4, |run| run.accuracy),
    ("loss", "loss", 4, |run| run.loss),
    ("server_cost", "server cost", 4, |run| run.server_cost),
    ("paid", "paid", 4, |run| run.paid),
    ("participants", "participants", 1, |run| run.participants as f64),
];

/// The mean with half its interval; without an interval where there is one value.
fn shown(values: &[f64], digits: usize) -> String {
    match values {
        [] => "-".into(),
        [one] => format!("{one:.digits$}"),
        several => format!("{:.digits$}", Interval::of(several)),
    }
}

/// A row for each group: means over its seeds with half the 95 % interval.
pub fn table(groups: &[Group]) -> Table {
    let names = QUANTITIES.iter().map(|(_, name, _, _)| *name);
    let row = |group: &Group| {
        let cell = |(_, _, digits, of): &Quantity| shown(&group.runs.iter().map(of).collect::<Vec<f64>>(), *digits);
        let first = [group.name.clone(), group.runs.len().to_string()];
        first.into_iter().chain(QUANTITIES.iter().map(cell)).collect()
    };
    Table {
        title: "Each setting over its seeds: means, with half the 95 % interval where there are several".into(),
        header: ["setting", "seeds"].into_iter().chain(names).map(String::from).collect(),
        rows: groups.iter().map(row).collect(),
    }
}

/// What a group's runs have more than those of `base` with the same seed, in the order of `QUANTITIES`.
fn pairs(base: &Group, group: &Group) -> Vec<(u64, [f64; QUANTITIES.len()])> {
    let same = |run: &Trained| base.runs.iter().find(|other| other.seed == run.seed);
    let pair = |run: &Trained| {
        let other = same(run)?;
        Some((run.seed, QUANTITIES.map(|(_, _, _, of)| of(run) - of(other))))
    };
    group.runs.iter().filter_map(pair).collect()
}

/// What every group has more than the first, seed by seed: runs of one seed share clients, data and starting model, so that the
/// difference is the setting's. Nothing if no seed is in two groups.
pub fn paired(groups: &[Group]) -> Option<Table> {
    let (base, others) = groups.split_first()?;
    let row = |group: &Group| {
        let pairs = pairs(base, group);
        let cell = |place: usize| {
            let values: Vec<f64> = pairs.iter().map(|(_, differences)| differences[place]).collect();
            let sign = if values.iter().sum::<f64>() > 0.0 { "+" } else { "" };
            format!("{sign}{}", shown(&values, QUANTITIES[place].2))
        };
        let first = [group.name.clone(), pairs.len().to_string()];
        (!pairs.is_empty()).then(|| first.into_iter().chain((0..QUANTITIES.len()).map(cell)).collect())
    };
    let rows: Vec<Vec<String>> = others.iter().filter_map(row).collect();
    let names = QUANTITIES.iter().map(|(_, name, _, _)| *name);
    (!rows.is_empty()).then(|| Table {
        title: format!("What each has more than `{}` with the same seed, and half the 95 % interval", base.name),
        header: ["setting", "pairs"].into_iter().chain(names).map(String::from).collect(),
        rows,
    })
}

/// The same for programs: every group with its means, its runs, and what it has more than the first.
pub fn value(groups: &[Group]) -> Value {
    let means = |columns: Vec<(&'static str, Vec<f64>)>| {
        let of = |(key, values): (&'static str, Vec<f64>)| (key.to_string(), json!(Interval::of(&values)));
        Value::Object(columns.into_iter().map(of).collect::<Map<String, Value>>())
    };
    let one = |group: &Group| {
        let columns = QUANTITIES.iter().map(|(key, _, _, of)| (*key, group.runs.iter().map(of).collect()));
        let pairs = groups.first().map_or(Vec::new(), |base| pairs(base, group));
        let differences = QUANTITIES.iter().enumerate();
        let differences =
            differences.map(|(place, (key, ..))| (*key, pairs.iter().map(|(_, pair)| pair[place]).collect()));
        json!({
            "setting": group.name,
            "seeds": group.runs.iter().map(|run| run.seed).collect::<Vec<u64>>(),
            "runs": group.runs.iter().map(|run| &run.folder).collect::<Vec<&String>>(),
            "means": means(columns.collect()),
            "against_first": { "pairs": pairs.len(), "means": means(differences.collect()) },
        })
    };
    groups.iter().map(one).collect()
}

/// Accuracy and loss by round, a line for each group, at most eight of them; nothing if nobody trained.
///
/// # Errors
/// None that is expected: text of an SVG cannot fail to be written.
pub fn curves(groups: &[Group]) -> Outcome<Vec<Figure>> {
    let trained: Vec<&Group> =
        groups.iter().filter(|group| group.runs.iter().any(|run| !run.curve.is_empty())).collect();
    if trained.is_empty() {
        return Ok(Vec::new());
    }
    let left = match trained.len().saturating_sub(LINES) {
        0 => String::new(),
        left => format!(" The first {LINES} settings; {left} more are in the tables."),
    };
    let chart = |name: &'static str, title: &str, y: Axis, of: fn(&(u64, f64, f64)) -> f64| {
        let series = trained.iter().take(LINES).enumerate().map(|(index, group)| Series {
            name: group.name.clone(),
            colour: class_colour(index),
            style: Style::Line(2),
            points: points(group, of),
        });
        let caption =
            format!("{title} on the test images by round; where several seeds ran, means with 95 % intervals.{left}");
        let (title, x) = (title.to_string(), Axis::linear("round"));
        Chart { name, title, caption, x, y, series: series.collect() }.draw()
    };
    Ok(vec![
        chart("learning_accuracy", "Accuracy", Axis::percent("accuracy"), |point| point.1)?,
        chart("learning_loss", "Loss", Axis::linear("loss"), |point| point.2)?,
    ])
}

/// The mean of every round that a run of the group has reached.
fn points(group: &Group, of: fn(&(u64, f64, f64)) -> f64) -> Vec<(f64, Interval)> {
    let rounds: std::collections::BTreeSet<u64> =
        group.runs.iter().flat_map(|run| run.curve.iter().map(|point| point.0)).collect();
    let at = |round: u64| {
        let values = group.runs.iter().filter_map(|run| run.curve.iter().find(|point| point.0 == round).map(of));
        (round as f64, values.collect())
    };
    rounds.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, accuracy: f64, curve: &[f64]) -> Trained {
        let curve = curve.iter().zip(1u64..).map(|(&accuracy, round)| (round, accuracy, 1.0 - accuracy)).collect();
        let (folder, theta) = (format!("runs/{seed}"), None);
        Trained { folder, seed, accuracy, loss: 1.0, server_cost: 2.0, paid: 0.5, participants: 3, theta, curve }
    }

    fn groups() -> Vec<Group> {
        let group = |name: &str, runs: Vec<Trained>| Group { name: name.into(), runs };
        vec![
            group("rate=0.1", vec![run(1, 0.5, &[0.2, 0.5]), run(2, 0.7, &[0.4, 0.7])]),
            // The same seeds in another order, each better by a tenth.
            group("rate=0.2", vec![run(2, 0.8, &[0.5, 0.8]), run(1, 0.6, &[0.1])]),
            group("rate=0.3", vec![run(9, 0.1, &[])]),
        ]
    }

    #[test]
    fn pairs_take_the_seeds_noise_out() {
        let groups = groups();
        let rows = table(&groups).rows;
        assert!(rows[0][2].starts_with("0.6000 ±1.27") && rows[2][2] == "0.1000", "{rows:?}");
        let paired = paired(&groups).unwrap();
        assert_eq!(paired.rows.len(), 1, "seed 9 has no pair");
        assert_eq!(paired.rows[0][..3], ["rate=0.2", "2", "+0.1000 ±0.0000"]);
        assert!(paired.title.contains("`rate=0.1`"));
        let value = value(&groups);
        let gain = &value[1]["against_first"]["means"]["accuracy"]["mean"];
        assert!((gain.as_f64().unwrap() - 0.1).abs() < 1e-12 && value[2]["against_first"]["pairs"] == 0, "{value}");
        assert!(super::paired(&groups[..1]).is_none() && super::paired(&[]).is_none());
    }

    #[test]
    fn curves_are_means_by_round_of_whoever_got_there() {
        let groups = groups();
        let at = points(&groups[1], |point| point.1);
        assert_eq!(at.iter().map(|(round, mean)| (*round, mean.mean)).collect::<Vec<_>>(), [(1.0, 0.3), (2.0, 0.8)]);
        let figures = curves(&groups).unwrap();
        assert_eq!(
            figures.iter().map(|figure| figure.name).collect::<Vec<_>>(),
            ["learning_accuracy", "learning_loss"]
        );
        assert!(figures[0].svg.contains("rate=0.2") && !figures[0].svg.contains("rate=0.3"));
        let many: Vec<Group> = (0..12).map(|_| groups[0].clone()).collect();
        assert!(curves(&many).unwrap()[0].caption.contains("4 more are in the tables"));
        assert!(curves(&groups[2..]).unwrap().is_empty());
    }
}
