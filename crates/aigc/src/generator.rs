//! The diffusion model as a source of samples.

use crate::checkpoint::{Checkpoint, CheckpointError, Description};
use crate::denoiser::{Denoiser, Network, Preconditioning};
use crate::network::AnyNetwork;
use crate::sampling::Sampling;
use crate::setting::SettingError;
use crate::source::{self, Observe, Provenance, Request, SampleError, SampleSource};
use crate::text::{self, Translation};
use burn::tensor::{Device, Int, Tensor, TensorData};
use imfl_engine::data::{Dataset, ImageShape, Kind};
use imfl_engine::device::Compute;
use imfl_engine::layer::Pass;
use imfl_engine::noise::normals;
use imfl_engine::parameters::{Stacked, Weights};
use imfl_engine::random::{Purpose, key};
use imfl_engine::transfer::{floats, upload};
use imfl_engine::worker;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The most samples in one pass of a network: what a worker's caches hold; no sample depends on it.
fn batch(network: Network) -> usize {
    match network {
        Network::UNet | Network::Transformer { .. } => 50,
        Network::Perceptron { .. } => 400,
    }
}

/// A trained denoiser with a sampler, ready to draw images.
#[derive(Clone, Debug)]
pub struct Generator {
    network: AnyNetwork,
    description: Description,
    weights: Weights,
    provenance: Provenance,
    /// Into the words of other texts than those that it learnt from.
    translation: Option<Translation>,
}

impl Generator {
    /// Opens a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let (checkpoint, sha256) = Checkpoint::read_with_digest(path)?;
        let mut generator =
            Self::of(checkpoint).map_err(|problem| CheckpointError::Malformed { path: path.into(), problem })?;
        generator.provenance.sha256 = Some(sha256);
        Ok(generator)
    }

    /// Takes the moving average of a checkpoint, and draws as the checkpoint says.
    ///
    /// # Errors
    /// A sentence if the weights are not those of the network that the checkpoint describes.
    pub fn of(checkpoint: Checkpoint) -> Result<Self, String> {
        let Checkpoint { description, average, fingerprints, .. } = checkpoint;
        let network = AnyNetwork::new(&description.denoiser).map_err(|error| error.to_string())?;
        if network.layout() != average.layout() {
            return Err("the weights are not those of the network that it describes".into());
        }
        let learnt_from = description.dataset.clone();
        let provenance = Provenance { name: "generator".into(), learnt_from, fingerprints, sha256: None };
        Ok(Self { network, description, weights: average, provenance, translation: None })
    }

    /// The same generator for the texts of these parts of a dataset, which have one vocabulary, if it draws texts: in their words, and with those of them
    /// among what it learnt from that it knows again. Each other generator stays as it is.
    #[must_use]
    pub fn in_words_of(mut self, parts: &[&Dataset]) -> Self {
        let Some(first) = parts.first() else { return self };
        if let Some(translation) = Translation::new(&self.description.kind, &first.kind) {
            // Its own would be numbers of other words.
            self.provenance.fingerprints = translation.known(&self.provenance.fingerprints, parts.iter().copied());
            self.translation = Some(translation);
        }
        self
    }

    /// The same generator with other settings of the sampler.
    ///
    /// # Errors
    /// [`SettingError`] for one that is out of range.
    pub fn with_sampling(mut self, sampling: Sampling) -> Result<Self, SettingError> {
        sampling.check()?;
        if matches!(self.network, AnyNetwork::Symbols(_)) {
            sampling.check_steps_alone()?;
        }
        self.description.sampling = sampling;
        Ok(self)
    }

    /// What it was trained on and how, and how it draws.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How its images are drawn.
    pub fn sampling(&self) -> &Sampling {
        &self.description.sampling
    }

    /// How images come out of the noise: for each request the network's guess at every evaluation, in order, request after
    /// request; of a text there is nothing between masks and words, and the text alone is shown.
    ///
    /// # Errors
    /// As [`SampleSource::draw`].
    pub fn path(&self, requests: &[Request], seed: u64, device: &Device) -> Result<Dataset, SampleError> {
        source::check(requests, self.description.class_names.len())?;
        let stacked = Stacked::broadcast(&self.weights, 1, device);
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for request in requests {
            let guesses = RefCell::new(Vec::new());
            let keep = |guess: &Tensor<5>| guesses.borrow_mut().push(guess.clone());
            let last = self.batch(&stacked, &[*request], seed, device, keep)?;
            if matches!(self.network, AnyNetwork::Symbols(_)) {
                images.extend(last);
                labels.push(request.label);
            }
            for guess in guesses.into_inner() {
                images.extend(self.bytes(guess, &[*request])?);
                labels.push(request.label);
            }
        }
        self.dataset("guesses".into(), images, labels)
    }

    /// Images with their labels.
    fn dataset(&self, name: String, images: Vec<u8>, labels: Vec<u16>) -> Result<Dataset, SampleError> {
        let kind = self.translation.as_ref().map_or_else(|| Arc::new(self.kind().clone()), |other| other.kind.clone());
        Ok(Dataset::of_kind(kind, name, self.shape(), self.class_names().to_vec(), images, labels)?)
    }

    /// Draws one batch, `[batch, channels, height, width]` as bytes, or as many texts; `watch` sees every guess at values on the way.
    fn batch(
        &self,
        weights: &Stacked,
        requests: &[Request],
        seed: u64,
        device: &Device,
        watch: impl Fn(&Tensor<5>),
    ) -> Result<Vec<u8>, SampleError> {
        let (shape, sampling) = (self.shape(), &self.description.sampling);
        let denoiser = match &self.network {
            AnyNetwork::Values(denoiser) => denoiser,
            AnyNetwork::Symbols(network) => {
                let words = self.description.denoiser.shape.width;
                let texts = text::draw(network, weights, requests, sampling.steps, seed, words, device)?;
                return Ok(self.translation.as_ref().map_or_else(|| texts.clone(), |other| other.texts(&texts)));
            }
        };
        let labels: Vec<usize> = requests.iter().map(|request| usize::from(request.label)).collect();
        let keys: Vec<_> = requests.iter().map(|request| key(seed, Purpose::Latent, 0, 0, request.index)).collect();
        let dims = [1, requests.len(), shape.channels, shape.height, shape.width];
        let noise: Tensor<5> = normals(&keys, shape.size(), device).reshape(dims);
        let values = sampling.solve(noise, |x, sigma| {
            let seen = self.guided(denoiser, weights, x, sigma, &labels);
            watch(&seen);
            seen
        });
        self.bytes(values, requests)
    }

    /// The guess at the clean values of noisy ones `[1, batch, channels, height, width]`, all at one noise level, with guidance where it acts.
    fn guided(&self, denoiser: &Denoiser, weights: &Stacked, x: Tensor<5>, sigma: f64, labels: &[usize]) -> Tensor<5> {
        let sampling = &self.description.sampling;
        if !sampling.guides(sigma) {
            return self.denoise(denoiser, weights, x, sigma, labels);
        }
        let free = self.denoise(denoiser, weights, x.clone(), sigma, &vec![denoiser.no_class(); labels.len()]);
        self.denoise(denoiser, weights, x, sigma, labels) * (1.0 + sampling.guidance) - free * sampling.guidance
    }

    /// Where noisy values of some classes come to in so many steps from one noise level to another.
    ///
    /// # Panics
    /// If it draws texts, which have no noise.
    pub(crate) fn walk(&self, x: Tensor<5>, levels: [f64; 2], steps: usize, labels: &[usize]) -> Tensor<5> {
        let AnyNetwork::Values(denoiser) = &self.network else { panic!("texts have no noise") };
        let weights = Stacked::broadcast(&self.weights, 1, &x.device());
        let sampling = &self.description.sampling;
        let levels = sampling.between(levels, steps);
        sampling.along(&levels, x, |x, sigma| self.guided(denoiser, &weights, x, sigma, labels))
    }

    /// Values `[1, batch, channels, height, width]` as bytes.
    fn bytes(&self, values: Tensor<5>, requests: &[Request]) -> Result<Vec<u8>, SampleError> {
        let shape = self.shape();
        let values = floats(values);
        let mut bytes = Vec::with_capacity(values.len());
        for (request, values) in requests.iter().zip(values.chunks_exact(shape.size())) {
            if values.iter().any(|value| !value.is_finite()) {
                return Err(SampleError::NotFinite { index: request.index });
            }
            bytes.extend(self.description.scale.nearest(&self.description.kind, values, shape));
        }
        Ok(bytes)
    }

    /// `D(x; sigma)` for noisy images `[1, batch, channels, height, width]`, all at one noise level.
    fn denoise(&self, denoiser: &Denoiser, weights: &Stacked, x: Tensor<5>, sigma: f64, labels: &[usize]) -> Tensor<5> {
        let device = x.device();
        let conditioning = Preconditioning { sigma_data: self.description.scale.sigma_data };
        let batch = labels.len();
        let classes: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
        let classes: Tensor<2, Int> = upload(TensorData::new(classes, [1, batch]), &device);
        let noise = Denoiser::noise_features(&vec![sigma; batch], &device);
        let scaled = x.clone() * conditioning.input(sigma);
        let out = denoiser.forward(&Pass::evaluate(weights), scaled, noise, classes);
        x * conditioning.skip(sigma) + out * conditioning.out(sigma)
    }
}

impl SampleSource for Generator {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        let own = self.description.denoiser.shape;
        self.translation.as_ref().and_then(|other| other.kind.shape()).unwrap_or(own)
    }

    fn kind(&self) -> &Kind {
        self.translation.as_ref().map_or(&self.description.kind, |other| &other.kind)
    }

    fn class_names(&self) -> &[String] {
        &self.description.class_names
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let Compute { device, workers, .. } = compute;
        let stacked = Stacked::broadcast(&self.weights, 1, device);
        // As many pieces for every worker, so that none waits for the last.
        let pieces = requests
            .len()
            .div_ceil(batch(self.description.denoiser.network))
            .next_multiple_of((*workers).max(1))
            .max(1);
        let size = requests.len().div_ceil(pieces).max(1);
        let pieces: Vec<&[Request]> = requests.chunks(size).collect();
        let image = self.kind().record(self.shape());
        let (mut done, mut failed) = (0, None);
        let mut images = vec![0; requests.len() * image];
        let complete = worker::each(
            *workers,
            pieces.len(),
            |piece| self.batch(&stacked, pieces[piece], seed, device, |_| ()),
            |piece, drawn| {
                match drawn {
                    Ok(drawn) => images[piece * size * image..][..drawn.len()].copy_from_slice(&drawn),
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                done += pieces[piece].len();
                observe(done, requests.len())
            },
        );
        match failed {
            Some(error) => Err(error),
            None if !complete => Err(SampleError::Stopped),
            None => {
                let name = format!("{} generated after {}", self.kind().plural(), self.description.dataset);
                self.dataset(name, images, Request::labels(requests))
            }
        }
    }
}

#[cfg(test)]
mod tests;
