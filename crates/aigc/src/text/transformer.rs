//! The network that guesses what masked symbols were: a small transformer that sees a whole text and its class.

use super::symbols::Symbols;
use crate::denoiser::{DenoiserConfig, DenoiserError, Network};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::softmax};
use imfl_engine::layer::{Embedding, GroupNorm, Linear, Pass};
use imfl_engine::parameters::{Initialiser, Layout, Parameter, ParameterId, Weights};
use imfl_engine::transfer::upload;
use std::sync::Arc;

/// A bidirectional transformer (Vaswani et al. 2017, with normalisation before each layer) from symbols and masks to logits of symbols.
///
/// It is not told the time, which the share of masks shows (Sahoo et al. 2024, section 3.5); it gives a mask no logit and is asked of masked
/// places alone, which are the two halves of their parametrisation SUBS (section 3.2.3: zero masking probabilities, carry-over unmasking). The
/// table of words is that of inputs and of outputs (Press and Wolf 2017) and has fewer values a word than the blocks (Lan et al. 2020).
#[derive(Clone, Debug)]
pub struct Transformer {
    symbols: Symbols,
    heads: usize,
    layout: Arc<Layout>,
    /// `[symbols + 1, embedding]`; the last row is the mask's.
    words: ParameterId,
    enter: Linear,
    /// `[length, width]`
    places: ParameterId,
    class: Embedding,
    blocks: Vec<Block>,
    norm: GroupNorm,
    leave: Linear,
    /// `[classes, symbols]`: what every place of a class adds to the logits.
    bias: ParameterId,
}

/// Attention and two dense layers, each over a skip.
#[derive(Clone, Debug)]
struct Block {
    norms: [GroupNorm; 2],
    project: Linear,
    join: Linear,
    widen: Linear,
    narrow: Linear,
}

/// Normalises each row `[clients, rows, width]`.
fn normalise(norm: &GroupNorm, pass: &Pass, x: Tensor<3>) -> Tensor<3> {
    let [clients, rows, width] = x.dims();
    norm.forward(pass, x.reshape([clients, rows, width, 1, 1])).reshape([clients, rows, width])
}

impl Block {
    fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        let l = layout;
        Self {
            norms: [1, 2].map(|number| GroupNorm::new(l, &format!("{name}.norm{number}"), 1, width)),
            project: Linear::new(l, &format!("{name}.project"), width, 3 * width),
            join: Linear::zeros(l, &format!("{name}.join"), width, width),
            widen: Linear::new(l, &format!("{name}.widen"), width, 4 * width).with_relu(),
            narrow: Linear::zeros(l, &format!("{name}.narrow"), 4 * width, width),
        }
    }

    /// `[clients, texts * length, width]` to the same shape.
    fn forward(&self, pass: &Pass, x: Tensor<3>, heads: usize, length: usize) -> Tensor<3> {
        let dims @ [clients, rows, width] = x.dims();
        let each = width / heads;
        let qkv = self.project.forward(pass, normalise(&self.norms[0], pass, x.clone()));
        let qkv = qkv.reshape([clients * rows / length, length, 3 * heads, each]).swap_dims(1, 2);
        let [q, k, v] = [0, 1, 2].map(|part| qkv.clone().narrow(1, part * heads, heads));
        // [texts, heads, places, places]: how much each place takes from each other.
        let scores = q.matmul(k.swap_dims(2, 3)) * (each as f64).powf(-0.5);
        let taken = softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape(dims);
        let x = x + self.join.forward(pass, taken);
        let wide = self.widen.forward(pass, normalise(&self.norms[1], pass, x.clone()));
        x + self.narrow.forward(pass, wide)
    }
}

impl Transformer {
    /// Declares the network's parameters.
    ///
    /// # Errors
    /// [`DenoiserError`] as [`DenoiserConfig::check`] says, or if that is for another network.
    pub fn new(config: &DenoiserConfig) -> Result<Self, DenoiserError> {
        config.check()?;
        let &DenoiserConfig { shape, classes, width, embedding, network } = config;
        let Network::Transformer { layers, heads, length, symbols } = network else {
            return Err(DenoiserError::Shape { shape, problem: "it cleans values, and is no transformer of symbols" });
        };
        let symbols = Symbols { length, count: symbols };
        let mut layout = Layout::new();
        let l = &mut layout;
        let table = Initialiser::Normal { deviation: (embedding as f32).powf(-0.5) };
        Ok(Self {
            symbols,
            heads,
            words: l.declare("words.table", &[symbols.count + 1, embedding], table),
            enter: Linear::wide(l, "enter", embedding, width, (embedding as f32).sqrt()),
            places: l.declare("places", &[symbols.length, width], Initialiser::Normal { deviation: 0.3 }),
            class: Embedding::started(l, "class", classes, width, 0.3),
            blocks: (0..layers).map(|block| Block::new(l, &format!("block.{block}"), width)).collect(),
            norm: GroupNorm::new(l, "norm", 1, width),
            leave: Linear::new(l, "leave", width, embedding),
            bias: l.declare("bias", &[classes, symbols.count], Initialiser::Zeros),
            layout: Arc::new(layout),
        })
    }

    /// The parameters that it looks up.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// What a text is to it.
    pub fn symbols(&self) -> Symbols {
        self.symbols
    }

    /// Puts the classes' biases `[classes, symbols]` where they start.
    pub fn start(&self, weights: &mut Weights, bias: &[f32]) {
        let before = &self.layout.parameters()[..self.bias.index()];
        let first: usize = before.iter().map(Parameter::size).sum();
        weights.values_mut()[first..first + bias.len()].copy_from_slice(bias);
    }

    /// Texts of which some symbols are masked, each with its class, to what is known of every place, `[1, texts * length, width]`.
    pub fn forward(&self, pass: &Pass, texts: &[(&[Option<u16>], usize)], device: &Device) -> Tensor<3> {
        let length = self.symbols.length;
        let mask = self.symbols.mask();
        let shown = |symbol: &Option<u16>| symbol.map_or(mask, usize::from) as i64;
        let shown: Vec<i64> = texts.iter().flat_map(|(seen, _)| seen.iter().map(shown)).collect();
        let classes: Vec<i64> = texts.iter().map(|(_, class)| *class as i64).collect();
        let classes: Tensor<2, Int> = upload(TensorData::new(classes, [1, texts.len()]), device);
        let words = rows(pass.parameter::<3>(self.words), shown, device);
        let x = self.enter.forward(pass, words);
        let [_, all, width] = x.dims();
        let x = x.reshape([1, texts.len(), length, width])
            + pass.parameter::<3>(self.places).unsqueeze_dim::<4>(1)
            + self.class.forward(pass, classes).unsqueeze_dim::<4>(2);
        let x = x.reshape([1, all, width]);
        self.blocks.iter().fold(x, |x, block| block.forward(pass, x, self.heads, length))
    }

    /// Logits of the symbols `[asked, symbols]` at some rows of what [`Transformer::forward`] gives, each with its class.
    pub fn logits(&self, pass: &Pass, known: Tensor<3>, asked: &[(usize, usize)]) -> Tensor<2> {
        let device = known.device();
        let places = asked.iter().map(|(row, _)| *row as i64).collect();
        let classes = asked.iter().map(|(_, class)| *class as i64).collect();
        let x = normalise(&self.norm, pass, rows(known, places, &device));
        let x = self.leave.forward(pass, x).squeeze_dim::<2>(0);
        let words = pass.parameter::<3>(self.words).squeeze_dim::<2>(0).narrow(0, 0, self.symbols.count);
        let bias = rows(pass.parameter::<3>(self.bias), classes, &device).squeeze_dim::<2>(0);
        x.matmul(words.transpose()) + bias
    }
}

/// Some rows of a table `[1, rows, width]`.
fn rows(table: Tensor<3>, which: Vec<i64>, device: &Device) -> Tensor<3> {
    let count = which.len();
    table.select(1, upload::<1, Int>(TensorData::new(which, [count]), device))
}
