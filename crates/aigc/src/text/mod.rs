//! Texts by absorbing-state diffusion: symbols are masked one after the other, and a network learns to guess them back (Sahoo et al. 2024, "Simple and
//! Effective Masked Diffusion Language Models", arXiv 2406.07524).

mod learning;
mod loss;
mod masking;
mod schedule;
mod symbols;
mod transformer;
mod translation;
mod unmasking;

pub use learning::{bound, frequencies};
pub use masking::Examples;
pub use transformer::Transformer;
pub use translation::Translation;
pub use unmasking::draw;

#[cfg(test)]
pub mod testing {
    use super::Transformer;
    use crate::denoiser::{DenoiserConfig, Network};
    use imfl_engine::data::{Dataset, Kind, Vocabulary};
    use std::sync::Arc;

    /// Some texts of two classes.
    pub const TEXTS: [(&str, u16); 5] = [
        ("a small fish of warm seas", 0),
        ("a large fish of cold seas", 0),
        ("a small boat", 0),
        ("a hill of red sand", 1),
        ("a large hill", 1),
    ];

    /// Texts as a dataset, each with its class.
    pub fn texts(texts: &[(&str, u16)]) -> Arc<Dataset> {
        let words = texts.iter().flat_map(|(text, _)| text.split(' ')).map(|word| (word.to_string(), 1));
        let vocabulary = Vocabulary::of_counts(words.collect(), 100);
        let bytes = texts.iter().flat_map(|(text, _)| vocabulary.coder().encode(text).record).collect();
        let (shape, names) = (vocabulary.shape(), vec!["sea".to_string(), "land".into()]);
        let labels = texts.iter().map(|(_, label)| *label).collect();
        Arc::new(Dataset::of_kind(Arc::new(Kind::Text(vocabulary)), "t", shape, names, bytes, labels).unwrap())
    }

    /// A tiny network that knows all words of a dataset.
    pub fn network(data: &Dataset) -> Transformer {
        let config = tiny(data);
        Transformer::new(&config).unwrap()
    }

    /// What it is built for.
    pub fn tiny(data: &Dataset) -> DenoiserConfig {
        let Kind::Text(vocabulary) = data.kind.as_ref() else { panic!("texts") };
        let network = Network::Transformer { layers: 2, heads: 2, length: 6, symbols: vocabulary.symbols() };
        DenoiserConfig { width: 8, embedding: 8, network, ..DenoiserConfig::texts(data) }
    }
}
