//! Server cost against price, and who plays what: two panels in one SVG file.

use super::price::{parts, steps};
use super::{FAINT, INK, mode_colour, text};
use crate::theme::themed;
use imfl_mechanism::{Market, Mode, posted};
use imfl_run::failure::{Failure, Kind, Outcome};
use plotters::coord::Shift;
use plotters::prelude::*;

/// Pixels of both panels together.
const SIZE: (u32, u32) = (1100, 420);
/// Points of the curve.
const POINTS: usize = 600;
/// Clients that are drawn; of more, every n-th.
const DOTS: usize = 4000;

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws an outcome of a market.
///
/// # Errors
/// What drawing fails with.
pub fn svg(market: &Market, outcome: &imfl_mechanism::Outcome) -> Outcome<String> {
    let mut svg = String::new();
    draw(&mut svg, market, outcome).map_err(|error| Failure::new(Kind::Unexpected, format!("cannot draw: {error}")))?;
    Ok(themed(&svg, "Server cost by price, and who plays what"))
}

fn draw(svg: &mut String, market: &Market, outcome: &imfl_mechanism::Outcome) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    costs(&left, market, outcome)?;
    players(&right, market, outcome)?;
    root.present()?;
    Ok(())
}

/// Server cost and its parts against one price for all, and the outcome's server cost.
fn costs(panel: &Panel, market: &Market, outcome: &imfl_mechanism::Outcome) -> Drawn {
    let curve = posted::curve(market, POINTS)?;
    let best = curve.iter().map(|point| point.server_cost.to_f64()).fold(f64::INFINITY, f64::min);
    let best = best.min(outcome.server_cost.to_f64());
    let highest = curve.iter().map(|point| point.server_cost.to_f64()).fold(outcome.server_cost.to_f64(), f64::max);
    // what nobody taking part costs may be hundreds of times the minimum, and would hide it
    let top = 1.05 * highest.min(6.0 * best.max(outcome.server_cost.to_f64() / 4.0)).max(f64::MIN_POSITIVE);
    // to the right of where even the payments leave the panel there is nothing to see
    let seen = curve.iter().take_while(|point| point.payments.to_f64() <= top).last();
    let posted = outcome.price.map_or(0.0, |price| price.to_f64());
    let last = seen.map_or(0.0, |point| point.price.to_f64()).max(posted);
    let right = if last > 0.0 { 1.08 * last } else { 1.0 };
    let mut chart = ChartBuilder::on(panel)
        .caption("Server cost by price", text(18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .axis_style(INK)
        .x_desc("price, credits per effective sample")
        .x_labels(6)
        .x_label_formatter(&|price| short(*price))
        .y_desc("credits")
        .y_label_formatter(&|credits| short(*credits))
        .label_style(text(13))
        .draw()?;
    for (name, colour, width, part) in parts() {
        let style = colour.stroke_width(width);
        let line = steps(&curve, right, part).into_iter().filter(|(x, _)| *x <= right).map(|(x, y)| (x, y.min(top)));
        chart
            .draw_series(LineSeries::new(line, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], style));
    }
    let cost = outcome.server_cost.to_f64();
    let chosen = match outcome.price {
        Some(price) => [(price.to_f64(), 0.0), (price.to_f64(), top)],
        None => [(0.0, cost), (right, cost)],
    };
    chart
        .draw_series(DashedLineSeries::new(chosen, 6, 4, INK.stroke_width(1)))?
        .label(if outcome.price.is_some() { "posted" } else { "personal offers" })
        .legend(|(x, y)| PathElement::new([(x, y), (x + 14, y)], INK.stroke_width(1)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperMiddle)
        .background_style(WHITE.mix(0.9))
        .border_style(FAINT)
        .label_font(text(13))
        .draw()?;
    Ok(())
}

/// A dot for each client, coloured by what it does.
fn players(panel: &Panel, market: &Market, outcome: &imfl_mechanism::Outcome) -> Drawn {
    let highest = market.clients().iter().map(|client| client.compute_cost().to_f64()).fold(0.0, f64::max);
    let highest = if highest > 0.0 { 1.05 * highest } else { 1.0 };
    let mut chart = ChartBuilder::on(panel)
        .caption("Who plays what", text(18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..highest, 0.0..2.0)?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .axis_style(INK)
        .x_desc("compute cost, credits per sample")
        .x_labels(6)
        .x_label_formatter(&|cost| short(*cost))
        .y_desc("skew")
        .label_style(text(13))
        .draw()?;
    let every = market.len().div_ceil(DOTS);
    for mode in Mode::ALL {
        let colour = mode_colour(mode);
        let clients = market.clients().iter().zip(&outcome.awards).step_by(every);
        let dots = clients.filter(|(_, award)| award.mode == mode).map(|(client, _)| {
            Circle::new((client.compute_cost().to_f64(), client.skew()), 3, colour.mix(0.75).filled())
        });
        chart
            .draw_series(dots)?
            .label(mode.to_string())
            .legend(move |(x, y)| Circle::new((x + 7, y), 4, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(FAINT)
        .label_font(text(13))
        .draw()?;
    Ok(())
}

/// A number with about three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-4..1e6).contains(&size) => format!("{value:.1e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.5}").trim_end_matches('0').to_owned(),
    }
}
