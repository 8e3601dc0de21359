//! Labelled images: arrays of Python, or a dataset that is opened by its path.

use crate::arrays;
use crate::failure::{self, short};
use imfl_engine::data::{self, ImageShape, Normalisation, Samples, Scale};
use imfl_run::{Failure, Kind, Outcome, assets};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// Values of images, one image after the other.
enum Pixels {
    /// Bytes, on the scale from 0 to 255.
    Bytes(arrays::Bytes),
    /// The bytes of float32 numbers on a scale of their own.
    Numbers(arrays::Bytes),
}

/// The numbers that these bytes are.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|number| f32::from_ne_bytes(*number))
}

/// Images `[samples, channels, height, width]` with labels.
pub struct Arrays {
    pixels: Pixels,
    shape: ImageShape,
    classes: usize,
    labels: Vec<u16>,
}

impl std::fmt::Debug for Arrays {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} images of {}", self.labels.len(), self.shape)
    }
}

impl Samples for Arrays {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn shape(&self) -> [usize; 3] {
        self.shape.into()
    }

    fn label(&self, index: usize) -> usize {
        self.labels[index].into()
    }

    fn normalisation(&self) -> Normalisation {
        let bytes = match &self.pixels {
            Pixels::Bytes(bytes) => return Normalisation::of_bytes(bytes, self.shape),
            Pixels::Numbers(bytes) => bytes,
        };
        let (plane, channels) = (self.shape.height * self.shape.width, self.shape.channels);
        let mut moments = vec![(0.0f64, 0.0f64); channels];
        for (index, values) in bytes.chunks_exact(4 * plane.max(1)).enumerate() {
            let (sum, squares) = &mut moments[index % channels];
            numbers(values).map(f64::from).for_each(|value| {
                *sum += value;
                *squares += value * value;
            });
        }
        let count = (self.labels.len() * plane).max(1) as f64;
        let of = |&(sum, squares): &(f64, f64)| {
            let mean = sum / count;
            let deviation = (squares / count - mean * mean).max(0.0).sqrt();
            // A channel without contrast keeps its scale.
            (mean as f32, if deviation > 1e-6 { deviation as f32 } else { 1.0 })
        };
        let (mean, deviation) = moments.iter().map(of).unzip();
        Normalisation { mean, deviation }
    }

    fn extend(&self, values: &mut Vec<f32>, index: usize, scale: &Scale) {
        let (size, plane) = (self.shape.size(), self.shape.height * self.shape.width);
        let own = index * size..(index + 1) * size;
        match &self.pixels {
            Pixels::Bytes(bytes) => bytes[own].chunks_exact(plane).zip(&scale.bytes).for_each(|(pixels, table)| {
                values.extend(pixels.iter().map(|byte| table[usize::from(*byte)]));
            }),
            Pixels::Numbers(bytes) => {
                let Normalisation { mean, deviation } = &scale.normalisation;
                let channels = mean.iter().zip(deviation);
                let planes = bytes[4 * own.start..4 * own.end].chunks_exact(4 * plane);
                planes.zip(channels).for_each(|(pixels, (mean, deviation))| {
                    values.extend(numbers(pixels).map(|value| (value - mean) / deviation));
                });
            }
        }
    }
}

/// A dataset.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Dataset {
    pub samples: Arc<dyn Samples>,
    pub class_names: Vec<String>,
    /// The images, where the engine has them as a dataset of its own.
    stored: Option<Arc<data::Dataset>>,
}

impl Dataset {
    fn stored(data: data::Dataset) -> Self {
        Self::shared(Arc::new(data))
    }

    /// A dataset that the engine has.
    pub fn shared(data: Arc<data::Dataset>) -> Self {
        Self { samples: data.clone(), class_names: data.class_names.clone(), stored: Some(data) }
    }

    /// What a partition looks at: the labels.
    ///
    /// # Errors
    /// More classes than labels can name.
    pub fn labels_only(&self) -> Outcome<data::Dataset> {
        // Labels are u16 in every dataset there is.
        let labels = (0..self.samples.len()).map(|index| self.samples.label(index) as u16).collect();
        let nothing = ImageShape { channels: 0, height: 1, width: 1 };
        Ok(data::Dataset::new("labels", nothing, self.class_names.clone(), Vec::new(), labels)?)
    }
}

#[pymethods]
impl Dataset {
    /// Images from a `bytes` object or a contiguous array of uint8, which are the bytes of float32 `numbers` or of pixels; labels
    /// from a contiguous array of int64.
    #[new]
    fn new(
        py: Python,
        images: &Bound<PyAny>,
        are_numbers: bool,
        shape: (usize, usize, usize, usize),
        labels: &Bound<PyAny>,
        class_names: Vec<String>,
    ) -> PyResult<Self> {
        let (samples, channels, height, width) = shape;
        let shape = ImageShape { channels, height, width };
        let labels: Vec<i64> = arrays::values(labels, "labels")?;
        let bytes = arrays::bytes(images)?;
        let pixels = if are_numbers { Pixels::Numbers(bytes) } else { Pixels::Bytes(bytes) };
        short(py, move || {
            let fail = |problem: String| Err(Failure::new(Kind::Data, problem));
            let classes = class_names.len();
            if samples == 0 || shape.size() == 0 {
                return fail(format!("images: {samples} images of {shape}; at least one pixel is needed"));
            }
            if labels.len() != samples {
                return fail(format!("labels: {} labels for {samples} images", labels.len()));
            }
            if classes > usize::from(u16::MAX) + 1 {
                return fail(format!("labels: {classes} classes; at most 65536 are supported"));
            }
            if u32::try_from(samples).is_err() {
                return fail(format!("images: {samples} images; at most 4294967295 are supported"));
            }
            let found = match &pixels {
                Pixels::Bytes(bytes) => bytes.len(),
                Pixels::Numbers(bytes) => bytes.len() / 4,
            };
            if Some(found) != samples.checked_mul(shape.size()) {
                return fail(format!("images: {found} values are not {samples} images of {shape}"));
            }
            if let Pixels::Numbers(bytes) = &pixels
                && let Some(place) = numbers(bytes).position(|value| !value.is_finite())
            {
                return fail(format!("images: image {} has a value that is not finite", place / shape.size()));
            }
            if let Some(place) =
                labels.iter().position(|label| !usize::try_from(*label).is_ok_and(|label| label < classes))
            {
                return fail(format!(
                    "labels: image {place} has label {}, but there are {classes} classes",
                    labels[place]
                ));
            }
            // Below the number of classes, which fits.
            let labels = labels.into_iter().map(|label| label as u16).collect();
            Ok(Self { samples: Arc::new(Arrays { pixels, shape, classes, labels }), class_names, stored: None })
        })
    }

    /// Training and test images of a shipped dataset or of a path.
    #[staticmethod]
    fn open(py: Python, path: &str, seed: u64) -> PyResult<(Self, Self)> {
        short(py, || {
            let benchmark = data::open(&assets::dataset(path)?, seed)?;
            Ok::<_, Failure>((Self::stored(benchmark.train), Self::stored(benchmark.test)))
        })
    }

    fn __len__(&self) -> usize {
        self.samples.len()
    }

    /// `(channels, height, width)`.
    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        self.samples.shape().into()
    }

    #[getter]
    fn class_names(&self) -> Vec<String> {
        self.class_names.clone()
    }

    /// Bytes of all labels, uint16.
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        // Labels are u16 in every dataset there is.
        arrays::fixed(py, (0..self.samples.len()).map(|index| (self.samples.label(index) as u16).to_ne_bytes()))
    }

    /// Bytes of all images of a dataset that was opened, uint8.
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let Some(data) = &self.stored else {
            return Err(failure::usage(py, "the images of this dataset are those that it was made of"));
        };
        let size = data.shape.size();
        PyBytes::new_with(py, data.len() * size, |bytes| {
            bytes
                .chunks_exact_mut(size.max(1))
                .enumerate()
                .for_each(|(index, into)| into.copy_from_slice(data.image(index)));
            Ok(())
        })
    }

    /// Mean and deviation of each channel.
    fn normalisation(&self, py: Python) -> PyResult<(Vec<f32>, Vec<f32>)> {
        let samples = self.samples.clone();
        let Normalisation { mean, deviation } = short(py, move || Ok::<_, Failure>(samples.normalisation()))?;
        Ok((mean, deviation))
    }
}
