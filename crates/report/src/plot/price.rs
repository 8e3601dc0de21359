use super::{FAINT, INK, SIZE, centred, credits, mode_colour, text};
use crate::figure::{Figure, unexpected};
use imfl_mechanism::Mode;
use imfl_mechanism::posted::CurvePoint;
use imfl_run::allocation::Allocation;
use imfl_run::failure::Outcome;
use plotters::prelude::*;

/// A part of the server cost, from the accuracy loss and the payments in credits.
pub type Part = fn(f64, f64) -> f64;

/// The lines of a plot of server cost: name, colour, width in pixels, and what is drawn.
pub fn parts() -> [(&'static str, RGBColor, u32, Part); 3] {
    [
        ("server cost", INK, 3, |loss, paid| loss + paid),
        ("accuracy loss", mode_colour(Mode::Local), 2, |loss, _| loss),
        ("payments", mode_colour(Mode::Augmented), 2, |_, paid| paid),
    ]
}

/// Server cost, and its two parts, against the posted price.
pub fn price(allocation: &Allocation) -> Outcome<Figure> {
    let mut svg = String::new();
    draw(allocation, &mut svg).map_err(unexpected)?;
    let known = match allocation.outcome.estimate {
        Some(_) => {
            "The dashed price is the best one by what the server knows: costs in distribution. The curve is what each price \
                    would really have cost it."
        }
        None => "The dashed price is the lowest point: the server knows every client's costs.",
    };
    let caption = format!("Server cost by price: accuracy loss in credits, plus payments. {known}");
    Ok(Figure { name: "price", caption, svg })
}

fn draw(allocation: &Allocation, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let chosen = allocation.outcome.price.map_or(0.0, |price| price.to_f64());
    let curve = &allocation.curve;
    // Behind the last client that joins only payments grow.
    let last = curve.last().map_or(0.0, |point| point.price.to_f64());
    let right = if last.max(chosen) > 0.0 { last.max(chosen) * 1.08 } else { 1.0 };
    let top = curve.iter().map(|point| point.server_cost.to_f64()).fold(0.0, f64::max) * 1.05;
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Server cost by price", text(18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..right, 0.0..top.max(f64::MIN_POSITIVE))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .axis_style(INK)
        .x_desc("price, credits per effective sample")
        .x_label_formatter(&credits)
        .y_desc("credits")
        .y_label_formatter(&credits)
        .label_style(text(13))
        .draw()?;
    for (name, colour, width, part) in parts() {
        let style = colour.stroke_width(width);
        chart
            .draw_series(LineSeries::new(steps(curve, right, part), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], style));
    }
    let dashed = DashedLineSeries::new([(chosen, 0.0), (chosen, top)], 6, 4, INK.stroke_width(1));
    chart.draw_series(dashed)?;
    chart.draw_series([Text::new("posted", (chosen, top * 0.97), centred(13))])?;
    let position = SeriesLabelPosition::MiddleRight;
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.9))
        .border_style(FAINT)
        .label_font(text(13))
        .draw()?;
    root.present()?;
    Ok(())
}

/// The curve as steps: between two switch points nobody changes, so the loss is flat, while payments (and with them the
/// server cost) rise in proportion to the price.
pub fn steps(curve: &[CurvePoint], right: f64, part: Part) -> Vec<(f64, f64)> {
    let mut line = Vec::with_capacity(2 * curve.len());
    for (index, point) in curve.iter().enumerate() {
        let price = point.price.to_f64();
        let next = curve.get(index + 1).map_or(right, |next| next.price.to_f64());
        let (loss, paid) = (point.accuracy_loss.to_f64(), point.payments.to_f64());
        let paid_before_next = if price > 0.0 { paid * next / price } else { paid };
        line.push((price, part(loss, paid)));
        line.push((next, part(loss, paid_before_next)));
    }
    line
}
