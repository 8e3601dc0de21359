use crate::fingerprint::Fingerprints;
use imfl_engine::data::{Dataset, Kind, Vocabulary};
use std::sync::Arc;

/// From the numbers of one vocabulary to those of another, by the words that both know.
///
/// A generator knows the words of the texts that it learnt from. On other texts, which have a vocabulary of their own, it writes in that, with unknown words where
/// it has none.
#[derive(Clone, Debug)]
pub struct Translation {
    /// What texts are in the other vocabulary.
    pub kind: Arc<Kind>,
    /// Words of a text there.
    length: usize,
    there: Vec<u16>,
    back: Vec<u16>,
    back_length: usize,
}

impl Translation {
    /// What takes texts of `own` words to the words of `other` samples; none if those are the same, or no texts.
    pub fn new(own: &Kind, other: &Arc<Kind>) -> Option<Self> {
        let (Kind::Text(from), Kind::Text(to)) = (own, other.as_ref()) else { return None };
        (from != to).then(|| Self {
            kind: other.clone(),
            length: to.length(),
            there: numbers(from, to),
            back: numbers(to, from),
            back_length: from.length(),
        })
    }

    /// Texts of own words, one behind the other, each of so many words, in the other vocabulary.
    pub fn texts(&self, records: &[u8]) -> Vec<u8> {
        let own = 2 * self.back_length;
        records.chunks_exact(own.max(2)).flat_map(|record| translate(record, &self.there, self.length)).collect()
    }

    /// The fingerprints of those of some texts in the other vocabulary that are known, as far as the words tell that both vocabularies have.
    pub fn known<'a>(&self, known: &Fingerprints, parts: impl IntoIterator<Item = &'a Dataset>) -> Fingerprints {
        let of = |part: &Dataset| {
            let seen =
                |index: &u32| known.contains(&translate(part.image(*index as usize), &self.back, self.back_length));
            let seen: Vec<u32> = (0..part.len() as u32).filter(seen).collect();
            Fingerprints::of(&part.select(&seen)).values().to_vec()
        };
        Fingerprints::from_values(parts.into_iter().flat_map(of).collect())
    }
}

/// The number in one vocabulary for each number of another.
fn numbers(from: &Vocabulary, to: &Vocabulary) -> Vec<u16> {
    let coder = to.coder();
    let number = |word: &String| Vocabulary::numbers(&coder.encode(word).record).next();
    let words = from.words().iter().map(|word| number(word).unwrap_or(Vocabulary::UNKNOWN));
    [Vocabulary::PADDING, Vocabulary::UNKNOWN].into_iter().chain(words).collect()
}

/// A text in other numbers, of so many words.
fn translate(record: &[u8], numbers: &[u16], length: usize) -> Vec<u8> {
    let number = |number: u16| numbers.get(usize::from(number)).copied().unwrap_or(Vocabulary::UNKNOWN);
    let mut text: Vec<u16> = Vocabulary::numbers(record).map(number).collect();
    text.resize(length, Vocabulary::PADDING);
    Vocabulary::record(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::{TEXTS, texts};

    #[test]
    fn texts_are_written_and_known_again_in_other_words() {
        let own = texts(&TEXTS);
        let other = texts(&[TEXTS[4], ("a small boat", 1), ("a green boat on a hill", 0)]);
        let translation = Translation::new(&own.kind, &other.kind).unwrap();
        let (Kind::Text(there), records) = (other.kind.as_ref(), translation.texts(own.image(0))) else {
            panic!("texts")
        };
        assert_eq!(there.decode(&records), "a small _ _ _ _", "other texts have no fish");
        let known = translation.known(&Fingerprints::of(&own), [other.as_ref()]);
        assert_eq!(known.shared_with(&other), [0, 1]);
        assert!(Translation::new(&own.kind, &own.kind).is_none());
        assert!(Translation::new(&own.kind, &Arc::new(Kind::Images)).is_none());
    }
}
