//! Tables, curves and numbers of the frontiers.

use super::super::findings::Findings;
use super::super::rules;
use super::compare::{Against, Market, Predicted};
use super::{Bought, Buyer, Knows};
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_run::failure::Outcome;
use serde_json::{Value, json};

/// The largest reduction that the paper reports.
const PAPER: f64 = 0.5334;

pub fn findings(market: &Market) -> Outcome<Findings> {
    let (against, predicted) = (market.against(), market.predicted());
    let above = |knows: Knows| {
        let of =
            |found: &&Against| found.benchmark.knows == knows && found.accuracy.is_some_and(|points| points.low > 0.0);
        against.iter().filter(of).count()
    };
    let all = |knows: Knows| against.iter().filter(|found| found.benchmark.knows == knows).count();
    let most = |knows: Knows| {
        let saved = against.iter().filter(|found| found.benchmark.knows == knows).map(|found| found.saved.mean);
        saved.fold(f64::NEG_INFINITY, f64::max)
    };
    let notes = vec![
        format!(
            "At equal payments the posted price is more accurate than {} of {} benchmarks that know costs as it does, and than {} of {} where all know \
             only their distribution, with the whole paired interval.",
            above(Knows::Costs),
            all(Knows::Costs),
            above(Knows::Prior),
            all(Knows::Prior)
        ),
        format!(
            "At {} credits a point it saves at most {:.1} % of a benchmark's server cost where costs are known and {:.1} % where they are not; the \
             paper's largest is {:.2} %.",
            market.grid.worth,
            100.0 * most(Knows::Costs),
            100.0 * most(Knows::Prior),
            100.0 * PAPER
        ),
        format!(
            "Of {} sets that rules chose the forecast was off by {:.2} points on average, {:.0} % within 1.5 points.",
            predicted.sets,
            predicted.points,
            100.0 * predicted.within_1_5
        ),
    ];
    let values = [
        ("buyers", buyers(market)),
        ("worth", json!(market.grid.worth)),
        ("against", json!(against)),
        ("predicted", json!(predicted)),
        ("forecast", json!(market.forecast.fitted)),
    ];
    let charts = [chart(market, Knows::Costs), chart(market, Knows::Prior)];
    Findings::new(values, vec![compared(&against, market.grid.worth), said(&predicted), bought(market)], &charts, notes)
}

fn name(buyer: &Buyer) -> String {
    match buyer.knows {
        Knows::Costs => buyer.rule.to_string(),
        Knows::Prior => format!("{}, costs unknown", buyer.rule),
    }
}

fn buyers(market: &Market) -> Value {
    let point = |(at, worth): (usize, &f64), buyer: usize| {
        json!({
            "worth": worth,
            "payments": market.over(at, buyer, |one| one.payments),
            "accuracy": market.over(at, buyer, |one| one.score.accuracy),
            "loss": market.over(at, buyer, |one| one.score.loss),
            "predicted": market.over(at, buyer, |one| one.predicted.accuracy()),
        })
    };
    let of = |(at, buyer): (usize, &Buyer)| {
        let points: Value = market.grid.worths.iter().enumerate().map(|worth| point(worth, at)).collect();
        json!({ "rule": buyer.rule, "knows": buyer.knows, "points": points })
    };
    market.buyers.iter().enumerate().map(of).collect()
}

fn compared(against: &[Against], worth: f64) -> Table {
    let row = |found: &Against| {
        let points = found.accuracy.map(|points| [points.mean, points.low, points.high].map(|share| 100.0 * share));
        let saved = [found.saved.mean, found.saved.low, found.saved.high].map(|share| 100.0 * share);
        vec![
            name(&found.benchmark),
            points.map_or("-".into(), |[mean, ..]| format!("{mean:+.2}")),
            points.map_or("-".into(), |[_, low, high]| format!("{low:+.2} to {high:+.2}")),
            found.seeds.to_string(),
            format!("{:.1} %", saved[0]),
            format!("{:.1} to {:.1} %", saved[1], saved[2]),
        ]
    };
    let header =
        ["against", "points at equal payments", "95 % interval", "seeds", "server cost saved", "95 % interval"];
    Table {
        title: format!(
            "The posted price against benchmarks: accuracy at equal payments, and server cost at {worth} credits a point, both by the accuracy that was \
             reached"
        ),
        header: header.map(String::from).into(),
        rows: against.iter().map(row).collect(),
    }
}

fn said(found: &Predicted) -> Table {
    let span = |of: &imfl_statistics::Interval| format!("{:.3} ({:.3} to {:.3})", of.mean, of.low, of.high);
    let header = [
        "sets",
        "rank correlation with loss",
        "with error",
        "R^2 of log loss",
        "slope",
        "off, points",
        "within 1.5 points",
    ];
    Table {
        title: "What the forecast said before training of the sets that rules chose".into(),
        header: header.map(String::from).into(),
        rows: vec![vec![
            found.sets.to_string(),
            span(&found.spearman_loss),
            span(&found.spearman_error),
            format!("{:.3}", found.r2_log_loss),
            format!("{:.2}", found.slope),
            format!("{:.2}", found.points),
            format!("{:.0} %", 100.0 * found.within_1_5),
        ]],
    }
}

fn bought(market: &Market) -> Table {
    let cell = |worth: usize, buyer: usize| {
        let accuracy = market.over(worth, buyer, |one: &Bought| one.score.accuracy);
        format!("{} for {:.4}", accuracy.percent(2), market.over(worth, buyer, |one| one.payments).mean)
    };
    let row = |(at, buyer): (usize, &Buyer)| {
        let cells = (0..market.grid.worths.len()).map(|worth| cell(worth, at));
        [name(buyer)].into_iter().chain(cells).collect()
    };
    let heads = market.grid.worths.iter().map(|worth| format!("{worth} a point"));
    Table {
        title: "Accuracy reached and credits paid, by what a point is worth".into(),
        header: ["rule".to_string()].into_iter().chain(heads).collect(),
        rows: market.buyers.iter().enumerate().map(row).collect(),
    }
}

/// At most eight curves: the posted price and the benchmarks of a server that knows as much.
fn chart(market: &Market, knows: Knows) -> Chart {
    let shown = |(_, buyer): &(usize, &Buyer)| buyer.knows == knows && (buyer.rule.is_benchmark() || buyer.is_ours());
    let series = |(at, buyer): (usize, &Buyer)| {
        let mut points: Vec<_> = (0..market.grid.worths.len())
            .map(|worth| {
                (market.over(worth, at, |one| one.payments).mean, market.over(worth, at, |one| one.score.accuracy))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series {
            name: buyer.rule.to_string(),
            colour: rules::colour(buyer.rule),
            style: Style::Line(if buyer.is_ours() { 4 } else { 1 }),
            points,
        }
    };
    let (file, title) = match knows {
        Knows::Costs => ("frontier", "Test accuracy by payments, costs known"),
        Knows::Prior => ("frontier_prior", "Test accuracy by payments, costs known in distribution"),
    };
    Chart {
        name: file,
        title: title.into(),
        caption: "Means over seeds; better is up and to the left. Thick: the posted price. Thin: the benchmarks."
            .into(),
        x: Axis::linear("payments, credits"),
        y: Axis::percent("test accuracy"),
        series: market.buyers.iter().enumerate().filter(shown).map(series).rev().collect(),
    }
}
