//! What the samples of a dataset are: pictures, rows of a table, texts, or sounds. A kind says how the bytes of a sample become what a model gets.

use super::columns::Columns;
use super::scale::{Normalisation, Scale};
use super::shape::ImageShape;
use super::spectrogram::Spectrogram;
use super::vocabulary::Vocabulary;
use serde::{Deserialize, Serialize};

/// A kind of samples, with what it takes to read one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures: a byte for each channel and pixel.
    #[default]
    Images,
    /// Rows of a table: a little-endian 32-bit number for each column, of a category its place.
    Table(Columns),
    /// Texts: a little-endian 16-bit number for each word.
    Text(Vocabulary),
    /// Sounds: a byte for each band and time of a spectrogram, as if it were a picture.
    Sound(Spectrogram),
}

impl Kind {
    /// Bytes that one sample takes; `shape` is that of what a model gets.
    pub fn record(&self, shape: ImageShape) -> usize {
        match self {
            Self::Images | Self::Sound(_) => shape.size(),
            Self::Table(columns) => 4 * columns.list().len(),
            Self::Text(vocabulary) => 2 * vocabulary.length(),
        }
    }

    /// The shape of what a model gets, where the kind decides it.
    pub fn shape(&self) -> Option<ImageShape> {
        match self {
            Self::Images => None,
            Self::Table(columns) => Some(columns.shape()),
            Self::Text(vocabulary) => Some(vocabulary.shape()),
            Self::Sound(settings) => Some(settings.shape()),
        }
    }

    /// Whether every value of a sample is a byte, as those of pictures are, also of those of sounds.
    pub fn is_bytes(&self) -> bool {
        matches!(self, Self::Images | Self::Sound(_))
    }

    /// What is wrong with stored samples that a kind cannot read, if anything is.
    pub(super) fn fault(&self, records: &[u8]) -> Option<String> {
        match self {
            Self::Images | Self::Table(_) | Self::Sound(_) => None,
            Self::Text(vocabulary) => {
                let stray = vocabulary.stray(records)?;
                Some(format!("the number {stray} stands for no word; there are {}", vocabulary.symbols()))
            }
        }
    }

    /// What messages call several of them.
    pub fn plural(&self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Table(_) => "rows",
            Self::Text(_) => "texts",
            Self::Sound(_) => "sounds",
        }
    }

    /// Mean and deviation of each channel, where the kind knows them without looking at samples.
    pub(super) fn normalisation(&self) -> Option<Normalisation> {
        match self {
            Self::Images | Self::Sound(_) => None,
            Self::Table(columns) => Some(columns.normalisation()),
            // A number names a word: it is not moved.
            Self::Text(_) => Some(Normalisation { mean: vec![0.0], deviation: vec![1.0] }),
        }
    }

    /// Appends what a model gets of a sample.
    pub(super) fn extend(&self, values: &mut Vec<f32>, record: &[u8], plane: usize, scale: &Scale) {
        match self {
            Self::Images | Self::Sound(_) => {
                for (pixels, table) in record.chunks_exact(plane).zip(&scale.bytes) {
                    values.extend(pixels.iter().map(|&byte| table[usize::from(byte)]));
                }
            }
            Self::Table(columns) => columns.extend(values, record, &scale.normalisation),
            Self::Text(_) => values.extend(Vocabulary::numbers(record).map(f32::from)),
        }
    }

    /// The sample whose values, as [`crate::data::Samples::extend`] has them, come nearest to `values`.
    pub fn nearest(&self, values: &[f32], shape: ImageShape, normalisation: &Normalisation) -> Vec<u8> {
        let Normalisation { mean, deviation } = normalisation;
        match self {
            Self::Images | Self::Sound(_) => {
                let planes = values.chunks_exact((shape.height * shape.width).max(1)).zip(mean.iter().zip(deviation));
                // The cast saturates, so that values beyond black and white become black and white.
                let byte = |value: &f32, mean: f32, scale: f32| (255.0 * (value * scale + mean)).round() as u8;
                planes.flat_map(|(plane, (&m, &d))| plane.iter().map(move |value| byte(value, m, d))).collect()
            }
            Self::Table(columns) => columns.nearest(values, normalisation),
            Self::Text(vocabulary) => vocabulary.nearest(values),
        }
    }
}
