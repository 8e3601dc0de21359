//! Texts of which some symbols are masked, and what can stand in the masked places.

use super::schedule;
use super::symbols::Symbols;
use crate::training_config::TrainingConfig;
use imfl_engine::data::{Dataset, Vocabulary};
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;

/// A masked place whose symbol is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Where it is.
    pub place: usize,
    /// Whether the text may have ended before it.
    pub may_end: bool,
}

/// The masked places whose symbol is open; none is masked behind the first that shows the end, since nothing but padding stands there. A
/// text has a word, and no end before one of its words.
///
/// Like the network's own rules (a visible symbol stays, nothing becomes a mask) these hold of every text, so that a network that knows
/// them has the lower bound.
pub fn open(text: &[Option<u16>]) -> Vec<Open> {
    let end = end(text);
    let last = text[..end].iter().rposition(Option::is_some).unwrap_or(0);
    let masked = (0..end).filter(|&place| text[place].is_none());
    masked.map(|place| Open { place, may_end: place > last }).collect()
}

/// The first place that shows the end, or the length.
pub fn end(text: &[Option<u16>]) -> usize {
    text.iter().position(|symbol| *symbol == Some(Vocabulary::PADDING)).unwrap_or(text.len())
}

/// A text as it is shown while learning, and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// What is shown, `[length]`; none where it is masked.
    pub seen: Vec<Option<u16>>,
    /// Its class.
    pub class: usize,
    /// The open places, each with its symbol.
    pub asked: Vec<(Open, u16)>,
    /// The weight of each of them.
    pub weight: f64,
}

/// Draws the examples of any step, whatever came before: all that is drawn is keyed by step and place in the batch.
pub struct Examples<'a> {
    pub data: &'a Dataset,
    pub symbols: Symbols,
    pub training: &'a TrainingConfig,
}

impl Examples<'_> {
    /// The examples of one shard of a step's batch, whose texts are `batch`; sizes of shards differ by at most one.
    pub fn shard(&self, step: u64, batch: &[u32], shard: usize) -> Vec<Example> {
        let times = schedule::times(self.training.seed, step, batch.len());
        // Every so many places: neighbours have about the same time, and late ones take longer.
        let places = (shard..batch.len()).step_by(self.training.shards);
        places.map(|place| self.example(step, place, batch[place] as usize, times[place])).collect()
    }

    /// Each symbol is masked with probability `1 - alpha_t = t` (section 3.2.1).
    fn example(&self, step: u64, place: usize, text: usize, time: f64) -> Example {
        let random = &mut keyed(self.training.seed, Purpose::Diffusion, 2, place as u64, step);
        let clean = self.symbols.of(self.data.image(text));
        let seen: Vec<_> = clean.iter().map(|&symbol| (random.random::<f64>() >= time).then_some(symbol)).collect();
        let asked = open(&seen).into_iter().map(|open| (open, clean[open.place])).collect();
        Example { seen, class: self.data.label(text), asked, weight: schedule::weight(time) }
    }

    /// Symbols of a batch that say something: words, and an end behind those that leave room for it.
    pub fn size(&self, batch: &[u32]) -> usize {
        let size = |text: &u32| {
            let symbols = self.symbols.of(self.data.image(*text as usize));
            let words = symbols.iter().filter(|symbol| **symbol != Vocabulary::PADDING).count();
            (words + 1).min(symbols.len())
        };
        batch.iter().map(size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::{TEXTS, network, texts};

    const W: Option<u16> = Some(7);
    const END: Option<u16> = Some(Vocabulary::PADDING);

    #[test]
    fn what_is_open_follows_from_what_is_seen() {
        let found = |text: &[Option<u16>]| -> Vec<(usize, bool)> {
            open(text).iter().map(|open| (open.place, open.may_end)).collect()
        };
        assert_eq!(found(&[None; 3]), [(0, false), (1, true), (2, true)]);
        assert_eq!(found(&[None, W, None, None]), [(0, false), (2, true), (3, true)]);
        assert_eq!(found(&[None, None, W, None, END, None, None]), [(0, false), (1, false), (3, true)]);
        assert_eq!(found(&[W, END, None]), []);
    }

    #[test]
    fn masks_are_as_many_as_the_time_says_and_keyed() {
        let data = texts(&TEXTS);
        let symbols = network(&data).symbols();
        let training = TrainingConfig { batch: 32, shards: 3, ..TrainingConfig::default() };
        let examples = Examples { data: &data, symbols, training: &training };
        let batch: Vec<u32> = (0..32).map(|place| place % data.len() as u32).collect();
        let all = |step| -> Vec<Example> { (0..3).flat_map(|shard| examples.shard(step, &batch, shard)).collect() };
        assert_eq!(all(4).len(), 32);
        assert_eq!(all(4), all(4));
        assert_ne!(all(4), all(5));
        let (mut masked, mut expected) = (0.0, 0.0);
        for example in (0..60).flat_map(all) {
            masked += example.seen.iter().filter(|symbol| symbol.is_none()).count() as f64;
            expected += symbols.length as f64 / example.weight;
            for (open, symbol) in &example.asked {
                assert!(example.seen[open.place].is_none() && (open.may_end || *symbol != Vocabulary::PADDING));
            }
        }
        assert!((masked / expected - 1.0).abs() < 0.02, "{masked} of {expected}");
    }
}
