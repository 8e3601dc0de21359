use super::{INK, mode_colour};
use crate::figure::Figure;
use crate::frame::{Axis, Frame};
use crate::palette::CONTEXT;
use crate::scale::number;
use crate::sheet::Sheet;
use crate::table::Table;
use imfl_mechanism::posted::CurvePoint;
use imfl_mechanism::{Mode, Outcome};
use plotters::style::RGBColor;

/// What the plot is called.
pub const TITLE: &str = "Server cost by price";

/// A part of the server cost, from the accuracy loss and the payments in credits.
type Part = fn(f64, f64) -> f64;

/// The lines of a plot of server cost: name, colour, width in pixels, and what is drawn.
fn parts() -> [(&'static str, RGBColor, u32, Part); 3] {
    [
        ("server cost", INK, 4, |loss, paid| loss + paid),
        ("missing accuracy", mode_colour(Mode::Local), 2, |loss, _| loss),
        ("payments", mode_colour(Mode::Augmented), 2, |_, paid| paid),
    ]
}

/// The largest value is at most so many times the smallest one on an axis.
const SPAN: f64 = 1e5;
/// The axis is logarithmic where the highest server cost is so many times the lowest.
const CLIFF: f64 = 20.0;

/// Server cost, and its two parts, against the posted price; whether the server knew every client's costs when it chose.
pub fn price(curve: &[CurvePoint], outcome: &Outcome, costs_known: bool) -> Figure {
    let known = match costs_known {
        false => {
            "The dashed price is the best one by what the server knows: costs in distribution. The curve is what each price \
                    would really have cost it."
        }
        true => "The dashed price is the lowest point: the server knows every client's costs.",
    };
    let caption = format!(
        "What each price would have cost the server: a low price loses accuracy, since few take part; a high one is paid to \
         everybody. {known}"
    );
    let rows = curve.iter().map(|point| {
        let amounts = [point.server_cost, point.accuracy_loss, point.payments].map(|amount| number(amount.to_f64()));
        [vec![number(point.price.to_f64())], amounts.to_vec()].concat()
    });
    let header = ["price", "server cost", "missing accuracy", "payments"].map(str::to_string).into();
    let table = Table { title: "What each price costs the server, in credits".into(), header, rows: rows.collect() };
    Figure::new("price", TITLE, caption, Some(table), |sheet| panel(sheet, curve, outcome, "").canvas)
}

/// The curve, its two parts, and what was decided; a rule that posts no price is a level with its name.
pub fn panel(sheet: Sheet, curve: &[CurvePoint], outcome: &Outcome, rule: &str) -> Frame {
    let chosen = outcome.price.map_or(0.0, |price| price.to_f64());
    let costs = || curve.iter().map(|point| point.server_cost.to_f64()).chain([outcome.server_cost.to_f64()]);
    let (low, high) = (costs().fold(f64::INFINITY, f64::min), costs().fold(0.0, f64::max).max(f64::MIN_POSITIVE));
    // Behind the last client that joins only payments grow, and where these alone are many times the least there is nothing to see.
    let seen = curve.iter().take_while(|point| point.payments.to_f64() <= 6.0 * outcome.server_cost.to_f64()).last();
    let last = seen.map_or(0.0, |point| point.price.to_f64()).max(chosen);
    let right = if last > 0.0 { last * 1.08 } else { 1.0 };
    let logarithmic = low > 0.0 && high > CLIFF * low;
    // Payments begin at nothing, which has no logarithm: the axis begins at a tenth of the least server cost.
    let values = if logarithmic { ((low / 10.0).max(high / SPAN), high * 1.3) } else { (0.0, high * 1.05) };
    let label = if logarithmic { "credits (logarithmic)" } else { "credits" };
    let name = &number;
    let x =
        Axis { values: (0.0, right), logarithmic: false, label: "price, credits per effective sample", ticks: 5, name };
    let y = Axis { values, logarithmic, label, ticks: 6, name };
    let mut frame = Frame::new(sheet, TITLE, &x, &y, 150.0);
    let mut labels = Vec::new();
    for (name, colour, width, part) in parts() {
        let line = steps(curve, right, part).into_iter().filter(|(_, y)| !logarithmic || *y > 0.0);
        let line: Vec<(f64, f64)> = line.map(|at| frame.at(at)).collect();
        frame.canvas.line(&line, colour, f64::from(width), "");
        if let Some(&end) = line.last() {
            labels.push((end, colour, name.to_string()));
        }
    }
    match outcome.price {
        Some(_) => frame.mark(chosen, &format!("posted: {}", number(chosen))),
        None => {
            let cost = outcome.server_cost.to_f64();
            frame.level(cost, CONTEXT);
            labels.push((frame.at((right, cost)), CONTEXT, rule.into()));
        }
    }
    frame.labels(labels);
    frame
}

/// The curve as steps: between two switch points nobody changes, so the loss is flat, while payments (and with them the
/// server cost) rise in proportion to the price.
fn steps(curve: &[CurvePoint], right: f64, part: Part) -> Vec<(f64, f64)> {
    let mut line = Vec::with_capacity(2 * curve.len());
    for (index, point) in curve.iter().enumerate().take_while(|(_, point)| point.price.to_f64() <= right) {
        let price = point.price.to_f64();
        let next = curve.get(index + 1).map_or(right, |next| next.price.to_f64().min(right));
        let (loss, paid) = (point.accuracy_loss.to_f64(), point.payments.to_f64());
        let paid_before_next = if price > 0.0 { paid * next / price } else { paid };
        line.push((price, part(loss, paid)));
        line.push((next, part(loss, paid_before_next)));
    }
    line
}
