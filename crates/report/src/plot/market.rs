//! Server cost against price, and who plays what: as two figures, or as two panels in one SVG document.

use super::{mode_colour, price};
use crate::figure::Figure;
use crate::frame::{Axis, Frame, Mark};
use crate::scale::number;
use crate::sheet::Sheet;
use imfl_mechanism::{Market, Mode, posted};
use imfl_run::failure::Outcome;

/// What the plot of clients is called.
const PLAYERS: &str = "Who plays what";
/// Points of the curve.
const POINTS: usize = 600;
/// Clients that are drawn; of more, every n-th.
const DOTS: usize = 4000;

/// Draws an outcome of a market.
///
/// # Errors
/// What the mechanism fails with when it follows the price.
pub fn svg(market: &Market, outcome: &imfl_mechanism::Outcome) -> Outcome<String> {
    let costs = price::panel(Sheet::Wide, &posted::curve(market, POINTS)?, outcome, "personal offers");
    let description = "Above: what each price would cost the server. Below: each client by its cost and the skew of its labels, \
                       coloured by how it takes part.";
    let canvas = costs.canvas.above(players(Sheet::Wide, market, outcome).canvas);
    Ok(canvas.finish("Server cost by price, and who plays what", description))
}

/// The two as figures, for a page; a rule that posts no price is a level with its name. Whoever posts one may know costs or not.
///
/// # Errors
/// As [`svg`].
pub fn figures(
    market: &Market,
    outcome: &imfl_mechanism::Outcome,
    rule: &str,
    costs_known: bool,
) -> Outcome<[Figure; 2]> {
    let curve = posted::curve(market, POINTS)?;
    let mut price = price::price(&curve, outcome, costs_known);
    if outcome.price.is_none() {
        let caption = format!(
            "The level is what the server pays and misses by this rule ({rule}). The curve is for comparison: what each single \
             price for everybody would cost it."
        );
        let table = price.table;
        price = Figure::new("price", price::TITLE, caption, table, |sheet| {
            price::panel(sheet, &curve, outcome, rule).canvas
        });
    }
    let caption = "Each client by what a sample costs it and how far its labels are from the mix that is aimed at.";
    let players = Figure::new("players", PLAYERS, caption, None, |sheet| players(sheet, market, outcome).canvas);
    Ok([price, players])
}

/// A dot for each client, coloured by what it does.
fn players(sheet: Sheet, market: &Market, outcome: &imfl_mechanism::Outcome) -> Frame {
    let highest = market.clients().iter().map(|client| client.compute_cost().to_f64()).fold(0.0, f64::max);
    let highest = if highest > 0.0 { 1.05 * highest } else { 1.0 };
    let name = &number;
    let label = "compute cost, credits per sample";
    let x = Axis { values: (0.0, highest), logarithmic: false, label, ticks: 6, name };
    let label = "skew of its labels: 0 is the mix that is aimed at, 2 the farthest from it";
    let y = Axis { values: (0.0, 2.0), logarithmic: false, label, ticks: 4, name };
    let mut frame = Frame::new(sheet, PLAYERS, &x, &y, 0.0);
    let every = market.len().div_ceil(DOTS).max(1);
    let names = Mode::ALL.map(|mode| (mode, mode.to_string()));
    frame.legend(&names.each_ref().map(|(mode, name)| (Mark::Dot, mode_colour(*mode), name.as_str())));
    for mode in Mode::ALL {
        let colour = mode_colour(mode);
        for (index, (client, award)) in market.clients().iter().zip(&outcome.awards).enumerate().step_by(every) {
            if award.mode == mode {
                let place = frame.at((client.compute_cost().to_f64(), client.skew()));
                frame.canvas.dot(place, 4.0, colour, &format!("client {index}: {mode}, paid {}", award.payment));
            }
        }
    }
    frame
}
