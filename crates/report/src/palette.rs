//! Colours of every plot and page, and what becomes of them in the dark. Marks follow Okabe and Ito's palette, which people with any
//! common colour blindness tell apart; letters never carry a mark's colour, so that they keep their contrast.
//!
//! Plots hold plain colours, so that any program shows them; a style sheet replaces them where a page or a system is dark.

use imfl_mechanism::Mode;
use plotters::style::RGBColor;
use std::fmt::Write;

/// Lines and letters.
pub const INK: RGBColor = RGBColor(32, 36, 40);
/// Letters that explain.
pub const QUIET: RGBColor = RGBColor(86, 96, 106);
/// Grids and borders.
pub const FAINT: RGBColor = RGBColor(226, 230, 234);
/// What is there for comparison.
pub const CONTEXT: RGBColor = RGBColor(142, 150, 158);
const PAPER: RGBColor = RGBColor(255, 255, 255);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);

/// Colours of things without an order: seven of Okabe and Ito, then three of Tol for stacks of ten classes.
const MARKS: [RGBColor; 10] = [
    BLUE,
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    VERMILION,
    RGBColor(86, 180, 233),
    RGBColor(136, 34, 85),
    RGBColor(240, 228, 66),
    RGBColor(153, 153, 51),
    CONTEXT,
];

/// What a colour becomes on a dark page; those that are not named stay.
const DARK: [(RGBColor, RGBColor); 9] = [
    (PAPER, RGBColor(21, 25, 30)),
    (INK, RGBColor(230, 234, 238)),
    (QUIET, RGBColor(165, 175, 185)),
    (FAINT, RGBColor(52, 60, 68)),
    (RGBColor(0, 0, 0), RGBColor(230, 234, 238)),
    (BLUE, RGBColor(79, 163, 224)),
    (VERMILION, RGBColor(240, 126, 44)),
    (RGBColor(136, 34, 85), RGBColor(196, 84, 142)),
    (RGBColor(0, 158, 115), RGBColor(32, 184, 142)),
];

/// The colour of a mode, in every plot.
pub fn mode_colour(mode: Mode) -> RGBColor {
    match mode {
        Mode::Out => CONTEXT,
        Mode::Local => BLUE,
        Mode::Augmented => VERMILION,
    }
}

/// Colours of classes and of lines: ten that differ, then again from the start.
pub fn class_colour(class: usize) -> RGBColor {
    MARKS[class % MARKS.len()]
}

/// A colour as SVG writes it.
pub fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Rules that turn plots dark where the reader's system is.
pub fn dark_rules() -> String {
    let mut rules = String::from("@media screen and (prefers-color-scheme: dark) {");
    for (light, dark) in DARK {
        let (light, dark) = (hex(light), hex(dark));
        let _ = write!(rules, "svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    rules.push('}');
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast as WCAG 2 defines them.
    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |channel: u8| match f64::from(channel) / 255.0 {
            low if low <= 0.03928 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    fn dark(colour: RGBColor) -> RGBColor {
        DARK.into_iter().find(|(light, _)| *light == colour).map_or(colour, |(_, dark)| dark)
    }

    #[test]
    fn letters_reach_aa_on_light_and_dark_paper() {
        for letters in [INK, QUIET] {
            assert!(contrast(letters, PAPER) >= 4.5, "{letters:?}");
            assert!(contrast(dark(letters), dark(PAPER)) >= 4.5, "{letters:?} in the dark");
        }
    }

    #[test]
    fn modes_stand_out_from_the_paper_and_from_each_other() {
        for mode in Mode::PLAYING {
            assert!(contrast(mode_colour(mode), PAPER) >= 3.0, "{mode}");
            assert!(contrast(dark(mode_colour(mode)), dark(PAPER)) >= 3.0, "{mode} in the dark");
        }
        assert!((0..10).all(|class| (0..class).all(|other| class_colour(other) != class_colour(class))));
    }
}
