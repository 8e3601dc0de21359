//! The words that texts are made of: what is stored of a text, and what a model gets of it.

use super::shape::ImageShape;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// The words that a dataset knows, and how many of a text are kept.
///
/// A text is stored as `length` little-endian 16-bit numbers, one for each word: [`Vocabulary::PADDING`] behind its end,
/// [`Vocabulary::UNKNOWN`] for a word that is not known, else 2 and the word's place. The most frequent word comes first, so that the
/// logarithm of a number tells how rare its word is (Zipf's law).
///
/// ```
/// use imfl_engine::data::Vocabulary;
///
/// let counts = [("red", 3), ("fruit", 2), ("a", 9)].map(|(word, count)| (word.to_string(), count));
/// let vocabulary = Vocabulary::of_counts(counts.into(), 2);
/// let record = vocabulary.coder().encode("A red, RED moon").record;
/// assert_eq!(vocabulary.decode(&record), "a red red _");
/// assert_eq!(record.len(), 2 * Vocabulary::LENGTH);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Vocabulary {
    /// The most frequent first, each once.
    words: Vec<String>,
    length: usize,
    /// How many of the last words were counted a single time.
    rare: usize,
}

/// A vocabulary as it stands in a file, before it is checked.
#[derive(Deserialize)]
struct Parts {
    words: Vec<String>,
    length: usize,
    #[serde(default)]
    rare: usize,
}

impl TryFrom<Parts> for Vocabulary {
    type Error = String;

    fn try_from(Parts { words, length, rare }: Parts) -> Result<Self, String> {
        if words.iter().collect::<HashSet<_>>().len() < words.len() || words.len() > Self::MOST {
            return Err(format!("a vocabulary has each word once, and at most {}", Self::MOST));
        }
        if !(1..=Self::LONGEST).contains(&length) {
            return Err(format!("texts of {length} words; expected 1 to {}", Self::LONGEST));
        }
        if rare > words.len() {
            return Err(format!("{rare} rare words among {}", words.len()));
        }
        Ok(Self { words, length, rare })
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
    /// The most words, so that there are 8,192 symbols.
    pub const MOST: usize = 8192 - Self::SPECIAL;
    /// Words of a text that are kept.
    pub const LENGTH: usize = 32;
    /// The most that a file may ask to keep.
    const LONGEST: usize = 4096;

    /// The `most` most frequent words, of equally frequent ones the first in the alphabet.
    pub fn of_counts(counts: HashMap<String, u64>, most: usize) -> Self {
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(most.min(Self::MOST));
        let rare = counts.iter().rev().take_while(|(_, count)| *count <= 1).count();
        Self { words: counts.into_iter().map(|(word, _)| word).collect(), length: Self::LENGTH, rare }
    }

    /// The words, the most frequent first.
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

    /// What turns texts into numbers.
    pub fn coder(&self) -> Coder<'_> {
        let numbers = self.words.iter().map(String::as_str).zip(Self::SPECIAL as u16..).collect();
        Coder { numbers, length: self.length }
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
            place.and_then(|place| self.words.get(place)).map_or(BLANK, String::as_str)
        };
        numbers.map(word).collect::<Vec<_>>().join(" ")
    }

    /// Texts whose words were counted, as they would be had they not been: a word that was counted a single time is not known then. The share
    /// of such words is Good's (1953) estimate of how many words of new texts are unknown.
    pub(super) fn uncounted(&self, records: &[u8]) -> Vec<u8> {
        let common = self.symbols() - self.rare;
        let masked = |number| if usize::from(number) < common { number } else { Self::UNKNOWN };
        Self::record(&Self::numbers(records).map(masked).collect::<Vec<_>>())
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

/// The numbers of a vocabulary's words.
#[derive(Clone, Debug)]
pub struct Coder<'a> {
    numbers: HashMap<&'a str, u16>,
    length: usize,
}

impl Coder<'_> {
    /// A text as it is stored.
    pub fn encode(&self, text: &str) -> Encoded {
        let mut numbers = vec![Vocabulary::PADDING; self.length];
        let mut count = 0;
        for word in words(text) {
            if let Some(place) = numbers.get_mut(count) {
                *place = self.numbers.get(word.as_str()).copied().unwrap_or(Vocabulary::UNKNOWN);
            }
            count += 1;
        }
        Encoded { record: Vocabulary::record(&numbers), words: count }
    }
}

/// How many words of a dataset's texts are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Different words that are known.
    pub known: usize,
    /// Words of all texts, but those that were cut off.
    pub all: usize,
    /// Those of them that are not known.
    pub unknown: usize,
}

impl Words {
    /// Counts what a vocabulary says of stored texts.
    pub(super) fn count(vocabulary: &Vocabulary, records: &[u8]) -> Self {
        let mut words = Self { known: vocabulary.words.len(), all: 0, unknown: 0 };
        for number in Vocabulary::numbers(records).filter(|number| *number != Vocabulary::PADDING) {
            words.all += 1;
            words.unknown += usize::from(number == Vocabulary::UNKNOWN);
        }
        words
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let share = 100.0 * self.unknown as f64 / self.all.max(1) as f64;
        write!(f, "{} words are known; {share:.1} % of {} in the training texts are not", self.known, self.all)
    }
}

/// How a word that is not known is written.
pub(super) const BLANK: &str = "_";

/// The words of a text in lower case: what is made of letters and digits, with apostrophes within; and [`BLANK`] where it stands alone.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().flat_map(|piece| {
        let inner = |letter: char| letter.is_alphanumeric() || letter == '\'' || letter == '\u{2019}';
        let parts = piece.split(move |letter: char| !inner(letter));
        let words = parts.map(|word| word.trim_matches(['\'', '\u{2019}'])).filter(|word| !word.is_empty());
        let words = words.map(|word| word.to_lowercase().replace('\u{2019}', "'"));
        words.chain((piece == BLANK).then(|| BLANK.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(counts: &[(&str, u64)], most: usize) -> Vocabulary {
        Vocabulary::of_counts(counts.iter().map(|(word, count)| ((*word).into(), *count)).collect(), most)
    }

    #[test]
    fn words_are_lower_case_without_marks() {
        let found: Vec<String> =
            words("It's a 'Red-winged' bird_ (N. America); \u{c9}t\u{e9} _ o\u{2019}clock -- 3.5").collect();
        assert_eq!(
            found,
            ["it's", "a", "red", "winged", "bird", "n", "america", "\u{e9}t\u{e9}", "_", "o'clock", "3", "5"]
        );
    }

    #[test]
    fn the_most_frequent_words_are_known_and_the_rest_is_counted() {
        let vocabulary = vocabulary(&[("b", 2), ("a", 2), ("c", 5), ("d", 1)], 2);
        assert_eq!(vocabulary.words(), ["c", "a"], "of equally frequent ones the first in the alphabet");
        let Encoded { record, words } = vocabulary.coder().encode("c b a");
        assert_eq!((Vocabulary::numbers(&record).take(4).collect::<Vec<_>>(), words), (vec![2, 1, 3, 0], 3));
        assert_eq!(vocabulary.decode(&record), "c _ a");
        let long = vocabulary.coder().encode(&"c ".repeat(40));
        assert_eq!((long.words, long.record.len()), (40, 64), "what is too long is cut");
        assert_eq!(vocabulary.stray(&long.record), None);
        assert_eq!(vocabulary.stray(&[4, 0]), Some(4));
    }

    /// A text's own words are what one knows too well of it: as many are unknown then as in texts that were not counted.
    #[test]
    fn a_text_that_was_not_counted_lacks_the_words_that_only_it_has() {
        let vocabulary = vocabulary(&[("b", 1), ("a", 2), ("c", 1)], 9);
        let record = vocabulary.coder().encode("a b d c a").record;
        assert_eq!(vocabulary.decode(&vocabulary.uncounted(&record)), "a _ _ _ a");
        let text = serde_json::to_string(&vocabulary).unwrap();
        assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), vocabulary);
        assert!(serde_json::from_str::<Vocabulary>(&text.replace("\"rare\":2", "\"rare\":4")).is_err());
    }

    #[test]
    fn a_vocabulary_is_read_back_and_a_wrong_one_is_refused() {
        let good = vocabulary(&[("b", 2), ("a", 2)], 9);
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), good);
        for wrong in [text.replace("\"a\",\"b\"", "\"a\",\"a\""), text.replace("32", "0"), text.replace("32", "99999")]
        {
            assert!(serde_json::from_str::<Vocabulary>(&wrong).is_err(), "{wrong}");
        }
    }
}
