use super::{FAINT, INK, SIZE, mode_colour, text, whole};
use crate::figure::{Figure, unexpected};
use imfl_mechanism::Mode;
use imfl_run::failure::Outcome;
use imfl_run::metrics::RoundMetrics;
use plotters::prelude::*;

/// Test accuracy after every round.
pub fn accuracy(rounds: &[RoundMetrics]) -> Outcome<Figure> {
    let mut svg = String::new();
    draw(rounds, &mut svg).map_err(unexpected)?;
    let last = rounds.last().map_or(0.0, |round| round.accuracy);
    let caption = format!("Accuracy on the test images by round; {:.2} % at the end.", last * 100.0);
    Ok(Figure { name: "accuracy", caption, svg })
}

fn draw(rounds: &[RoundMetrics], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let last = rounds.len().max(2) as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption("Test accuracy", text(18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(56)
        .build_cartesian_2d(1.0..last, 0.0..1.0)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .axis_style(INK)
        .x_labels(rounds.len().clamp(2, 20))
        .x_desc("round")
        .x_label_formatter(&whole)
        .y_label_formatter(&|accuracy| format!("{:.0} %", accuracy * 100.0))
        .label_style(text(13))
        .draw()?;
    let colour = mode_colour(Mode::Local);
    let points = || rounds.iter().map(|round| (round.round as f64, round.accuracy));
    chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
    chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    root.present()?;
    Ok(())
}
