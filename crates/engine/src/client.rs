//! A client's samples: authentic ones it holds, generated ones it was given.

use crate::data::{Dataset, Normalisation};
use std::sync::Arc;

/// One sample of a client. Generated images are marked wherever they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// An image of the authentic dataset.
    Authentic(u32),
    /// An image that a generator made.
    Generated(u32),
}

/// Where samples come from and how their bytes become numbers; shared by all clients.
#[derive(Clone, Debug)]
pub struct Images {
    authentic: Arc<Dataset>,
    generated: Option<Arc<Dataset>>,
    table: Vec<[f32; 256]>,
}

impl Images {
    /// Authentic images and the scale to present them on.
    pub fn new(authentic: Arc<Dataset>, normalisation: &Normalisation) -> Self {
        Self { table: normalisation.table(), authentic, generated: None }
    }

    /// The same with generated images beside them, of the same shape and classes.
    pub fn with_generated(self, generated: Arc<Dataset>) -> Self {
        debug_assert_eq!(self.authentic.shape, generated.shape);
        Self { generated: Some(generated), ..self }
    }

    /// The authentic dataset.
    pub fn authentic(&self) -> &Arc<Dataset> {
        &self.authentic
    }

    /// The generated dataset, if there is one.
    pub fn generated(&self) -> Option<&Arc<Dataset>> {
        self.generated.as_ref()
    }

    /// The class of a sample.
    pub fn label(&self, sample: Sample) -> usize {
        let (data, index) = self.locate(sample);
        data.label(index)
    }

    /// Appends a sample's normalised values, `[channels, height, width]`.
    pub fn extend(&self, values: &mut Vec<f32>, sample: Sample) {
        let (data, index) = self.locate(sample);
        let plane = data.shape.height * data.shape.width;
        for (pixels, table) in data.image(index).chunks_exact(plane).zip(&self.table) {
            values.extend(pixels.iter().map(|&byte| table[usize::from(byte)]));
        }
    }

    fn locate(&self, sample: Sample) -> (&Dataset, usize) {
        match sample {
            Sample::Authentic(index) => (&self.authentic, index as usize),
            // Only `with_generated` makes generated samples meaningful; whoever hands one out has called it.
            Sample::Generated(index) => {
                (self.generated.as_deref().expect("generated samples come with their images"), index as usize)
            }
        }
    }
}

/// One client: an identity that keys its random numbers, and its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Stable over the whole run.
    pub id: u32,
    /// What it trains on.
    pub samples: Vec<Sample>,
}

impl Client {
    /// A client with authentic samples only.
    pub fn authentic(id: u32, indices: &[u32]) -> Self {
        Self { id, samples: indices.iter().map(|&index| Sample::Authentic(index)).collect() }
    }

    /// Number of its samples of each class.
    pub fn histogram(&self, images: &Images) -> Vec<usize> {
        let mut counts = vec![0; images.authentic().classes()];
        self.samples.iter().for_each(|&sample| counts[images.label(sample)] += 1);
        counts
    }
}
