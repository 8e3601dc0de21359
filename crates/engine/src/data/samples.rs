use super::dataset::Dataset;
use super::scale::{Normalisation, Scale};
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
        self.kind.is_bytes().then_some(self.images.as_slice())
    }

    fn extend(&self, values: &mut Vec<f32>, index: usize, scale: &Scale) {
        let plane = self.shape.height * self.shape.width;
        self.kind.extend(values, self.image(index), plane, scale);
    }
}
