//! Classifiers of texts: a vector for each word that is learnt along.

use super::classifier::Model;
use crate::data::Vocabulary;
use crate::layer::{Conv1d, Dropout, Embedding, Linear, Pass};
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Values of a word's vector.
const WIDTH: usize = 64;

/// The vectors of words, on a scale on which plain gradient descent moves them as fast as the layers above: they are stored small and handed
/// on large, so that a step moves what is handed on by the square of this factor.
struct Words {
    table: Embedding,
    scale: f32,
}

/// The words of a batch.
struct Looked {
    /// `[clients, batch, length, width]`, zero where a text has ended.
    vectors: Tensor<4>,
    /// Words of each text, at least 1: `[clients, batch, 1]`.
    counts: Tensor<3>,
}

fn env(name: &str, or: f32) -> f32 { std::env::var(name).ok().and_then(|x| x.parse().ok()).unwrap_or(or) }

impl Words {
    fn new(layout: &mut Layout, symbols: usize, scale: f32) -> Self {
        Self { table: Embedding::started(layout, "words", symbols, WIDTH, env("T_INIT", 1.0) / scale), scale }
    }

    /// Numbers of words `[clients, batch, 1, 1, length]` to their vectors.
    fn forward(&self, pass: &Pass, texts: Tensor<5>) -> Looked {
        let [clients, batch, _, _, length] = texts.dims();
        let numbers = texts.reshape([clients, batch * length]);
        let there = numbers.clone().greater_elem(f32::from(Vocabulary::PADDING)).float();
        let rare = if env("T_ONE", 0.0) > 0.0 { there.clone() } else { numbers.clone().clamp_min(1.0).log() };
        let norm = rare.clone().powf_scalar(2.0).reshape([clients, batch, length]).sum_dim(2).clamp_min(1e-6).sqrt();
        let weight = if env("T_CNN", 0.0) > 0.0 { there.clone() } else { rare };
        let vectors = self.table.forward(pass, numbers.int()) * (weight * self.scale).unsqueeze_dim::<3>(2);
        Looked { vectors: vectors.reshape([clients, batch, length, WIDTH]), counts: norm }
    }
}

pub struct TextMean {
    layout: Arc<Layout>,
    words: Words,
    dropout: Dropout,
    hidden: Option<Linear>,
    head: Linear,
}

impl TextMean {
    /// A classifier of texts whose words have one of `symbols` numbers.
    pub fn new(symbols: usize, classes: usize) -> Self {
        let mut layout = Layout::new();
        let words = Words::new(&mut layout, symbols, env("T_SCALE", 8.0));
        let h = env("T_HIDDEN", 0.0) as usize;
        let hidden = (h > 0).then(|| Linear::new(&mut layout, "hidden", WIDTH, h).with_relu());
        let head = Linear::wide(&mut layout, "head", if h > 0 { h } else { WIDTH }, classes, env("T_HEAD", 1.0));
        Self { layout: Arc::new(layout), words, dropout: Dropout::new(env("T_DROP", 0.0).into()), hidden, head }
    }
}

impl Model for TextMean {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, texts: Tensor<5>) -> Tensor<3> {
        let Looked { vectors, counts } = self.words.forward(pass, texts);
        let mean = vectors.sum_dim(2).squeeze_dim::<3>(2) / counts;
        let mean = self.dropout.forward(pass, mean);
        match &self.hidden { Some(hidden) => hidden.forward(pass, mean), None => mean }
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
        let words = Words::new(&mut layout, symbols, env("T_SCALE", 2.0));
        let short = Conv1d::new(&mut layout, "short", WIDTH, Self::FILTERS, 3);
        let long = Conv1d::new(&mut layout, "long", WIDTH, Self::FILTERS, 5);
        let head = Linear::wide(&mut layout, "head", 2 * Self::FILTERS, classes, env("T_HEAD", 1.0));
        Self { layout: Arc::new(layout), words, short, long, dropout: Dropout::new(env("T_DROP", 0.5).into()), head }
    }
}

impl Model for TextCnn {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, texts: Tensor<5>) -> Tensor<3> {
        let Looked { vectors, .. } = self.words.forward(pass, texts);
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
        let twice = logits(&TextMean::new(9, 2), &[[4.0, 5.0, 0.0, 0.0], [4.0, 5.0, 4.0, 5.0]]);
        assert!((twice[0] - twice[2]).abs() < 1e-6, "a mean, no sum: {twice:?}");
    }

    #[test]
    fn filters_see_order() {
        let found = logits(&TextCnn::new(9, 2), &[[4.0, 5.0, 8.0, 0.0], [8.0, 4.0, 5.0, 0.0]]);
        assert!((found[0] - found[2]).abs() > 1e-6, "{found:?}");
    }
}
