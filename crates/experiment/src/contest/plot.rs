//! Gain against theta, pull and FID: three panels in one SVG document.

use super::table::{Ranking, Row, Table};
use imfl_mechanism::Mode;
use imfl_report::plot::{FAINT, INK, mode_colour, text};
use imfl_report::theme::themed;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::mean;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Pixels of all panels together.
const SIZE: (u32, u32) = (1500, 460);

/// What a name takes, in pixels.
const NAME: (i32, i32) = (115, 11);

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// One panel: its title, how it ranks, and what it shows of a row.
struct Panel<'a> {
    title: &'a str,
    ranking: &'a Ranking,
    of: fn(&Row) -> &Vec<f64>,
    /// Whether the measure is above zero and shown on a logarithmic axis.
    logarithmic: bool,
}

type Chart<'a, 'b, X> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, RangedCoordf64>>;

/// The whole picture.
///
/// # Errors
/// What drawing fails with.
pub fn svg(table: &Table) -> Outcome<String> {
    let mut svg = String::new();
    draw(table, &mut svg)
        .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot draw the comparison: {error}")))?;
    Ok(themed(&svg, "Gain in accuracy against theta, pull and FID"))
}

fn draw(table: &Table, svg: &mut String) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = [
        Panel { title: "theta", ranking: &table.theta, of: |row| &row.theta, logarithmic: true },
        Panel { title: "pull", ranking: &table.pull, of: |row| &row.pull, logarithmic: false },
        Panel { title: "FID", ranking: &table.fid, of: |row| &row.fid, logarithmic: true },
    ];
    for (panel, area) in panels.iter().zip(root.split_evenly((1, 3))) {
        panel.draw(&area, table)?;
    }
    root.present()?;
    Ok(())
}

impl Panel<'_> {
    /// The panel's axes, and what is in it.
    fn draw(&self, area: &DrawingArea<SVGBackend, Shift>, table: &Table) -> Drawn {
        let all = table.rows.iter().map(|row| mean((self.of)(row)));
        let (low, high) = all.fold((f64::INFINITY, 0f64), |(low, high), x| (low.min(x), high.max(x)));
        let gains = || table.rows.iter().flat_map(|row| row.gain.iter().copied());
        let (least, most) = gains().fold((0f64, 0f64), |(least, most), gain| (least.min(gain), most.max(gain)));
        let margin = 0.08 * (most - least).max(1e-3);
        let gains = least - margin..most + margin;
        let mut chart = ChartBuilder::on(area);
        chart
            .caption(format!("{}: rank correlation {:.2}", self.title, self.ranking.of_means), text(18))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(64);
        // The right end has room for names.
        if self.logarithmic {
            let measures = low.max(1e-6) / 1.3..high.max(1e-6) * 2.5;
            self.fill(chart.build_cartesian_2d(measures.log_scale(), gains)?, table)
        } else {
            let low = low.min(0.0);
            let width = (high - low).max(1e-3);
            self.fill(chart.build_cartesian_2d(low - 0.05 * width..high + 0.4 * width, gains)?, table)
        }
    }

    /// A point for each contestant: means over trials, with a line over the range of the trials' gains.
    fn fill<X>(&self, mut chart: Chart<X>, table: &Table) -> Drawn
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let place = |row: &Row| (mean((self.of)(row)), mean(&row.gain));
        chart
            .configure_mesh()
            .bold_line_style(FAINT)
            .light_line_style(WHITE)
            .axis_style(INK)
            .x_desc(format!("{}{}", self.title, if self.logarithmic { " (logarithmic)" } else { "" }))
            .x_label_formatter(&|value| match self.logarithmic && is_crowded(*value) {
                true => String::new(),
                false if *value >= 10.0 => format!("{value:.0}"),
                false => format!("{value:.2}"),
            })
            .y_desc("accuracy gained by federated training")
            .y_label_formatter(&percent)
            .label_style(text(13))
            .draw()?;
        let colour = mode_colour(Mode::Augmented);
        let range = |row: &Row| {
            let x = place(row).0;
            let ends = row.gain.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &g| (a.min(g), b.max(g)));
            PathElement::new([(x, ends.0), (x, ends.1)], colour.mix(0.5).stroke_width(2))
        };
        chart.draw_series(table.rows.iter().map(range))?;
        chart.draw_series(table.rows.iter().map(|row| Circle::new(place(row), 4, colour.filled())))?;
        let pixels: Vec<(i32, i32)> = table.rows.iter().map(|row| chart.backend_coord(&place(row))).collect();
        let shifts = apart(&pixels);
        let label = |(row, shift): (&Row, i32)| {
            EmptyElement::at(place(row)) + Text::new(row.name.clone(), (8, shift - 5), text(11))
        };
        chart.draw_series(table.rows.iter().zip(shifts).map(label))?;
        Ok(())
    }
}

/// How far names of so many pixels behind points are moved down, so that none stands on another.
fn apart(points: &[(i32, i32)]) -> Vec<i32> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&at| (points[at].1, points[at].0));
    let mut placed: Vec<(i32, i32)> = Vec::new();
    let mut shifts = vec![0; points.len()];
    for at in order {
        let (x, mut y) = points[at];
        while placed.iter().any(|(other, line)| (other - x).abs() < NAME.0 && (line - y).abs() < NAME.1) {
            y += 1;
        }
        shifts[at] = y - points[at].1;
        placed.push((x, y));
    }
    shifts
}

/// Whether a number on a logarithmic axis stands too near to its neighbours to be written there: all but 1, 2, 3 and 5 times a power of ten.
fn is_crowded(value: f64) -> bool {
    let digit = value / 10f64.powf((value.log10() + 1e-9).floor());
    [1.0, 2.0, 3.0, 5.0].iter().all(|shown| (digit - shown).abs() > 0.01)
}

/// A share as whole percent with its sign.
fn percent(share: &f64) -> String {
    let whole = (share * 100.0).round();
    if whole == 0.0 { "0 %".into() } else { format!("{whole:+.0} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_stand_at_a_logarithmic_axis() {
        assert!([0.1, 0.2, 0.3, 0.5, 1.0, 20.0].into_iter().all(|value| !is_crowded(value)));
        assert!([0.15, 0.4, 0.6, 0.7, 0.8, 0.9, 60.0].into_iter().all(is_crowded));
    }

    #[test]
    fn names_stand_apart() {
        assert_eq!(apart(&[(0, 0), (5, 3), (300, 1), (10, 40), (2, 4)]), [0, 8, 0, 0, 18]);
    }

    #[test]
    fn every_contestant_has_a_point_in_every_panel() {
        let svg = svg(&super::super::table::tests::table()).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("<circle").count(), 12);
        for ranking in ["theta: rank correlation 1.00", "pull: rank correlation 1.00", "FID: rank correlation 0.40"] {
            assert!(svg.contains(ranking), "{ranking}");
        }
    }
}
