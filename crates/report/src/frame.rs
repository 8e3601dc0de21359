//! What plots with two axes share: title, grid, names of ticks, and labels that stand beside the ends of lines.

use crate::canvas::{Anchor, Canvas};
use crate::palette::{FAINT, INK, QUIET};
use crate::scale::Scale;
use crate::sheet::{Sheet, lines, span};
use plotters::style::RGBColor;

/// Where the panel begins from the left.
const LEFT: f64 = 68.0;
/// The margin of letters that belong to no place in the panel.
const MARGIN: f64 = 14.0;
/// Sizes of letters: of the title, and of all others.
const TITLE: u32 = 16;
const LETTERS: u32 = 13;
/// Pixels between the base lines of two labels.
const LINE: f64 = 17.0;
/// Pixels from a mark in a legend to its name, and from there to the next mark.
const MARK: f64 = 18.0;
const GAP: f64 = 16.0;

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

/// How a thing is marked in a legend.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// By its colour in a box.
    Box,
    /// By a line.
    Line,
    /// By a dot.
    Dot,
}

/// A canvas with axes.
pub struct Frame {
    /// What is drawn on.
    pub canvas: Canvas,
    /// From left to right.
    pub x: Scale,
    /// From bottom to top.
    pub y: Scale,
    sheet: Sheet,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    /// Title and axes; on a wide sheet with so many pixels to the right for labels.
    pub fn new(sheet: Sheet, title: &str, x: &Axis, y: &Axis, labels: f64) -> Self {
        let width = sheet.width();
        let (left, right, height, ticks) = match sheet {
            Sheet::Wide => (LEFT, width - labels.max(16.0), 264.0, x.ticks),
            Sheet::Narrow => (LEFT - 14.0, width - MARGIN, 200.0, x.ticks.min(4)),
        };
        // Grows by what is put below, line by line.
        let mut canvas = Canvas::new(width, 0.0);
        let letters = width - 2.0 * MARGIN;
        for (size, colour, text) in [(TITLE, INK, title), (LETTERS, QUIET, y.label)] {
            for line in broken(sheet, text, size, letters) {
                canvas.grow(f64::from(size) * 1.4);
                canvas.text((MARGIN, canvas.bottom()), size, Anchor::Start, colour, &line);
            }
        }
        // Room for the name of a mark above the panel.
        canvas.grow(if sheet == Sheet::Wide { 25.0 } else { 34.0 });
        let (top, bottom) = (canvas.bottom(), canvas.bottom() + height);
        let across = Scale { values: x.values, pixels: (left, right), logarithmic: x.logarithmic };
        let up = Scale { values: y.values, pixels: (bottom, top), logarithmic: y.logarithmic };
        for (value, name) in up.ticks(y.ticks, y.name) {
            let at = up.at(value);
            canvas.line(&[(left, at), (right, at)], FAINT, 1.0, "");
            canvas.text((left - 8.0, at + 4.5), LETTERS, Anchor::End, QUIET, &name);
        }
        let mut free = 0.0;
        for (value, name) in across.ticks(ticks, x.name).into_iter().filter(|(_, name)| !name.is_empty()) {
            let at = across.at(value);
            canvas.line(&[(at, bottom), (at, bottom + 5.0)], QUIET, 1.0, "");
            let half = span(&name, LETTERS) / 2.0;
            if at - half >= free && (sheet == Sheet::Wide || at + half <= width) {
                canvas.text((at, bottom + 20.0), LETTERS, Anchor::Middle, QUIET, &name);
                free = at + half;
            }
        }
        canvas.line(&[(left, bottom), (right, bottom)], QUIET, 1.0, "");
        canvas.grow(height + 21.0);
        for line in broken(sheet, x.label, LETTERS, letters) {
            canvas.grow(LINE);
            canvas.text(((left + right) / 2.0, canvas.bottom()), LETTERS, Anchor::Middle, QUIET, &line);
        }
        canvas.grow(12.0);
        Self { canvas, x: across, y: up, sheet, left, right, top, bottom }
    }

    /// Pixels of a value.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    /// A line across the whole panel at one value of y.
    pub fn level(&mut self, y: f64, colour: RGBColor) {
        let at = self.y.at(y);
        self.canvas.line(&[(self.left, at), (self.right, at)], colour, 1.5, "6 4");
    }

    /// A line over the whole height at one value of x, with its name above the panel.
    pub fn mark(&mut self, x: f64, name: &str) {
        let at = self.x.at(x);
        self.canvas.line(&[(at, self.top - 4.0), (at, self.bottom)], INK, 1.5, "6 4");
        let anchor = if at > (self.left + self.right) / 2.0 { Anchor::End } else { Anchor::Start };
        self.canvas.text((at, self.top - 9.0), LETTERS, anchor, INK, name);
    }

    /// Names beside the ends of lines, none over another: in the order of their heights where they stand to the right, in their own below.
    pub fn labels(&mut self, mut labels: Vec<((f64, f64), RGBColor, String)>) {
        if self.sheet == Sheet::Narrow {
            let named: Vec<_> = labels.iter().map(|(_, colour, name)| (Mark::Line, *colour, name.as_str())).collect();
            return self.legend(&named);
        }
        labels.sort_by(|one, other| one.0.1.total_cmp(&other.0.1));
        let wanted: Vec<f64> = labels.iter().map(|label| label.0.1).collect();
        let heights = apart(&wanted, (self.top, self.bottom));
        for (((x, y), colour, name), height) in labels.into_iter().zip(heights) {
            let from = x.min(self.right);
            self.canvas.line(&[(from + 2.0, y), (self.right + 14.0, height)], FAINT, 1.0, "");
            self.canvas.line(&[(self.right + 14.0, height), (self.right + 28.0, height)], colour, 3.0, "");
            self.canvas.text((self.right + 33.0, height + 4.5), LETTERS, Anchor::Start, INK, &name);
        }
    }

    /// What colours mean: beside the title, or below the panel on a narrow sheet.
    pub fn legend(&mut self, marks: &[(Mark, RGBColor, &str)]) {
        let span = |name: &str| MARK + span(name, LETTERS) + GAP;
        let wide = marks.iter().map(|(_, _, name)| span(name)).sum::<f64>();
        let (first, mut y) = match self.sheet {
            Sheet::Wide => (self.sheet.width() - wide, 22.0),
            Sheet::Narrow => (MARGIN, self.canvas.bottom()),
        };
        let mut x = f64::INFINITY;
        for &(mark, colour, name) in marks {
            if self.sheet == Sheet::Narrow && x + span(name) - GAP > self.sheet.width() {
                self.canvas.grow(LINE);
                (x, y) = (first, self.canvas.bottom() - 4.0);
            } else if x.is_infinite() {
                x = first;
            }
            match mark {
                Mark::Box => self.canvas.rectangle((x, y - 10.5), (12.0, 12.0), colour, ""),
                Mark::Line => self.canvas.line(&[(x, y - 4.5), (x + 13.0, y - 4.5)], colour, 3.0, ""),
                Mark::Dot => self.canvas.dot((x + 6.0, y - 4.5), 5.0, colour, ""),
            }
            self.canvas.text((x + MARK, y), LETTERS, Anchor::Start, INK, name);
            x += span(name);
        }
        if self.sheet == Sheet::Narrow {
            self.canvas.grow(8.0);
        }
    }
}

/// The text in lines that a narrow sheet holds; a wide one has room for any.
fn broken(sheet: Sheet, text: &str, size: u32, pixels: f64) -> Vec<String> {
    match sheet {
        Sheet::Wide => vec![text.into()],
        Sheet::Narrow => lines(text, size, pixels),
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
