//! An SVG document in the making: lines, boxes, dots and letters. What has a value says it when the pointer rests on it.

use crate::palette::{self, hex};
use plotters::style::RGBColor;
use std::fmt::Write;

/// Where letters stand from their place.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// To the right of it.
    Start,
    /// Around it.
    Middle,
    /// To the left of it.
    End,
}

/// Shapes so far.
pub struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    /// Nothing yet, on so many pixels.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// So many pixels more below.
    pub fn grow(&mut self, pixels: f64) {
        self.height += pixels;
    }

    /// How far it reaches down.
    pub fn bottom(&self) -> f64 {
        self.height
    }

    /// A line through all points; `dash` is an SVG dash pattern, or nothing.
    pub fn line(&mut self, points: &[(f64, f64)], colour: RGBColor, width: f64, dash: &str) {
        if points.len() < 2 {
            return;
        }
        self.body.push_str("<polyline fill=\"none\" points=\"");
        for (index, (x, y)) in points.iter().enumerate() {
            let _ = write!(self.body, "{}{x:.1},{y:.1}", if index > 0 { " " } else { "" });
        }
        let _ = write!(self.body, "\" stroke=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"", hex(colour));
        if !dash.is_empty() {
            let _ = write!(self.body, " stroke-dasharray=\"{dash}\"");
        }
        self.body.push_str("/>\n");
    }

    /// A filled box from its upper left corner.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: RGBColor, says: &str) {
        let colour = hex(colour);
        let _ = write!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\""
        );
        self.close("rect", says);
    }

    /// A filled circle.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: RGBColor, says: &str) {
        let _ = write!(self.body, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{}\"", hex(colour));
        self.close("circle", says);
    }

    fn close(&mut self, element: &str, says: &str) {
        match says {
            "" => self.body.push_str("/>\n"),
            _ => {
                let _ = writeln!(self.body, "><title>{}</title></{element}>", escaped(says));
            }
        }
    }

    /// Letters on a base line.
    pub fn text(&mut self, (x, y): (f64, f64), size: u32, anchor: Anchor, colour: RGBColor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (colour, text) = (hex(colour), escaped(text));
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
        );
    }

    /// Another drawing under this one.
    #[must_use]
    pub fn above(mut self, other: Self) -> Self {
        let _ = write!(self.body, "<g transform=\"translate(0 {:.0})\">\n{}</g>\n", self.height, other.body);
        Self { width: self.width.max(other.width), height: self.height + other.height, body: self.body }
    }

    /// The document, with what a screen reader reads.
    pub fn finish(self, title: &str, description: &str) -> String {
        let Self { width, height, body } = self;
        let (title, description, dark) = (escaped(title), escaped(description), palette::dark_rules());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\" font-family=\"system-ui, sans-serif\">\n\
             <title>{title}</title><desc>{description}</desc><style>{dark}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n{body}</svg>\n"
        )
    }
}

/// Text that no parser takes for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup_and_marks_say_their_value() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.dot((1.0, 2.0), 3.0, palette::INK, "<b> & \"c\"");
        let svg = canvas.finish("a<b", "d");
        assert!(svg.contains("<title>&lt;b&gt; &amp; &quot;c&quot;</title></circle>"), "{svg}");
        assert!(svg.contains("aria-label=\"a&lt;b\"") && svg.contains("role=\"img\""));
    }
}
