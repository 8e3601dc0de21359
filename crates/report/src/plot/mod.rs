//! Plots as SVG documents.

mod accuracy;
pub mod market;
mod pay;
mod price;
mod shares;

pub use crate::palette::{FAINT, INK, class_colour, mode_colour};
pub use accuracy::accuracy;
pub use pay::pay;
pub use price::price;
pub use shares::shares;

use plotters::prelude::*;

/// Whole numbers only, for axes that count.
fn whole(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() }
}

/// Letters of a size.
pub fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}
