//! From masks to a text: ancestral sampling.

use super::loss::exponentials;
use super::masking::{end, open};
use super::transformer::Transformer;
use crate::source::{Request, SampleError};
use burn::tensor::Device;
use imfl_engine::data::Vocabulary;
use imfl_engine::layer::Pass;
use imfl_engine::parameters::Stacked;
use imfl_engine::random::{Purpose, keyed};
use imfl_engine::transfer::floats;
use rand::RngExt;

/// Where the random numbers of texts are among those of all that is drawn.
const STREAM: u64 = 16;

/// A text on its way, with all that is random about it: it depends on seed, class and index alone.
#[derive(Clone, Debug)]
struct Draft {
    class: usize,
    text: Vec<Option<u16>>,
    /// How late each place is unmasked, from 0 to below 1.
    times: Vec<f64>,
    /// Where between 0 and 1 the symbol of each place is taken from the cumulative probabilities.
    levels: Vec<f64>,
}

impl Draft {
    /// The reverse process leaves a mask where it is with probability `(1 - alpha_s) / (1 - alpha_t) = s / t` in a step from time t to s, and
    /// otherwise asks the network (Sahoo et al. 2024, section 3.2.2): with equal steps a place is unmasked in each of them with equal probability, and which
    /// it is does not depend on the network.
    fn new(length: usize, request: &Request, seed: u64) -> Self {
        let random = &mut keyed(seed, Purpose::Latent, STREAM, u64::from(request.label), request.index);
        let times = (0..length).map(|_| random.random()).collect();
        let levels = (0..length).map(|_| random.random()).collect();
        Self { class: usize::from(request.label), text: vec![None; length], times, levels }
    }

    /// The places that the next step unmasks in which any is: nothing changes in the others, and the network, which does not see the time, need not
    /// be asked (section 4.1 there).
    fn next(&self, steps: usize) -> Vec<usize> {
        let step = |place: usize| (self.times[place] * steps as f64) as usize;
        let mut places: Vec<usize> = open(&self.text).iter().map(|open| open.place).collect();
        places.sort_by(|&a, &b| self.times[a].total_cmp(&self.times[b]));
        let next = places.first().map(|&place| step(place));
        places.retain(|&place| Some(step(place)) == next);
        places
    }

    /// Unmasks a place by the logits of its symbols, unless the end before it was unmasked just now.
    fn unmask(&mut self, place: usize, logits: &mut [f32]) -> Option<()> {
        let Some(open) = open(&self.text).into_iter().find(|open| open.place == place) else { return Some(()) };
        let (_, sum) = exponentials(logits, open.may_end);
        let mut left = self.levels[place] * sum;
        if !sum.is_finite() {
            return None;
        }
        let chosen = logits.iter().position(|&weight| {
            left -= f64::from(weight);
            left < 0.0
        });
        // Rounding may leave a little at the end: then it is the last that can be.
        let last = || logits.iter().rposition(|weight| *weight > 0.0);
        self.text[place] = chosen.or_else(last).map(|symbol| symbol as u16);
        self.text[place].map(|_| ())
    }

    /// Its record of so many words.
    fn record(&self, words: usize) -> Vec<u8> {
        let written = self.text[..end(&self.text)].iter().flatten().copied();
        let mut numbers: Vec<u16> = written.collect();
        numbers.resize(words, Vocabulary::PADDING);
        Vocabulary::record(&numbers)
    }
}

/// Draws a text for each request in so many steps, as records of so many words, one behind the other.
pub fn draw(
    network: &Transformer,
    weights: &Stacked,
    requests: &[Request],
    steps: usize,
    seed: u64,
    words: usize,
    device: &Device,
) -> Result<Vec<u8>, SampleError> {
    let (pass, length) = (Pass::evaluate(weights), network.symbols().length);
    let mut drafts: Vec<Draft> = requests.iter().map(|request| Draft::new(length, request, seed)).collect();
    loop {
        let wanted: Vec<(usize, Vec<usize>)> = drafts.iter().map(|draft| draft.next(steps)).enumerate().collect();
        let wanted: Vec<(usize, Vec<usize>)> = wanted.into_iter().filter(|(_, places)| !places.is_empty()).collect();
        if wanted.is_empty() {
            return Ok(drafts.iter().flat_map(|draft| draft.record(words)).collect());
        }
        let shown: Vec<(&[Option<u16>], usize)> =
            wanted.iter().map(|(draft, _)| (&drafts[*draft].text[..], drafts[*draft].class)).collect();
        let known = network.forward(&pass, &shown, device);
        let row = |(text, (draft, places)): (usize, &(usize, Vec<usize>))| {
            let class = drafts[*draft].class;
            places.iter().map(|place| (text * length + place, class)).collect::<Vec<_>>()
        };
        let asked: Vec<(usize, usize)> = wanted.iter().enumerate().flat_map(row).collect();
        let mut logits = floats(network.logits(&pass, known, &asked));
        let mut rows = logits.chunks_exact_mut(network.symbols().count);
        for (draft, places) in wanted {
            for (place, row) in places.into_iter().zip(&mut rows) {
                let fault = SampleError::NotFinite { index: requests[draft].index };
                drafts[draft].unmask(place, row).ok_or(fault)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::{TEXTS, network, texts};
    use imfl_engine::parameters::{Initialiser, Layout, Weights};

    /// Weights none of which is zero.
    fn weights(network: &Transformer) -> Stacked {
        let mut layout = Layout::new();
        for parameter in network.layout().parameters() {
            layout.declare(&parameter.name, &parameter.shape, Initialiser::Normal { deviation: 0.4 });
        }
        let drawn = Weights::initialise(layout.into(), 2);
        let weights = Weights::from_values(network.layout().clone(), drawn.values().to_vec()).unwrap();
        Stacked::broadcast(&weights, 1, &Device::flex())
    }

    #[test]
    fn no_mask_is_left_and_nothing_stands_behind_the_end() {
        let network = network(&texts(&TEXTS));
        let weights = weights(&network);
        let symbols = network.symbols();
        let requests = Request::of_counts(&[40, 40], 5);
        for steps in [1, 3, 64] {
            let drawn = draw(&network, &weights, &requests, steps, 9, 32, &Device::flex()).unwrap();
            let mut lengths = std::collections::BTreeSet::new();
            for record in drawn.chunks_exact(64) {
                let numbers: Vec<u16> = Vocabulary::numbers(record).collect();
                let words = numbers.iter().take_while(|number| **number != Vocabulary::PADDING).count();
                assert!((1..=symbols.length).contains(&words));
                assert!(numbers[words..].iter().all(|number| *number == Vocabulary::PADDING), "{numbers:?}");
                assert!(numbers.iter().all(|number| usize::from(*number) < symbols.count));
                lengths.insert(words);
            }
            assert!(lengths.len() > 2, "{steps}: {lengths:?}");
        }
    }

    #[test]
    fn a_step_unmasks_what_its_time_says() {
        let request = Request { label: 1, index: 3 };
        let mut draft = Draft::new(6, &request, 4);
        assert_eq!(draft.times, Draft::new(6, &request, 4).times);
        assert_ne!(draft.times, Draft::new(6, &Request { index: 4, ..request }, 4).times);
        assert_ne!(draft.times, Draft::new(6, &Request { label: 0, ..request }, 4).times);
        assert_ne!(draft.times, Draft::new(6, &request, 5).times);
        draft.times = vec![0.9, 0.1, 0.3, 0.2, 0.8, 0.05];
        assert_eq!(draft.next(1), [5, 1, 3, 2, 4, 0]);
        assert_eq!(draft.next(4), [5, 1, 3], "those before a quarter");
        assert_eq!(draft.next(100), [5]);
        draft.text[5] = Some(3);
        assert_eq!(draft.next(100), [1]);
        draft.text[1] = Some(Vocabulary::PADDING);
        assert_eq!(draft.next(2), [0], "what stands behind the end is known");
    }

    #[test]
    fn symbols_come_as_often_as_their_probabilities_say() {
        let mut counts = [0i32; 3];
        for index in 0..2000 {
            let mut draft = Draft::new(2, &Request { label: 0, index }, 1);
            draft.text[0] = Some(2);
            draft.unmask(1, &mut [0.0, 1f32.ln(), 2f32.ln()]).unwrap();
            counts[usize::from(draft.text[1].unwrap())] += 1;
        }
        for (found, expected) in counts.iter().zip([500, 500, 1000]) {
            assert!((found - expected).abs() < 100, "{counts:?}");
        }
        let mut draft = Draft::new(2, &Request { label: 0, index: 0 }, 1);
        assert_eq!(draft.unmask(0, &mut [0.0, f32::NAN, 0.0]), None);
        for level in [0.0, 1.0 - f64::EPSILON] {
            draft.levels[0] = level;
            draft.text[0] = None;
            draft.unmask(0, &mut [9.0, 0.1, 0.2]).unwrap();
            assert_ne!(draft.text[0], Some(Vocabulary::PADDING), "a text has a word");
        }
    }
}
