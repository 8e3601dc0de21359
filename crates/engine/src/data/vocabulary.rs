//! The words that texts are made of: what is stored of a text, and what a model gets of it.

use super::shape::ImageShape;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The words that a dataset knows, and how many of a text are kept.
///
/// A text is stored as `length` little-endian 16-bit numbers, one for each word: [`Vocabulary::PADDING`] behind its end,
/// [`Vocabulary::UNKNOWN`] for a word that is not known, else 2 and the word's place.
///
/// ```
/// use imfl_engine::data::Vocabulary;
///
/// let counts = [("red", 3), ("fruit", 2), ("a", 9)].map(|(word, count)| (word.to_string(), count));
/// let vocabulary = Vocabulary::of_counts(counts.into(), 2);
/// let record = vocabulary.encode("A red, RED moon").record;
/// assert_eq!(vocabulary.decode(&record), "a red red <unknown>");
/// assert_eq!(record.len(), 2 * Vocabulary::LENGTH);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Vocabulary {
    /// In the order of the alphabet, each once.
    words: Vec<String>,
    length: usize,
}

/// A vocabulary as it stands in a file, before it is checked.
#[derive(Deserialize)]
struct Parts {
    words: Vec<String>,
    length: usize,
}

impl TryFrom<Parts> for Vocabulary {
    type Error = String;

    fn try_from(Parts { words, length }: Parts) -> Result<Self, String> {
        if !words.is_sorted_by(|a, b| a < b) || words.len() > Self::MOST {
            return Err(format!("the words of a vocabulary are in order, each once, and at most {}", Self::MOST));
        }
        if !(1..=Self::LONGEST).contains(&length) {
            return Err(format!("texts of {length} words; expected 1 to {}", Self::LONGEST));
        }
        Ok(Self { words, length })
    }
}

/// A text as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Two bytes for each of the words that are kept.
    pub record: Vec<u8>,
    /// Words of the text, also those that were cut off.
    pub words: usize,
}

impl Vocabulary {
    /// What stands behind the last word of a text.
    pub const PADDING: u16 = 0;
    /// What stands for each word that is not known.
    pub const UNKNOWN: u16 = 1;
    /// Symbols that are no words.
    const SPECIAL: usize = 2;
    /// The most words, so that there are 4,096 symbols.
    pub const MOST: usize = 4096 - Self::SPECIAL;
    /// Words of a text that are kept.
    pub const LENGTH: usize = 32;
    /// The most that a file may ask to keep.
    const LONGEST: usize = 4096;

    /// The `most` most frequent words, of equally frequent ones the first in the alphabet.
    pub fn of_counts(counts: HashMap<String, u64>, most: usize) -> Self {
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(most.min(Self::MOST));
        let mut words: Vec<String> = counts.into_iter().map(|(word, _)| word).collect();
        words.sort_unstable();
        Self { words, length: Self::LENGTH }
    }

    /// The words, in the order of the alphabet.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Words of a text that are kept.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Different numbers that a text may hold: one for each word, [`Vocabulary::PADDING`] and [`Vocabulary::UNKNOWN`].
    pub fn symbols(&self) -> usize {
        self.words.len() + Self::SPECIAL
    }

    /// What a model gets of a text: its numbers, `[1, 1, length]`.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: 1, height: 1, width: self.length }
    }

    /// A text as it is stored.
    pub fn encode(&self, text: &str) -> Encoded {
        let mut numbers = vec![Self::PADDING; self.length];
        let mut count = 0;
        for word in words(text) {
            if let Some(place) = numbers.get_mut(count) {
                let known = self.words.binary_search_by(|own| own.as_str().cmp(&word));
                *place = known.map_or(Self::UNKNOWN, |place| (place + Self::SPECIAL) as u16);
            }
            count += 1;
        }
        Encoded { record: Self::record(&numbers), words: count }
    }

    /// Numbers as they are stored.
    pub fn record(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// The numbers of a stored text, with the padding behind it.
    pub fn numbers(record: &[u8]) -> impl Iterator<Item = u16> {
        record.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// A stored text as one can read it, words parted by spaces.
    pub fn decode(&self, record: &[u8]) -> String {
        let numbers = Self::numbers(record).take_while(|number| *number != Self::PADDING);
        let word = |number: u16| {
            let place = usize::from(number).checked_sub(Self::SPECIAL);
            place.and_then(|place| self.words.get(place)).map_or("<unknown>", String::as_str)
        };
        numbers.map(word).collect::<Vec<_>>().join(" ")
    }

    /// The first number in stored texts that stands for nothing.
    pub(super) fn stray(&self, records: &[u8]) -> Option<u16> {
        Self::numbers(records).find(|number| usize::from(*number) >= self.symbols())
    }

    /// The nearest text to values of the shape of [`Vocabulary::shape`]: each rounded to a number that there is.
    pub(super) fn nearest(&self, values: &[f32]) -> Vec<u8> {
        let last = (self.symbols() - 1) as f32;
        Self::record(&values.iter().map(|value| value.round().clamp(0.0, last) as u16).collect::<Vec<_>>())
    }
}

/// The words of a text in lower case: what is made of letters and digits, with apostrophes within.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let inner = |letter: char| letter.is_alphanumeric() || letter == '\'' || letter == '\u{2019}';
    text.split(move |letter: char| !inner(letter))
        .map(|word| word.trim_matches(['\'', '\u{2019}']))
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('\u{2019}', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(counts: &[(&str, u64)], most: usize) -> Vocabulary {
        Vocabulary::of_counts(counts.iter().map(|(word, count)| ((*word).into(), *count)).collect(), most)
    }

    #[test]
    fn words_are_lower_case_without_marks() {
        let found: Vec<String> = words("It's a 'Red-winged' bird (N. America); \u{c9}t\u{e9}, o\u{2019}clock -- 3.5").collect();
        assert_eq!(found, ["it's", "a", "red", "winged", "bird", "n", "america", "\u{e9}t\u{e9}", "o'clock", "3", "5"]);
    }

    #[test]
    fn the_most_frequent_words_are_known_and_the_rest_is_counted() {
        let vocabulary = vocabulary(&[("b", 2), ("a", 2), ("c", 5), ("d", 1)], 2);
        assert_eq!(vocabulary.words(), ["a", "c"], "of equally frequent ones the first in the alphabet");
        let Encoded { record, words } = vocabulary.encode("c b a");
        assert_eq!((Vocabulary::numbers(&record).take(4).collect::<Vec<_>>(), words), (vec![3, 1, 2, 0], 3));
        assert_eq!(vocabulary.decode(&record), "c <unknown> a");
        let long = vocabulary.encode(&"c ".repeat(40));
        assert_eq!((long.words, long.record.len()), (40, 64), "what is too long is cut");
        assert_eq!(vocabulary.stray(&long.record), None);
        assert_eq!(vocabulary.stray(&[4, 0]), Some(4));
    }

    #[test]
    fn a_vocabulary_is_read_back_and_a_wrong_one_is_refused() {
        let good = vocabulary(&[("b", 2), ("a", 2)], 9);
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), good);
        for wrong in [text.replace("\"a\",\"b\"", "\"b\",\"a\""), text.replace("32", "0"), text.replace("32", "99999")] {
            assert!(serde_json::from_str::<Vocabulary>(&wrong).is_err(), "{wrong}");
        }
    }
}
