//! Lines with intervals and clouds of dots; names stand beside the ends of lines.

use crate::figure::Figure;
use crate::frame::{self, Frame};
use crate::palette::CONTEXT;
use crate::scale;
use crate::table::Table;
use imfl_run::failure::Outcome;
use imfl_statistics::Interval;
use plotters::style::RGBColor;

/// Pixels for labels of lines.
const LABELS: f64 = 218.0;
/// Lines with a colour of their own; of more, the first are drawn for comparison, in grey.
const COLOURED: usize = 8;
/// A linear axis becomes logarithmic where the largest value is so many times the median: a cliff would flatten all else.
const CLIFF: f64 = 50.0;
/// Letters of a label that have room.
const LETTERS: usize = 25;

/// How an axis is cut and labelled.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: &'static str,
    /// Whether equal factors are equally long; values of 0 and below are left out.
    pub logarithmic: bool,
    /// Whether labels are percentages of what is drawn.
    pub percent: bool,
}

impl Axis {
    /// An axis on which equal differences are equally long.
    pub fn linear(label: &'static str) -> Self {
        Self { label, logarithmic: false, percent: false }
    }

    /// An axis on which equal factors are equally long.
    pub fn logarithmic(label: &'static str) -> Self {
        Self { logarithmic: true, ..Self::linear(label) }
    }

    /// Shares, labelled as percentages.
    pub fn percent(label: &'static str) -> Self {
        Self { percent: true, ..Self::linear(label) }
    }

    fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }

    fn name(&self, value: f64) -> String {
        if self.percent { scale::percent(value) } else { scale::number(value) }
    }

    fn said(&self) -> String {
        let label = self.label;
        if self.logarithmic && !label.contains("log") { format!("{label} (logarithmic)") } else { label.into() }
    }
}

/// How values follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Joined by a line of so many pixels.
    Line(u32),
    /// Joined by a dashed line.
    Dashed,
    /// Not joined.
    Dots,
}

/// One thing that is drawn, and its name in the legend.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: RGBColor,
    /// How its values are joined.
    pub style: Style,
    /// Where it is, with the interval that the value lies in.
    pub points: Vec<(f64, Interval)>,
}

/// A figure with axes.
pub struct Chart {
    /// File name without ending.
    pub name: &'static str,
    /// Over the picture.
    pub title: String,
    /// Below the picture.
    pub caption: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// What is drawn, the first at the bottom.
    pub series: Vec<Series>,
}

impl Chart {
    /// Draws it.
    ///
    /// # Errors
    /// None that is expected: text of an SVG cannot fail to be written.
    pub fn draw(&self) -> Outcome<Figure> {
        let (x, y) = (self.x, self.height());
        let shown: Vec<Vec<(f64, Interval)>> = self.series.iter().map(|series| points(series, x, y)).collect();
        let across = shown.iter().flatten().map(|point| point.0);
        let up = shown.iter().flatten().flat_map(|(_, value)| [value.low, value.mean, value.high]);
        let (across, up) = (range(across, 0.02, x, false), range(up.filter(|value| y.shows(*value)), 0.05, y, true));
        let (below, left) = (x.said(), y.said());
        let named = [(&below, x, across), (&left, y, up)].map(|(label, axis, values)| frame::Axis {
            values,
            logarithmic: axis.logarithmic,
            label,
            ticks: 6,
            name: if axis.percent { &scale::percent } else { &scale::number },
        });
        let first = self.series.len().saturating_sub(COLOURED);
        Ok(Figure::new(self.name, &self.title, &self.caption, Some(self.table()), |sheet| {
            let mut frame = Frame::new(sheet, &self.title, &named[0], &named[1], LABELS);
            let mut labels = Vec::new();
            for (index, (series, points)) in self.series.iter().zip(&shown).enumerate() {
                let colour = if index < first { CONTEXT } else { series.colour };
                put(&mut frame, series, points, colour, (x, y));
                if let Some((x, value)) = points.last() {
                    labels.push((frame.at((*x, value.mean)), colour, short(&series.name)));
                }
            }
            frame.labels(labels);
            frame.canvas
        }))
    }

    /// The axis upwards: logarithmic where one value would flatten all others.
    fn height(&self) -> Axis {
        let mut values: Vec<f64> =
            self.series.iter().flat_map(|series| &series.points).map(|(_, value)| value.mean).collect();
        values.sort_by(f64::total_cmp);
        let cliff = match (values.first(), values.get(values.len() / 2), values.last()) {
            (Some(&least), Some(&middle), Some(&most)) => least > 0.0 && most > CLIFF * middle,
            _ => false,
        };
        Axis { logarithmic: self.y.logarithmic || (cliff && !self.y.percent), ..self.y }
    }

    /// All points as numbers.
    fn table(&self) -> Table {
        let rows = self.series.iter().flat_map(|series| {
            series.points.iter().map(|(x, value)| {
                let spread = match value.high > value.low {
                    true => format!("{} to {}", self.y.name(value.low), self.y.name(value.high)),
                    false => "-".into(),
                };
                vec![series.name.clone(), self.x.name(*x), self.y.name(value.mean), spread]
            })
        });
        let header = ["line", self.x.label, self.y.label, "interval"].map(str::to_string).into();
        Table { title: self.title.clone(), header, rows: rows.collect() }
    }
}

/// What has a place on both axes.
fn points(series: &Series, x: Axis, y: Axis) -> Vec<(f64, Interval)> {
    series.points.iter().copied().filter(|(at, value)| x.shows(*at) && y.shows(value.mean)).collect()
}

/// One series with its intervals.
fn put(frame: &mut Frame, series: &Series, points: &[(f64, Interval)], colour: RGBColor, (x, y): (Axis, Axis)) {
    for (at, value) in points.iter().filter(|(_, value)| value.high > value.low) {
        // An end that the axis does not reach ends at the value.
        let end = |end: f64| frame.at((*at, if y.shows(end) { end } else { value.mean }));
        let (low, high) = (end(value.low), end(value.high));
        for (from, to) in [
            (low, high),
            ((low.0 - 3.0, low.1), (low.0 + 3.0, low.1)),
            ((high.0 - 3.0, high.1), (high.0 + 3.0, high.1)),
        ] {
            frame.canvas.line(&[from, to], colour, 1.0, "");
        }
    }
    let line: Vec<(f64, f64)> = points.iter().map(|(at, value)| frame.at((*at, value.mean))).collect();
    let radius = match series.style {
        Style::Line(width) => {
            frame.canvas.line(&line, colour, f64::from(width), "");
            2.5
        }
        Style::Dashed => {
            frame.canvas.line(&line, colour, 2.0, "6 4");
            2.5
        }
        Style::Dots => 3.0,
    };
    for ((at, value), place) in points.iter().zip(line) {
        let says = format!("{}: {} at {}", series.name, y.name(value.mean), x.name(*at));
        frame.canvas.dot(place, radius, colour, &says);
    }
}

/// A name that fits beside the panel.
fn short(name: &str) -> String {
    match name.chars().count() > LETTERS {
        true => name.chars().take(LETTERS - 1).chain(['\u{2026}']).collect(),
        false => name.into(),
    }
}

/// From the smallest to the largest value with a margin; upwards from zero where that costs little room.
fn range(values: impl Iterator<Item = f64>, margin: f64, axis: Axis, up: bool) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return if axis.logarithmic { (1.0, 10.0) } else { (0.0, 1.0) };
    }
    if axis.logarithmic {
        let factor = if high > low { (high / low).powf(margin) } else { 2.0 };
        return (low / factor, high * factor);
    }
    let width = if high > low { high - low } else { high.abs().max(1.0) };
    let bottom = if up && low >= 0.0 && low < 0.6 * high { 0.0 } else { low - margin * width };
    (bottom, high + margin * width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::INK;

    fn chart(points: &[(f64, f64)], series: usize) -> Chart {
        let at = |mean: f64| Interval { mean, low: mean * 0.9, high: mean * 1.1 };
        let series = (0..series).map(|index| Series {
            name: format!("posted {index}"),
            colour: INK,
            style: Style::Line(2),
            points: points.iter().map(|&(x, y)| (x, at(y))).collect(),
        });
        Chart {
            name: "t",
            title: "Title".into(),
            caption: String::new(),
            x: Axis::logarithmic("alpha"),
            y: Axis::linear("credits"),
            series: series.collect(),
        }
    }

    #[test]
    fn a_chart_holds_its_names_and_logarithms_leave_out_what_has_none() {
        let chart = chart(&[(0.0, 1.0), (0.1, 1.0), (10.0, 100.0)], 1);
        let figure = chart.draw().unwrap();
        assert_eq!(figure.svg.matches("<circle").count(), 2, "0 has no logarithm");
        for word in ["Title", "alpha (logarithmic)", "credits", "posted 0: 100 at 10"] {
            assert!(figure.svg.contains(word), "{word}");
        }
        assert_eq!(figure.table.unwrap().rows.len(), 3, "the table leaves nothing out");
    }

    #[test]
    fn more_than_eight_lines_stand_behind_in_grey() {
        let grey = crate::palette::hex(CONTEXT);
        let of = |series| chart(&[(1.0, 1.0), (2.0, 2.0)], series).draw().unwrap().svg.contains(&grey);
        assert_eq!((of(8), of(9)), (false, true));
    }

    #[test]
    fn a_cliff_makes_the_axis_logarithmic() {
        let of = |last| chart(&[(1.0, 1.0), (2.0, 2.0), (3.0, 2.0), (4.0, last)], 1).height().logarithmic;
        assert_eq!((of(3.0), of(25_000.0)), (false, true));
        let linear = Axis::linear("");
        assert_eq!(range([2.0, 3.0].into_iter(), 0.0, linear, true), (2.0, 3.0));
        assert_eq!(range([1.0, 3.0].into_iter(), 0.0, linear, true), (0.0, 3.0));
    }
}
