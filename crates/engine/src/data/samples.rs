use super::dataset::{Dataset, Normalisation};
use std::fmt::Debug;

/// Labelled samples of one kind: what clients, batches and models ask of a dataset. Images ([`Dataset`]) are one kind.
pub trait Samples: Debug + Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of classes.
    fn classes(&self) -> usize;

    /// Axes of one sample as a model gets it: `[channels, height, width]` of images. An axis that a kind has no use for is 1.
    fn shape(&self) -> [usize; 3];

    /// The class of a sample.
    fn label(&self, index: usize) -> usize;

    /// Mean and deviation of each channel over all samples.
    fn normalisation(&self) -> Normalisation;

    /// The values of all samples as bytes, one behind the other, where a kind stores bytes and [`Scale::bytes`] says what they stand for. A
    /// device keeps them as they are; of other kinds it keeps what [`Samples::extend`] makes.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// Appends a sample's values on a scale, as many as its shape has.
    fn extend(&self, values: &mut Vec<f32>, index: usize, scale: &Scale);
}

/// How stored values become those that a model gets: `(value - mean) / deviation` of their channel.
#[derive(Clone, Debug)]
pub struct Scale {
    /// Mean and deviation of each channel.
    pub normalisation: Normalisation,
    /// For kinds that store bytes: what the 256 of each channel stand for, as [`Normalisation::table`] has it.
    pub bytes: Vec<[f32; 256]>,
}

impl From<&Normalisation> for Scale {
    fn from(normalisation: &Normalisation) -> Self {
        Self { bytes: normalisation.table(), normalisation: normalisation.clone() }
    }
}

impl Samples for Dataset {
    fn len(&self) -> usize {
        self.len()
    }

    fn classes(&self) -> usize {
        self.classes()
    }

    fn shape(&self) -> [usize; 3] {
        self.shape.into()
    }

    fn label(&self, index: usize) -> usize {
        self.label(index)
    }

    fn normalisation(&self) -> Normalisation {
        self.normalisation()
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.images)
    }

    fn extend(&self, values: &mut Vec<f32>, index: usize, scale: &Scale) {
        let plane = self.shape.height * self.shape.width;
        for (pixels, table) in self.image(index).chunks_exact(plane).zip(&scale.bytes) {
            values.extend(pixels.iter().map(|&byte| table[usize::from(byte)]));
        }
    }
}
