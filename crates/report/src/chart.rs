//! Lines with intervals and clouds of dots, with a legend beside them.

use crate::figure::Figure;
use crate::plot::{FAINT, INK, text};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::Interval;
use plotters::coord::Shift;
use plotters::prelude::*;

/// Pixels of a figure, and of its legend.
const SIZE: (u32, u32) = (940, 420);
const LEGEND: u32 = 230;
/// Pixels of half the line across the end of an interval.
const CAP: i32 = 3;

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

    fn place(&self, value: f64) -> Option<f64> {
        match self.logarithmic {
            true => (value > 0.0).then(|| value.log10()),
            false => value.is_finite().then_some(value),
        }
    }

    fn name(&self, place: f64) -> String {
        // Between two powers of ten there is a label at half the way: 3.2 is close enough.
        let value = if self.logarithmic { significant(10f64.powf(place), 2) } else { place };
        if self.percent {
            return format!("{:.0} %", value * 100.0);
        }
        match value.abs() {
            size if size < 1e-12 => "0".into(),
            size if !(1e-3..1e5).contains(&size) => format!("{value:.1e}"),
            size if size >= 100.0 => format!("{value:.0}"),
            size if size >= 10.0 => format!("{value:.1}").trim_end_matches(".0").into(),
            _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').into(),
        }
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
        let mut svg = String::new();
        self.onto(&mut svg).map_err(|error| Failure::new(Kind::Unexpected, format!("cannot draw: {error}")))?;
        Ok(Figure { name: self.name, caption: self.caption.clone(), svg })
    }

    fn onto(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE.0 - LEGEND);
        let placed: Vec<Vec<(f64, [f64; 3])>> = self.series.iter().map(|series| self.place(series)).collect();
        let all = || placed.iter().flatten();
        let (x, y) = (
            range(all().map(|point| point.0), 0.02, false),
            range(all().flat_map(|point| point.1), 0.05, !self.y.logarithmic),
        );
        let mut chart = ChartBuilder::on(&left)
            .caption(&self.title, text(18))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(76)
            .build_cartesian_2d(x.0..x.1, y.0..y.1)?;
        chart
            .configure_mesh()
            .bold_line_style(FAINT)
            .light_line_style(WHITE)
            .axis_style(INK)
            .x_labels(8)
            .x_desc(self.x.label)
            .x_label_formatter(&|place| self.x.name(*place))
            .y_desc(self.y.label)
            .y_label_formatter(&|place| self.y.name(*place))
            .label_style(text(13))
            .draw()?;
        for (series, points) in self.series.iter().zip(&placed) {
            let line = points.iter().map(|&(x, [_, mean, _])| (x, mean));
            match series.style {
                Style::Line(width) => {
                    chart.draw_series(LineSeries::new(line, series.colour.stroke_width(width)))?;
                }
                Style::Dashed => {
                    chart.draw_series(DashedLineSeries::new(line, 6, 4, series.colour.stroke_width(2)))?;
                }
                Style::Dots => {
                    chart.draw_series(line.map(|point| Circle::new(point, 3, series.colour.mix(0.7).filled())))?;
                }
            }
            let colour = series.colour.stroke_width(1);
            let spread = || points.iter().filter(|(_, [low, _, high])| high > low);
            chart.draw_series(spread().map(|&(x, [low, _, high])| PathElement::new([(x, low), (x, high)], colour)))?;
            let caps = spread().flat_map(|&(x, [low, _, high])| [(x, low), (x, high)]);
            chart
                .draw_series(caps.map(|end| EmptyElement::at(end) + PathElement::new([(-CAP, 0), (CAP, 0)], colour)))?;
        }
        self.legend(&right)?;
        root.present()?;
        Ok(())
    }

    /// Points on the axes: x, and low, mean and high of y.
    fn place(&self, series: &Series) -> Vec<(f64, [f64; 3])> {
        let of = |&(x, value): &(f64, Interval)| {
            let mean = self.y.place(value.mean)?;
            let ends = [value.low, value.high].map(|end| self.y.place(end).unwrap_or(mean));
            Some((self.x.place(x)?, [ends[0], mean, ends[1]]))
        };
        series.points.iter().filter_map(of).collect()
    }

    fn legend(&self, area: &DrawingArea<SVGBackend, Shift>) -> Result<(), Box<dyn std::error::Error>> {
        for (index, series) in self.series.iter().rev().enumerate() {
            let y = 44 + 20 * index as i32;
            let colour = series.colour;
            match series.style {
                Style::Line(width) => {
                    area.draw(&PathElement::new([(6, y), (26, y)], colour.stroke_width(width)))?;
                }
                Style::Dashed => {
                    for start in [6, 14, 22] {
                        area.draw(&PathElement::new([(start, y), (start + 5, y)], colour.stroke_width(2)))?;
                    }
                }
                Style::Dots => area.draw(&Circle::new((16, y), 4, colour.filled()))?,
            }
            area.draw(&Text::new(series.name.clone(), (34, y - 6), text(12)))?;
        }
        Ok(())
    }
}

/// Rounded to so many significant digits.
fn significant(value: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(value.abs().log10().floor() as i32 + 1 - digits);
    (value / unit).round() * unit
}

/// From the smallest to the largest value with a margin; from zero if asked for and nothing is below.
fn range(values: impl Iterator<Item = f64>, margin: f64, from_zero: bool) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0, 1.0);
    }
    let width = if high > low { high - low } else { high.abs().max(1.0) };
    let bottom = if from_zero && low >= 0.0 && low < 0.6 * high { 0.0 } else { low - margin * width };
    (bottom, high + margin * width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_labels_are_round() {
        let axis = Axis::logarithmic("");
        let labels = [-0.5, 0.0, 0.5, 1.5, 2.5, 3.5].map(|place| axis.name(place));
        assert_eq!(labels, ["0.32", "1", "3.2", "32", "320", "3200"]);
    }

    #[test]
    fn a_chart_holds_its_names_and_logarithms_leave_out_what_has_none() {
        let at = |mean: f64| Interval { mean, low: mean * 0.9, high: mean * 1.1 };
        let series = Series {
            name: "posted".into(),
            colour: INK,
            style: Style::Line(2),
            points: vec![(0.0, at(1.0)), (0.1, at(1.0)), (10.0, at(100.0))],
        };
        let chart = Chart {
            name: "t",
            title: "Title".into(),
            caption: String::new(),
            x: Axis::logarithmic("alpha"),
            y: Axis::linear("credits"),
            series: vec![series],
        };
        assert_eq!(chart.place(&chart.series[0]).iter().map(|point| point.0.round()).collect::<Vec<_>>(), [-1.0, 1.0]);
        let svg = chart.draw().unwrap().svg;
        for word in ["Title", "alpha", "credits", "posted"] {
            assert!(svg.contains(word), "{word}");
        }
        assert_eq!(Axis::logarithmic("").name(-1.0), "0.1");
        assert_eq!(Axis::percent("").name(0.25), "25 %");
        assert_eq!(range([2.0, 3.0].into_iter(), 0.0, true), (2.0, 3.0));
        assert_eq!(range([1.0, 3.0].into_iter(), 0.0, true), (0.0, 3.0));
    }
}
