//! What plots with two axes share: title, grid, names of ticks, and labels that stand beside the ends of lines.

use crate::canvas::{Anchor, Canvas};
use crate::palette::{FAINT, INK, QUIET};
use crate::scale::Scale;
use plotters::style::RGBColor;

/// Pixels of a plot.
const SIZE: (f64, f64) = (760.0, 380.0);
/// Where the panel begins and ends; labels of lines stand to its right.
const LEFT: f64 = 68.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 330.0;
/// Pixels between the base lines of two labels.
const LINE: f64 = 17.0;

/// An axis: the values at its ends, what it shows, and how it names values.
pub struct Axis<'a> {
    /// The values at both ends.
    pub values: (f64, f64),
    /// Whether equal factors are equally long.
    pub logarithmic: bool,
    /// What it shows, with its unit.
    pub label: &'a str,
    /// About how many values it names.
    pub ticks: usize,
    /// How it names them; an empty name is left out.
    pub name: &'a dyn Fn(f64) -> String,
}

/// A canvas with axes.
pub struct Frame {
    /// What is drawn on.
    pub canvas: Canvas,
    /// From left to right.
    pub x: Scale,
    /// From bottom to top.
    pub y: Scale,
    right: f64,
}

impl Frame {
    /// Title and axes, with so many pixels to the right for labels.
    pub fn new(title: &str, x: &Axis, y: &Axis, labels: f64) -> Self {
        let right = SIZE.0 - labels.max(16.0);
        let mut canvas = Canvas::new(SIZE.0, SIZE.1);
        canvas.text((14.0, 22.0), 16, Anchor::Start, INK, title);
        canvas.text((14.0, 46.0), 13, Anchor::Start, QUIET, y.label);
        canvas.text(((LEFT + right) / 2.0, SIZE.1 - 12.0), 13, Anchor::Middle, QUIET, x.label);
        let across = Scale { values: x.values, pixels: (LEFT, right), logarithmic: x.logarithmic };
        let up = Scale { values: y.values, pixels: (BOTTOM, TOP), logarithmic: y.logarithmic };
        for (value, name) in up.ticks(y.ticks, y.name) {
            let at = up.at(value);
            canvas.line(&[(LEFT, at), (right, at)], FAINT, 1.0, "");
            canvas.text((LEFT - 8.0, at + 4.5), 13, Anchor::End, QUIET, &name);
        }
        for (value, name) in across.ticks(x.ticks, x.name).into_iter().filter(|(_, name)| !name.is_empty()) {
            let at = across.at(value);
            canvas.line(&[(at, BOTTOM), (at, BOTTOM + 5.0)], QUIET, 1.0, "");
            canvas.text((at, BOTTOM + 20.0), 13, Anchor::Middle, QUIET, &name);
        }
        canvas.line(&[(LEFT, BOTTOM), (right, BOTTOM)], QUIET, 1.0, "");
        Self { canvas, x: across, y: up, right }
    }

    /// Pixels of a value.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    /// A line across the whole panel at one value of y.
    pub fn level(&mut self, y: f64, colour: RGBColor) {
        let at = self.y.at(y);
        self.canvas.line(&[(LEFT, at), (self.right, at)], colour, 1.5, "6 4");
    }

    /// A line over the whole height at one value of x, with its name above the panel.
    pub fn mark(&mut self, x: f64, name: &str) {
        let at = self.x.at(x);
        self.canvas.line(&[(at, TOP - 4.0), (at, BOTTOM)], INK, 1.5, "6 4");
        let anchor = if at > (LEFT + self.right) / 2.0 { Anchor::End } else { Anchor::Start };
        self.canvas.text((at, TOP - 9.0), 13, anchor, INK, name);
    }

    /// Names beside the ends of lines, in the order of their heights, none over another.
    pub fn labels(&mut self, mut labels: Vec<((f64, f64), RGBColor, String)>) {
        labels.sort_by(|one, other| one.0.1.total_cmp(&other.0.1));
        let heights = apart(&labels.iter().map(|label| label.0.1).collect::<Vec<_>>(), (TOP, BOTTOM));
        for (((x, y), colour, name), height) in labels.into_iter().zip(heights) {
            let from = x.min(self.right);
            self.canvas.line(&[(from + 2.0, y), (self.right + 14.0, height)], FAINT, 1.0, "");
            self.canvas.line(&[(self.right + 14.0, height), (self.right + 28.0, height)], colour, 3.0, "");
            self.canvas.text((self.right + 33.0, height + 4.5), 13, Anchor::Start, INK, &name);
        }
    }
}

/// Rising heights at least a line apart, near to those that are asked for, inside the panel as long as they fit.
fn apart(wanted: &[f64], (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut heights = wanted.to_vec();
    for index in 1..heights.len() {
        heights[index] = heights[index].max(heights[index - 1] + LINE);
    }
    let mut limit = bottom;
    for height in heights.iter_mut().rev() {
        *height = height.min(limit);
        limit = *height - LINE;
    }
    let missing = heights.first().map_or(0.0, |first| (top - 20.0 - first).max(0.0));
    heights.iter().map(|height| height + missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_lie_on_each_other_or_leave_the_panel() {
        assert_eq!(apart(&[10.0, 100.0], (0.0, 200.0)), [10.0, 100.0]);
        let close = apart(&[198.0, 199.0, 200.0], (0.0, 200.0));
        assert_eq!(close, [166.0, 183.0, 200.0]);
        assert!(apart(&[50.0; 8], (0.0, 200.0)).windows(2).all(|pair| pair[1] - pair[0] >= LINE - 1e-9));
    }
}
