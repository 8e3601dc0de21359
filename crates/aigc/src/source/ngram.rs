//! Texts of a class, word by word, each drawn by the words before it.

use super::fitted::Fit;
use super::{Misfit, Observe, Provenance, Request, SampleError, SampleSource};
use imfl_engine::data::{Dataset, ImageShape, Kind, Vocabulary};
use imfl_engine::device::Compute;
use imfl_engine::random::{ChaCha8Rng, Purpose, keyed};
use imfl_engine::worker;
use rand::RngExt;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What stands before the first word of a text and behind its last.
const EDGE: u16 = Vocabulary::PADDING;

/// A trigram model of each class that backs off to pairs of words and to single words by the rule of Witten and Bell (1991; method C in
/// Chen and Goodman 1998, section 2.6): a context after which n words were seen, t different ones, is left for a shorter one with
/// probability t / (n + t).
#[derive(Clone, Debug)]
pub struct Ngram {
    learnt: Arc<Dataset>,
    classes: Vec<Contexts>,
    provenance: Provenance,
}

/// The words that followed a context, as often as they did, and how many different ones.
#[derive(Clone, Debug, Default)]
struct Followers {
    words: Vec<u16>,
    different: usize,
}

/// What was seen of a class: after two words, after one, and anywhere.
#[derive(Clone, Debug, Default)]
struct Contexts {
    pairs: HashMap<[u16; 2], Followers>,
    singles: HashMap<u16, Followers>,
    all: Followers,
}

impl Contexts {
    fn learn(&mut self, record: &[u8]) {
        let (mut before, mut last) = (EDGE, EDGE);
        for word in Vocabulary::numbers(record) {
            self.pairs.entry([before, last]).or_default().words.push(word);
            self.singles.entry(last).or_default().words.push(word);
            self.all.words.push(word);
            if word == EDGE {
                break;
            }
            (before, last) = (last, word);
        }
    }

    fn count(&mut self) {
        let all = self.pairs.values_mut().chain(self.singles.values_mut()).chain([&mut self.all]);
        all.for_each(|followers| followers.different = followers.words.iter().collect::<BTreeSet<_>>().len());
    }

    fn next(&self, before: u16, last: u16, random: &mut ChaCha8Rng) -> u16 {
        for followers in [self.pairs.get(&[before, last]), self.singles.get(&last)].into_iter().flatten() {
            let seen = followers.words.len();
            // At the edge every text goes on with a word; further in, a shorter context may say more.
            let stays = random.random_range(0..seen + followers.different) < seen;
            if stays || last == EDGE {
                return followers.words[random.random_range(0..seen)];
            }
        }
        self.all.words[random.random_range(0..self.all.words.len())]
    }

    /// A text of at most `length` words; it has at least one.
    fn text(&self, length: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
        let mut numbers = vec![EDGE; length];
        let (mut before, mut last) = (EDGE, EDGE);
        for number in &mut numbers {
            *number = self.next(before, last, random);
            if *number == EDGE {
                break;
            }
            (before, last) = (last, *number);
        }
        Vocabulary::record(&numbers)
    }
}

impl Ngram {
    /// Learns from texts.
    ///
    /// # Errors
    /// [`Misfit`] where the samples are no texts, or a class has fewer than two of them.
    pub fn new(learnt: Arc<Dataset>) -> Result<Self, Misfit> {
        Fit::Ngram.check(&learnt)?;
        let mut classes = vec![Contexts::default(); learnt.classes()];
        (0..learnt.len()).for_each(|index| classes[learnt.label(index)].learn(learnt.image(index)));
        classes.iter_mut().for_each(Contexts::count);
        let provenance = Provenance::of_rule(Fit::Ngram.name(), &learnt);
        Ok(Self { learnt, classes, provenance })
    }
}

impl SampleSource for Ngram {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.learnt.shape
    }

    fn kind(&self) -> &Kind {
        &self.learnt.kind
    }

    fn class_names(&self) -> &[String] {
        &self.learnt.class_names
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let one = |place: usize| {
            let Request { label, index } = requests[place];
            let random = &mut keyed(seed, Purpose::Latent, 1 + Fit::Ngram as u64, u64::from(label), index);
            self.classes[usize::from(label)].text(self.learnt.shape.width, random)
        };
        let bytes = worker::map(compute.workers, requests.len(), one).concat();
        if observe(requests.len(), requests.len()).is_break() {
            return Err(SampleError::Stopped);
        }
        Ok(self.learnt.like(self.provenance.name.clone(), bytes, Request::labels(requests))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::{TEXTS, texts};
    use std::ops::ControlFlow;

    fn draw(learnt: &Arc<Dataset>, counts: &[usize], workers: usize) -> Dataset {
        let compute = Compute { workers, ..Compute::cpu() };
        let source = Ngram::new(learnt.clone()).unwrap();
        source.draw(&Request::of_counts(counts, 3), 5, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap()
    }

    fn lines(data: &Dataset) -> Vec<String> {
        let Kind::Text(vocabulary) = data.kind.as_ref() else { panic!("texts") };
        (0..data.len()).map(|index| vocabulary.decode(data.image(index))).collect()
    }

    #[test]
    fn texts_are_of_their_class_and_join_what_was_seen() {
        let learnt = texts(&TEXTS);
        let drawn = draw(&learnt, &[300, 300], 2);
        let drawn = lines(&drawn);
        let (sea, land) = drawn.split_at(300);
        assert!(sea.iter().all(|line| !line.contains("hill") && !line.contains("sand") && line.starts_with('a')));
        assert!(land.iter().all(|line| !line.contains("fish") && line.starts_with('a')));
        assert!(sea.iter().any(|line| line == "a small fish of cold seas"), "a text that was never seen");
        assert!(sea.iter().filter(|line| *line == "a small boat").count() > 20, "one that was");
    }

    #[test]
    fn a_text_depends_on_its_request_alone() {
        let learnt = texts(&TEXTS);
        let all = draw(&learnt, &[4, 3], 2);
        assert_eq!(all, draw(&learnt, &[4, 3], 1));
        assert_eq!(all.image(1), draw(&learnt, &[2, 0], 1).image(1));
        assert!(lines(&draw(&learnt, &[20, 0], 1)).iter().any(|line| *line != lines(&all)[0]));
    }

    #[test]
    fn what_it_cannot_learn_from_is_named() {
        let few = Arc::new(texts(&TEXTS).select(&[0, 1, 3]));
        assert!(Ngram::new(few).unwrap_err().to_string().contains("\"land\""));
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let pictures = Dataset::new("p", shape, vec!["a".into()], vec![1, 2], vec![0, 0]).unwrap();
        let error = Ngram::new(Arc::new(pictures)).unwrap_err().to_string();
        assert!(error.contains("ngram") && error.contains("p has images; take gaussian, mixup or smote"), "{error}");
    }
}
