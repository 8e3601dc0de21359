use super::{mode_colour, whole};
use crate::figure::Figure;
use crate::frame::{Axis, Frame};
use crate::palette::INK;
use crate::scale::percent;
use crate::table::Table;
use imfl_mechanism::Mode;
use imfl_run::metrics::RoundMetrics;

/// The axis shows at least this share of all accuracies, so that noise does not look like a trend.
const LEAST: f64 = 0.05;

/// Test accuracy after every round, and what was predicted of it before the first.
pub fn accuracy(rounds: &[RoundMetrics], predicted: Option<f64>) -> Figure {
    let reached = rounds.last().map_or(0.0, |round| round.accuracy);
    let expected = predicted.map_or(String::new(), |share| format!(" {:.2} % had been predicted.", share * 100.0));
    let caption = format!(
        "Share of the test samples that the shared model gets right after each round: {:.2} % at the end.{expected} \
         The axis shows only the part where something happens.",
        reached * 100.0
    );
    let (first, last) = (rounds.first().map_or(1, |round| round.round), rounds.last().map_or(1, |round| round.round));
    let across = if last > first { (first as f64, last as f64) } else { (first as f64 - 1.0, last as f64 + 1.0) };
    let x = Axis { values: across, logarithmic: false, label: "round", ticks: 8, name: &whole };
    let up = zoomed(rounds.iter().map(|round| round.accuracy).chain(predicted));
    let y = Axis { values: up, logarithmic: false, label: "test samples that are right", ticks: 6, name: &percent };
    let rows = rounds.iter().map(|round| {
        vec![round.round.to_string(), format!("{:.2} %", round.accuracy * 100.0), format!("{:.4}", round.loss)]
    });
    let header = ["round", "accuracy", "loss"].map(str::to_string).into();
    let table = Table { title: "Accuracy and loss on the test samples by round".into(), header, rows: rows.collect() };
    Figure::new("accuracy", "Test accuracy", caption, Some(table), |sheet| {
        let mut frame = Frame::new(sheet, "Test accuracy", &x, &y, 180.0);
        let colour = mode_colour(Mode::Local);
        let line: Vec<(f64, f64)> = rounds.iter().map(|round| frame.at((round.round as f64, round.accuracy))).collect();
        frame.canvas.line(&line, colour, 2.5, "");
        for (round, &place) in rounds.iter().zip(&line) {
            let says = format!("round {}: {:.2} %", round.round, round.accuracy * 100.0);
            frame.canvas.dot(place, if rounds.len() > 60 { 1.5 } else { 3.5 }, colour, &says);
        }
        let mut labels = Vec::new();
        if let Some(&end) = line.last() {
            labels.push((end, colour, format!("{:.2} %", reached * 100.0)));
        }
        if let Some(share) = predicted {
            frame.level(share, INK);
            labels.push((frame.at((across.1, share)), INK, format!("{:.2} % predicted", share * 100.0)));
        }
        frame.labels(labels);
        frame.canvas
    })
}

/// Around all values, not beyond 0 and 1.
fn zoomed(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((1.0f64, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    let missing = (LEAST - (high - low)).max(0.0) / 2.0;
    let margin = 0.06 * (high - low) + missing;
    ((low - margin).max(0.0), (high + margin).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::zoomed;

    #[test]
    fn the_axis_shows_where_something_happens() {
        let (low, high) = zoomed([0.90, 0.905].into_iter());
        assert!(low > 0.87 && high < 0.93 && high - low >= 0.05 - 1e-9, "{low} {high}");
        let (low, high) = zoomed([0.1, 0.99].into_iter());
        assert!((0.0..0.1).contains(&low) && high == 1.0);
    }
}
