use imfl_engine::data::Vocabulary;

/// What a text is to the network: so many of the first numbers of its vocabulary, which stand for its most frequent words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbols {
    /// Symbols of a text, with the padding behind its words.
    pub length: usize,
    /// Different symbols, 0 to `count - 1`; a word with a greater number is [`Vocabulary::UNKNOWN`].
    pub count: usize,
}

impl Symbols {
    /// The symbols of a stored text, `[length]`.
    pub fn of(self, record: &[u8]) -> Vec<u16> {
        let known = |number: u16| if usize::from(number) < self.count { number } else { Vocabulary::UNKNOWN };
        let mut symbols: Vec<u16> = Vocabulary::numbers(record).take(self.length).map(known).collect();
        symbols.resize(self.length, Vocabulary::PADDING);
        symbols
    }

    /// The number that stands for a masked symbol.
    pub fn mask(self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_are_unknown_and_short_texts_are_filled_up() {
        let symbols = Symbols { length: 4, count: 6 };
        assert_eq!(symbols.of(&Vocabulary::record(&[5, 6, 2, 0, 0, 0])), [5, 1, 2, 0]);
        assert_eq!(symbols.of(&Vocabulary::record(&[2, 3, 4, 5, 2])), [2, 3, 4, 5]);
        assert_eq!(symbols.of(&Vocabulary::record(&[2, 3])), [2, 3, 0, 0]);
    }
}
