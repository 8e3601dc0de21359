//! Classifiers of texts: a vector for each word that is learnt along.

use super::classifier::Model;
use crate::data::Vocabulary;
use crate::layer::{Conv1d, Dropout, Embedding, Linear, Pass};
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Values of a word's vector.
const WIDTH: usize = 64;

/// The vectors of words. They start near zero, so that a word that was never seen says nothing, and are stored small and handed on
/// large: a step of plain gradient descent moves what is handed on by the square of that factor. A word is in few texts, and a federated mean
/// divides what few clients learnt of it by all of them; without the factor its vector would hardly move at the rate of the layers above.
struct Words {
    table: Embedding,
    factor: f32,
}

/// The numbers of a batch's words.
struct Looked {
    /// `[clients, batch * length]`.
    numbers: Tensor<2>,
    /// `[clients, batch, length]`.
    dims: [usize; 3],
}

impl Looked {
    /// Words `[clients, batch, 1, 1, length]`.
    fn new(texts: Tensor<5>) -> Self {
        let [clients, batch, _, _, length] = texts.dims();
        Self { numbers: texts.reshape([clients, batch * length]), dims: [clients, batch, length] }
    }

    /// 1 for a word, 0 behind the end of a text.
    fn there(&self) -> Tensor<2> {
        self.numbers.clone().greater_elem(f32::from(Vocabulary::PADDING)).float()
    }

    /// How rare each word is: the logarithm of its number, since words are numbered by falling frequency (inverse document frequency, by
    /// Zipf's law); 0 for what is unknown or behind the end.
    fn rarity(&self) -> Tensor<2> {
        self.numbers.clone().clamp_min(f32::from(Vocabulary::UNKNOWN)).log()
    }
}

impl Words {
    fn new(layout: &mut Layout, symbols: usize, factor: f32, deviation: f32) -> Self {
        Self { table: Embedding::started(layout, "words", symbols, WIDTH, deviation / factor), factor }
    }

    /// The vectors of words, each times its weight: `[clients, batch, length, width]`.
    fn forward(&self, pass: &Pass, words: &Looked, weights: Tensor<2>) -> Tensor<4> {
        let vectors = self.table.forward(pass, words.numbers.clone().int());
        let [clients, batch, length] = words.dims;
        (vectors * (weights * self.factor).unsqueeze_dim::<3>(2)).reshape([clients, batch, length, WIDTH])
    }
}

/// The mean of the vectors of a text's words, and a dense layer: the order of words does not count (Joulin et al. 2016, arXiv 1607.01759,
/// whose hidden layer is that mean). Rare words weigh more, and the weights of a text have length 1, as in TF-IDF.
pub struct TextMean {
    layout: Arc<Layout>,
    words: Words,
    head: Linear,
}

impl TextMean {
    /// A classifier of texts whose words have one of `symbols` numbers.
    pub fn new(symbols: usize, classes: usize) -> Self {
        let mut layout = Layout::new();
        let words = Words::new(&mut layout, symbols, 8.0, 0.01);
        let head = Linear::wide(&mut layout, "head", WIDTH, classes, 4.0);
        Self { layout: Arc::new(layout), words, head }
    }
}

impl Model for TextMean {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, texts: Tensor<5>) -> Tensor<3> {
        let words = Looked::new(texts);
        let rarity = words.rarity();
        let squares = (rarity.clone() * rarity.clone()).reshape(words.dims).sum_dim(2);
        // A text of unknown words alone has length 0, and its sum is 0 too.
        let length = squares.clamp_min(1e-6).sqrt();
        self.words.forward(pass, &words, rarity).sum_dim(2).squeeze_dim::<3>(2) / length
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.head.forward(pass, features)
    }
}

/// Filters over three words in a row and over five, each at the place where it answers most (Kim 2014, arXiv 1408.5882, with words' vectors
/// that are learnt from nothing).
pub struct TextCnn {
    layout: Arc<Layout>,
    words: Words,
    short: Conv1d,
    long: Conv1d,
    dropout: Dropout,
    head: Linear,
}

impl TextCnn {
    const FILTERS: usize = 64;

    /// A classifier of texts whose words have one of `symbols` numbers.
    pub fn new(symbols: usize, classes: usize) -> Self {
        let mut layout = Layout::new();
        let words = Words::new(&mut layout, symbols, 16.0, 0.1);
        let short = Conv1d::new(&mut layout, "short", WIDTH, Self::FILTERS, 3);
        let long = Conv1d::new(&mut layout, "long", WIDTH, Self::FILTERS, 5);
        let head = Linear::wide(&mut layout, "head", 2 * Self::FILTERS, classes, 4.0);
        Self { layout: Arc::new(layout), words, short, long, dropout: Dropout::new(0.3), head }
    }
}

impl Model for TextCnn {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, texts: Tensor<5>) -> Tensor<3> {
        let words = Looked::new(texts);
        let vectors = self.words.forward(pass, &words, words.there());
        let sequence = vectors.swap_dims(2, 3).unsqueeze_dim::<5>(3);
        let strongest = |convolution: &Conv1d, pass: &Pass| {
            let answers = convolution.forward(pass, sequence.clone()).max_dim(4);
            let [clients, batch, filters, _, _] = answers.dims();
            answers.reshape([clients, batch, filters])
        };
        Tensor::cat(vec![strongest(&self.short, pass), strongest(&self.long, pass)], 2)
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        let x = self.dropout.forward(pass, features);
        self.head.forward(pass, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Stacked, Weights};
    use burn::tensor::{Device, TensorData};

    fn logits(model: &dyn Model, texts: &[[f32; 4]]) -> Vec<f32> {
        let weights = Weights::initialise(model.layout().clone(), 3);
        let stacked = Stacked::broadcast(&weights, 1, &Device::flex());
        let values = TensorData::new(texts.concat(), [1, texts.len(), 1, 1, 4]);
        let texts = Tensor::from_data(values, &Device::flex());
        model.forward(&mut Pass::evaluate(&stacked), texts).into_data().as_slice::<f32>().unwrap().to_vec()
    }

    #[test]
    fn the_mean_does_not_see_order_or_what_stands_behind_the_end() {
        let found = logits(&TextMean::new(9, 2), &[[4.0, 5.0, 8.0, 0.0], [8.0, 4.0, 5.0, 0.0], [4.0, 5.0, 0.0, 0.0]]);
        assert!((found[0] - found[2]).abs() < 1e-6 && (found[1] - found[3]).abs() < 1e-6, "{found:?}");
        assert!((found[0] - found[4]).abs() > 1e-6);
        let unknown = logits(&TextMean::new(9, 2), &[[4.0, 5.0, 8.0, 0.0], [4.0, 1.0, 5.0, 8.0], [1.0, 0.0, 0.0, 0.0]]);
        assert!(
            (unknown[0] - unknown[2]).abs() < 1e-6 && unknown[4].is_finite(),
            "an unknown word says nothing: {unknown:?}"
        );
    }

    #[test]
    fn filters_see_order() {
        let found = logits(&TextCnn::new(9, 2), &[[4.0, 5.0, 8.0, 0.0], [8.0, 4.0, 5.0, 0.0]]);
        assert!((found[0] - found[2]).abs() > 1e-6, "{found:?}");
    }
}
