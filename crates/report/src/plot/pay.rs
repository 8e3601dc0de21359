use super::{FAINT, INK, SIZE, credits, mode_colour, text, whole};
use crate::figure::{Figure, unexpected};
use imfl_mechanism::Mode;
use imfl_run::allocation::Allocation;
use imfl_run::failure::Outcome;
use plotters::prelude::*;

/// Payment and cost of every client, coloured by its mode.
pub fn pay(allocation: &Allocation) -> Outcome<Figure> {
    let mut svg = String::new();
    draw(allocation, &mut svg).map_err(unexpected)?;
    let caption =
        "What each client is paid (bar, coloured by its mode) and what taking part costs it (line across the bar); \
                   the distance is its gain. Clients without a bar stay out."
            .into();
    Ok(Figure { name: "pay", caption, svg })
}

fn draw(allocation: &Allocation, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let awards = &allocation.outcome.awards;
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let highest = awards.iter().map(|award| award.payment.to_f64()).fold(0.0, f64::max);
    let highest = if highest > 0.0 { highest * 1.1 } else { 1.0 };
    let count = awards.len() as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption("Payments by client", text(18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(76)
        .build_cartesian_2d(-0.6..count - 0.4, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .axis_style(INK)
        .x_labels(awards.len().min(20))
        .x_desc("client")
        .x_label_formatter(&whole)
        .y_desc("credits")
        .y_label_formatter(&credits)
        .label_style(text(13))
        .draw()?;
    for mode in Mode::PLAYING {
        let colour = mode_colour(mode);
        let bars = awards.iter().enumerate().filter(|(_, award)| award.mode == mode).map(|(client, award)| {
            let x = client as f64;
            Rectangle::new([(x - 0.38, 0.0), (x + 0.38, award.payment.to_f64())], colour.filled())
        });
        chart
            .draw_series(bars)?
            .label(mode.to_string())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    let costs = awards.iter().enumerate().filter(|(_, award)| award.mode.plays()).map(|(client, award)| {
        let (x, cost) = (client as f64, award.cost.to_f64());
        PathElement::new([(x - 0.38, cost), (x + 0.38, cost)], INK.stroke_width(2))
    });
    chart
        .draw_series(costs)?
        .label("cost")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 12, y)], INK.stroke_width(2)));
    chart.configure_series_labels().background_style(WHITE.mix(0.9)).border_style(FAINT).label_font(text(13)).draw()?;
    root.present()?;
    Ok(())
}
