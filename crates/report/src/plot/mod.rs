//! Plots as SVG documents.

mod accuracy;
pub mod market;
mod pay;
mod price;
mod shares;

pub use accuracy::accuracy;
pub use pay::pay;
pub use price::{Part, price, steps};
pub use shares::shares;

use imfl_mechanism::Mode;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels of a plot.
const SIZE: (u32, u32) = (860, 360);
/// Lines and letters.
pub const INK: RGBColor = RGBColor(32, 36, 40);
/// Grids and borders.
pub const FAINT: RGBColor = RGBColor(226, 230, 234);

/// The colour of a mode, in every plot.
pub fn mode_colour(mode: Mode) -> RGBColor {
    match mode {
        Mode::Out => RGBColor(154, 160, 166),
        Mode::Local => RGBColor(52, 107, 163),
        Mode::Augmented => RGBColor(222, 118, 48),
    }
}

/// Colours of classes: ten that differ, then again from the start.
pub fn class_colour(class: usize) -> RGBColor {
    const COLOURS: [(u8, u8, u8); 10] = [
        (78, 121, 167),
        (242, 142, 43),
        (225, 87, 89),
        (118, 183, 178),
        (89, 161, 79),
        (237, 201, 72),
        (176, 122, 161),
        (255, 157, 167),
        (156, 117, 95),
        (130, 130, 130),
    ];
    let (red, green, blue) = COLOURS[class % COLOURS.len()];
    RGBColor(red, green, blue)
}

/// Whole numbers only, for axes that count.
fn whole(value: &f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() }
}

/// Credits with as many decimals as their size asks for.
fn credits(value: &f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

/// Letters of a size.
pub fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn centred(size: u32) -> TextStyle<'static> {
    text(size).pos(Pos::new(HPos::Center, VPos::Center))
}
