//! The allocation of every rule, trained by federated averaging for equally many rounds: accuracy, rounds to a target, payments.

use super::by_seed::BySeed;
use super::column::{Column, Unit, object, row};
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::{Lab, Score};
use super::remembered::Remembered;
use super::rules::{self, Decided};
use super::world::World;
use imfl_mechanism::{Mode, RuleChoice};
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_run::failure::Outcome;
use imfl_statistics::Interval;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Rules that are compared.
    pub rules: Vec<RuleChoice>,
    /// Test accuracy whose first round is reported.
    pub target: f64,
    /// Effort per allocation problem of personal offers and auctions.
    pub effort: u64,
}

/// What came of a rule's allocation.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    decided: Decided,
    /// Before the first round and after every round.
    scores: Vec<Score>,
}

impl Trained {
    fn last(&self) -> Score {
        // Training scores the initial model, so there is one.
        self.scores[self.scores.len() - 1]
    }

    fn rounds_to(&self, target: f64) -> Option<f64> {
        self.scores.iter().position(|score| score.accuracy >= target).map(|round| round as f64)
    }
}

/// Runs the grid.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    let rules = &grid.rules;
    let cells: Vec<(u64, RuleChoice)> =
        seeds.iter().flat_map(|&seed| rules.iter().map(move |&rule| (seed, rule))).collect();
    let labs = BySeed::new(|seed| Lab::open(world.place(seed, |_| ())?));
    let trained = Remembered::<(u64, Vec<Mode>), Vec<Score>>::new();
    let results = grid::run("accuracy", journal, &cells, 1, |&(seed, rule)| {
        let lab = labs.of(seed)?;
        let decided = rules::decide(rule, &lab.place, grid.effort)?;
        let scores = trained.of((seed, decided.modes.clone()), |(_, modes)| {
            let participants = lab.participants(modes);
            lab.train(|_| participants.clone())
        })?;
        Ok(Trained { decided, scores })
    })?;
    let of = |rule: usize| Compared {
        rule: rules[rule],
        runs: results.iter().skip(rule).step_by(rules.len()).collect(),
        target: grid.target,
    };
    findings(&(0..rules.len()).map(of).collect::<Vec<Compared>>())
}

/// One rule over all seeds.
struct Compared<'a> {
    rule: RuleChoice,
    runs: Vec<&'a Trained>,
    target: f64,
}

impl Compared<'_> {
    fn over(&self, part: impl Fn(&Trained) -> f64) -> Interval {
        self.runs.iter().map(|run| part(run)).collect()
    }

    fn accuracy(&self) -> Interval {
        COLUMNS[0].over(&self.runs)
    }

    fn payments(&self) -> Interval {
        COLUMNS[2].over(&self.runs)
    }

    /// Rounds to the target in those runs that reach it, and how many do.
    fn rounds(&self) -> (Option<Interval>, usize) {
        let reached: Vec<f64> = self.runs.iter().filter_map(|run| run.rounds_to(self.target)).collect();
        ((!reached.is_empty()).then(|| Interval::of(&reached)), reached.len())
    }

    fn json(&self) -> Value {
        let (rounds, reached) = self.rounds();
        let mut object = object(&COLUMNS, &self.runs);
        let others = [
            ("name", json!(self.rule)),
            ("benchmark", json!(self.rule.is_benchmark())),
            ("payments", json!(self.payments().mean)),
            ("rounds_to_target", json!(rounds)),
            ("reached_target", json!(reached)),
        ];
        object.extend(others.map(|(key, value)| (key.to_string(), value)));
        Value::Object(object)
    }

    fn row(&self) -> Vec<String> {
        let (rounds, reached) = self.rounds();
        let rounds = rounds.map_or("-".into(), |rounds| format!("{:.1}", rounds.mean));
        let mut cells = row(&COLUMNS, &self.runs);
        cells.splice(2..2, [rounds, format!("{reached} of {}", self.runs.len())]);
        [vec![self.rule.to_string()], cells].concat()
    }
}

const COLUMNS: [Column<Trained>; 6] = [
    Column { key: "accuracy", name: "test accuracy", unit: Unit::Percent(2), of: |run| run.last().accuracy },
    Column { key: "loss", name: "test loss", unit: Unit::Mean(4), of: |run| run.last().loss },
    Column { key: "payments_interval", name: "payments", unit: Unit::Plain(4), of: |run| run.decided.payments },
    Column { key: "server_cost", name: "server cost", unit: Unit::Mean(4), of: |run| run.decided.server_cost },
    Column { key: "local", name: "local", unit: Unit::Mean(1), of: |run| run.decided.local() as f64 },
    Column { key: "augmented", name: "augmented", unit: Unit::Mean(1), of: |run| run.decided.augmented() as f64 },
];

fn findings(compared: &[Compared]) -> Outcome<Findings> {
    let target = compared.first().map_or(0.0, |rule| rule.target);
    let mut header: Vec<String> = COLUMNS.iter().map(|column| column.name.to_string()).collect();
    header.splice(2..2, [format!("rounds to {:.0} %", target * 100.0), "reached".into()]);
    header.insert(0, "rule".into());
    let mut by_accuracy: Vec<&Compared> = compared.iter().collect();
    by_accuracy.sort_by(|a, b| b.accuracy().mean.total_cmp(&a.accuracy().mean));
    let table = Table {
        title: "Every rule's allocation after equally many rounds; money in credits, means over seeds with half the 95 % interval".into(),
        header,
        rows: by_accuracy.iter().map(|rule| rule.row()).collect(),
    };
    let mut values = serde_json::Map::new();
    values.insert("mechanisms".into(), compared.iter().map(Compared::json).collect());
    values.insert("target_accuracy".into(), json!(target));
    let mut notes = Vec::new();
    if let Some(ours) = compared.iter().find(|rule| rule.rule == RuleChoice::PostedPrice) {
        let exceptions = exceptions(ours, compared);
        notes.push(match exceptions.len() {
            0 => "The posted price has the highest accuracy among the benchmarks that pay no more.".into(),
            _ => format!(
                "Benchmarks that pay no more than the posted price and are more accurate: {}.",
                exceptions.join("; ")
            ),
        });
        values.insert("exceptions".into(), json!(exceptions));
    }
    Ok(Findings {
        values,
        tables: vec![table],
        figures: vec![by_payment(compared).draw()?, by_round(compared).draw()?],
        notes,
    })
}

/// Benchmarks that pay no more on average and are more accurate on average, with the difference of runs of the same seed.
fn exceptions(ours: &Compared, compared: &[Compared]) -> Vec<String> {
    let better = compared.iter().filter(|other| {
        other.rule.is_benchmark()
            && other.payments().mean <= ours.payments().mean
            && other.accuracy().mean > ours.accuracy().mean
    });
    let describe = |other: &Compared| {
        let pairs = other.runs.iter().zip(&ours.runs);
        let difference: Interval = pairs.map(|(a, b)| a.last().accuracy - b.last().accuracy).collect();
        let percent = |share: f64| format!("{:+.2}", share * 100.0);
        format!(
            "{} by {} points (95 % interval {} to {})",
            other.rule,
            percent(difference.mean),
            percent(difference.low),
            percent(difference.high)
        )
    };
    better.map(describe).collect()
}

fn by_payment(compared: &[Compared]) -> Chart {
    let series = |rule: &Compared| Series {
        name: rule.rule.to_string(),
        colour: rules::colour(rule.rule),
        style: Style::Dots,
        points: vec![(rule.payments().mean, rule.accuracy())],
    };
    Chart {
        name: "accuracy_by_payments",
        title: "Test accuracy by payments".into(),
        caption: "Each rule's mean over seeds with the 95 % interval of its accuracy: better is up and to the left."
            .into(),
        x: Axis::linear("payments, credits"),
        y: Axis::percent("test accuracy"),
        series: compared.iter().rev().map(series).collect(),
    }
}

fn by_round(compared: &[Compared]) -> Chart {
    let series = |rule: &Compared| {
        let rounds = rule.runs.first().map_or(0, |run| run.scores.len());
        let at =
            |round: usize| (round as f64, Interval::exactly(rule.over(|run| 1.0 - run.scores[round].accuracy).mean));
        Series {
            name: rule.rule.to_string(),
            colour: rules::colour(rule.rule),
            style: match rule.rule {
                RuleChoice::PostedPrice => Style::Line(4),
                rule if rule.is_benchmark() => Style::Line(1),
                _ => Style::Dashed,
            },
            points: (1..rounds).map(at).collect(),
        }
    };
    Chart {
        name: "error_by_round",
        title: "Test error by round".into(),
        caption: "Means over seeds, lower is better. Thick: the posted price. Dashed: rules that know more or pay everyone separately. Thin: benchmarks.".into(),
        x: Axis::linear("round"),
        y: Axis { logarithmic: true, ..Axis::percent("share of test images that are classified wrongly") },
        series: compared.iter().rev().map(series).collect(),
    }
}
