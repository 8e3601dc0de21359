//! A client's samples: authentic ones it holds, generated ones it was given.

use crate::data::{Normalisation, Samples, Scale};
use crate::resident::Residence;
use std::sync::Arc;

/// One sample of a client. Generated ones are marked wherever they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// One of the authentic dataset.
    Authentic(u32),
    /// One that a generator made.
    Generated(u32),
}

/// Where samples come from and on which scale a model gets them; shared by all clients.
#[derive(Clone, Debug)]
pub struct Images {
    authentic: Arc<dyn Samples>,
    generated: Option<Arc<dyn Samples>>,
    scale: Scale,
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "nothing is elsewhere"))]
    resident: Residence,
}

impl Images {
    /// Authentic samples and the scale to present them on.
    pub fn new(authentic: Arc<dyn Samples>, normalisation: &Normalisation) -> Self {
        Self { scale: normalisation.into(), authentic, generated: None, resident: Residence::default() }
    }

    /// The same with generated samples beside them, of the same shape and classes.
    pub fn with_generated(self, generated: Arc<dyn Samples>) -> Self {
        debug_assert_eq!(self.authentic.shape(), generated.shape());
        Self { generated: Some(generated), resident: Residence::default(), ..self }
    }

    /// Samples of another dataset on the same scale, as those that a model is tested on.
    pub fn like(&self, authentic: Arc<dyn Samples>) -> Self {
        Self { authentic, generated: None, scale: self.scale.clone(), resident: Residence::default() }
    }

    /// The authentic samples.
    pub fn authentic(&self) -> &dyn Samples {
        self.authentic.as_ref()
    }

    /// The generated samples, if there are any.
    pub fn generated(&self) -> Option<&dyn Samples> {
        self.generated.as_deref()
    }

    /// Whose scale samples are presented on.
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "nothing is elsewhere"))]
    pub(crate) fn scale(&self) -> &Scale {
        &self.scale
    }

    /// Where a device keeps the samples.
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "nothing is elsewhere"))]
    pub(crate) fn residence(&self) -> &Residence {
        &self.resident
    }

    /// The place of a sample among all, the generated ones behind the authentic.
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "nothing is elsewhere"))]
    pub(crate) fn place(&self, sample: Sample) -> usize {
        match sample {
            Sample::Authentic(index) => index as usize,
            Sample::Generated(index) => self.authentic.len() + index as usize,
        }
    }

    /// The class of a sample.
    pub fn label(&self, sample: Sample) -> usize {
        let (data, index) = self.locate(sample);
        data.label(index)
    }

    /// Appends a sample's values, in the order of its shape.
    pub fn extend(&self, values: &mut Vec<f32>, sample: Sample) {
        let (data, index) = self.locate(sample);
        data.extend(values, index, &self.scale);
    }

    fn locate(&self, sample: Sample) -> (&dyn Samples, usize) {
        match sample {
            Sample::Authentic(index) => (self.authentic(), index as usize),
            // Only `with_generated` makes generated samples meaningful; whoever hands one out has called it.
            Sample::Generated(index) => {
                (self.generated().expect("generated samples come with their values"), index as usize)
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
