//! The two widths that a figure is drawn for, and how letters are fitted into them.

/// What a figure is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// A window or a page of paper: names stand to the right of the panel.
    Wide,
    /// A telephone: letters keep their size, names stand below.
    Narrow,
}

impl Sheet {
    /// Pixels from side to side.
    pub fn width(self) -> f64 {
        match self {
            Self::Wide => 760.0,
            Self::Narrow => 344.0,
        }
    }
}

/// Pixels that letters of a size take at most, by the widest of the fonts that browsers take for `system-ui`.
pub fn span(text: &str, size: u32) -> f64 {
    0.6 * f64::from(size) * text.chars().count() as f64
}

/// The text in lines of at most so many pixels; a word that is longer has a line of its own.
pub fn lines(text: &str, size: u32, pixels: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if span(line, size) + span(" ", size) + span(word, size) <= pixels => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_loses_none() {
        let text = "Accuracy by what is paid, and a-word-that-is-longer-than-a-line";
        let broken = lines(text, 10, 100.0);
        assert_eq!(broken, ["Accuracy by what", "is paid, and", "a-word-that-is-longer-than-a-line"]);
        assert_eq!(lines(text, 10, 1e9), [text]);
        assert!(lines("", 10, 100.0).is_empty());
    }
}
