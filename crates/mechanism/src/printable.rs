//! Text from outside as it may be shown on a terminal.

use std::fmt::{self, Write};

/// Shows text with every character that a terminal could take for a command, or that hides, escaped as in Rust source: control characters,
/// such as the escape that begins a colour, and invisible ones, such as those that turn the direction of writing.
///
/// ```
/// use imfl_mechanism::Printable;
///
/// assert_eq!(Printable("naïve client").to_string(), "naïve client");
/// assert_eq!(Printable("red \u{1b}[31m\n").to_string(), r"red \u{1b}[31m\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printable<'a>(
    /// The text.
    pub &'a str,
);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' | '\'' | '"' => f.write_char(character),
            _ => write!(f, "{}", character.escape_debug()),
        })
    }
}
