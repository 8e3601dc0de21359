use crate::checkpoint::{Checkpoint, CheckpointError, Description};
use crate::denoiser::{Denoiser, Preconditioning};
use crate::fingerprint::Fingerprints;
use crate::sampling::{Sampling, SamplingError};
use burn::tensor::{Device, Int, Tensor, TensorData};
use imfl_engine::data::Dataset;
use imfl_engine::layer::Pass;
use imfl_engine::parameters::{Stacked, Weights};
use imfl_engine::random::{Purpose, keyed};
use imfl_engine::worker;
use rand::RngExt;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;

/// The most images in one pass of the network: what a worker's caches hold; no image depends on it.
const BATCH: usize = 50;

/// One image to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its class.
    pub label: u16,
    /// Which of all images of a seed: the initial noise belongs to (seed, index), whatever else is drawn with it.
    pub index: u64,
}

impl Request {
    /// Asks for `counts[class]` images of each class, numbered from `first`.
    pub fn of_counts(counts: &[usize], first: u64) -> Vec<Self> {
        let labels = counts.iter().enumerate().flat_map(|(label, &count)| std::iter::repeat_n(label as u16, count));
        labels.zip(first..).map(|(label, index)| Self { label, index }).collect()
    }
}

/// Why images cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// Nothing was asked for.
    #[error("zero images were asked for; ask for at least one")]
    Nothing,
    /// A class that the generator does not know.
    #[error("class {label} was asked for, but the generator knows {classes} classes, 0 to {}", classes - 1)]
    Class {
        /// The class asked for.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// The sampler's settings.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The observer said stop.
    #[error("stopped before all images were drawn")]
    Stopped,
    /// The network's output is not a number.
    #[error("image {index} came out as NaN; the checkpoint or the sampler's settings are at fault")]
    NotFinite {
        /// Index of the request.
        index: u64,
    },
}

/// A trained denoiser, ready to draw images.
#[derive(Clone, Debug)]
pub struct Generator {
    denoiser: Denoiser,
    description: Description,
    weights: Weights,
    fingerprints: Fingerprints,
}

impl Generator {
    /// Opens a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::read(path)?;
        Self::of(checkpoint).map_err(|problem| CheckpointError::Malformed { path: path.into(), problem })
    }

    /// Takes the moving average of a checkpoint.
    ///
    /// # Errors
    /// A sentence if the weights are not those of the network that the checkpoint describes.
    pub fn of(checkpoint: Checkpoint) -> Result<Self, String> {
        let Checkpoint { description, average, fingerprints, .. } = checkpoint;
        let denoiser = Denoiser::new(&description.denoiser).map_err(|error| error.to_string())?;
        if denoiser.layout() != average.layout() {
            return Err("the weights are not those of the network that it describes".into());
        }
        Ok(Self { denoiser, description, weights: average, fingerprints })
    }

    /// What it was trained on and how.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How its images are drawn unless asked otherwise.
    pub fn sampling(&self) -> &Sampling {
        &self.description.sampling
    }

    /// Fingerprints of the images that it learnt from.
    pub fn fingerprints(&self) -> &Fingerprints {
        &self.fingerprints
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.description.class_names.len()
    }

    /// Checks that a generator can stand in for a dataset's images.
    ///
    /// # Errors
    /// [`CheckpointError::Other`] if shape or classes differ.
    pub fn check_fits(&self, data: &Dataset) -> Result<(), CheckpointError> {
        let Description { denoiser, class_names, dataset, .. } = &self.description;
        if denoiser.shape != data.shape {
            return Err(CheckpointError::Other(format!(
                "the generator draws {} images of {dataset}, but {} has images of {}",
                denoiser.shape, data.name, data.shape
            )));
        }
        if *class_names != data.class_names {
            return Err(CheckpointError::Other(format!(
                "the generator's classes ({}, learnt from {dataset}) are not those of {} ({})",
                class_names.join(", "),
                data.name,
                data.class_names.join(", ")
            )));
        }
        Ok(())
    }

    /// Draws images over `workers` threads. The result depends on nothing but the weights, the sampler, the seed and each
    /// request. `observe(done, all)` hears of progress and may stop.
    ///
    /// # Errors
    /// [`SampleError`]; nothing is returned of a stopped or failed run.
    pub fn sample(
        &self,
        requests: &[Request],
        sampling: &Sampling,
        seed: u64,
        device: &Device,
        workers: usize,
        observe: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Dataset, SampleError> {
        self.pixels(requests, sampling, seed, device, workers, observe).map(|pixels| self.dataset(requests, pixels))
    }

    /// The same as bytes, one image after the other: what is put together with those of other processes by
    /// [`Generator::dataset`].
    ///
    /// # Errors
    /// As [`Generator::sample`].
    pub fn pixels(
        &self,
        requests: &[Request],
        sampling: &Sampling,
        seed: u64,
        device: &Device,
        workers: usize,
        mut observe: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Vec<u8>, SampleError> {
        self.check(requests, sampling)?;
        let shape = self.denoiser.config().shape;
        let stacked = Stacked::broadcast(&self.weights, 1, device);
        // As many pieces for every worker, so that none waits for the last.
        let pieces = requests.len().div_ceil(BATCH).next_multiple_of(workers.max(1));
        let size = requests.len().div_ceil(pieces);
        let pieces: Vec<&[Request]> = requests.chunks(size).collect();
        let (mut done, mut failed) = (0, None);
        let mut images = vec![0; requests.len() * shape.size()];
        let complete = worker::each(
            workers,
            pieces.len(),
            |piece| self.draw(&stacked, pieces[piece], sampling, seed, device, |_| ()),
            |piece, drawn| {
                match drawn {
                    Ok(drawn) => images[piece * size * shape.size()..][..drawn.len()].copy_from_slice(&drawn),
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                done += pieces[piece].len();
                observe(done, requests.len())
            },
        );
        if let Some(error) = failed {
            return Err(error);
        }
        if !complete {
            return Err(SampleError::Stopped);
        }
        Ok(images)
    }

    /// Images that were drawn as `requests` asked, with their labels.
    ///
    /// # Panics
    /// If `pixels` are not those of [`Generator::pixels`] for these requests.
    pub fn dataset(&self, requests: &[Request], pixels: Vec<u8>) -> Dataset {
        let labels = requests.iter().map(|request| request.label).collect();
        let name = format!("images generated after {}", self.description.dataset);
        let (shape, classes) = (self.denoiser.config().shape, self.description.class_names.clone());
        // `pixels` has checked the labels and returned an image for each.
        Dataset::new(name, shape, classes, pixels, labels).expect("consistent")
    }

    /// How images come out of the noise: for each request the network's guess at every evaluation, in order, request after
    /// request.
    ///
    /// # Errors
    /// As [`Generator::sample`].
    pub fn path(
        &self,
        requests: &[Request],
        sampling: &Sampling,
        seed: u64,
        device: &Device,
    ) -> Result<Dataset, SampleError> {
        self.check(requests, sampling)?;
        let shape = self.denoiser.config().shape;
        let stacked = Stacked::broadcast(&self.weights, 1, device);
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for request in requests {
            let guesses = RefCell::new(Vec::new());
            let keep = |guess: &Tensor<5>| guesses.borrow_mut().push(guess.clone());
            self.draw(&stacked, &[*request], sampling, seed, device, keep)?;
            for guess in guesses.into_inner() {
                images.extend(self.bytes(guess, &[*request])?);
                labels.push(request.label);
            }
        }
        Ok(Dataset::new("guesses", shape, self.description.class_names.clone(), images, labels).expect("consistent"))
    }

    fn check(&self, requests: &[Request], sampling: &Sampling) -> Result<(), SampleError> {
        sampling.check()?;
        let classes = self.classes();
        if requests.is_empty() {
            return Err(SampleError::Nothing);
        }
        match requests.iter().find(|request| usize::from(request.label) >= classes) {
            Some(request) => Err(SampleError::Class { label: request.label, classes }),
            None => Ok(()),
        }
    }

    /// Draws one batch, `[batch, channels, height, width]` as bytes; `watch` sees every guess on the way.
    fn draw(
        &self,
        weights: &Stacked,
        requests: &[Request],
        sampling: &Sampling,
        seed: u64,
        device: &Device,
        watch: impl Fn(&Tensor<5>),
    ) -> Result<Vec<u8>, SampleError> {
        let shape = self.denoiser.config().shape;
        let labels: Vec<usize> = requests.iter().map(|request| usize::from(request.label)).collect();
        let noise = latents(requests, shape.size(), seed);
        let dims = [1, requests.len(), shape.channels, shape.height, shape.width];
        let noise = Tensor::<5>::from_data(TensorData::new(noise, dims), device);
        let guess = |x: Tensor<5>, sigma, labels: &[usize]| self.denoise(weights, x, sigma, labels);
        let none = vec![self.denoiser.no_class(); labels.len()];
        let values = sampling.solve(noise, |x, sigma| {
            let seen = if sampling.guides(sigma) {
                let free = guess(x.clone(), sigma, &none);
                guess(x, sigma, &labels) * (1.0 + sampling.guidance) - free * sampling.guidance
            } else {
                guess(x, sigma, &labels)
            };
            watch(&seen);
            seen
        });
        self.bytes(values, requests)
    }

    /// Values `[1, batch, channels, height, width]` as bytes.
    fn bytes(&self, values: Tensor<5>, requests: &[Request]) -> Result<Vec<u8>, SampleError> {
        let shape = self.denoiser.config().shape;
        let values = values.into_data().convert::<f32>();
        // Just converted to f32.
        let values = values.as_slice::<f32>().expect("f32");
        let mut bytes = Vec::with_capacity(values.len());
        for (request, values) in requests.iter().zip(values.chunks_exact(shape.size())) {
            if values.iter().any(|value| !value.is_finite()) {
                return Err(SampleError::NotFinite { index: request.index });
            }
            bytes.extend(self.description.scale.bytes(values, shape));
        }
        Ok(bytes)
    }

    /// `D(x; sigma)` for noisy images `[1, batch, channels, height, width]`, all at one noise level.
    fn denoise(&self, weights: &Stacked, x: Tensor<5>, sigma: f64, labels: &[usize]) -> Tensor<5> {
        let device = x.device();
        let conditioning = Preconditioning { sigma_data: self.description.scale.sigma_data };
        let batch = labels.len();
        let classes: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
        let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [1, batch]), &device);
        let noise = Denoiser::noise_features(&vec![sigma; batch], &device);
        let scaled = x.clone() * conditioning.input(sigma);
        let out = self.denoiser.forward(&Pass::evaluate(weights), scaled, noise, classes);
        x * conditioning.skip(sigma) + out * conditioning.out(sigma)
    }
}

/// Initial noise of deviation 1, `size` values for each request.
fn latents(requests: &[Request], size: usize, seed: u64) -> Vec<f32> {
    let mut values = Vec::with_capacity(requests.len() * size);
    for request in requests {
        let mut random = keyed(seed, Purpose::Latent, 0, 0, request.index);
        values.extend((0..size).map(|_| random.sample::<f32, _>(rand_distr::StandardNormal)));
    }
    values
}

#[cfg(test)]
mod tests;
