//! Training a generator: the loss of Karras et al. 2022, or of Sahoo et al. 2024 for texts, AdamW, a moving average of the weights.

mod batch;
mod distillation;
mod error;
mod loss;

pub use error::TrainingError;

use crate::checkpoint::{Checkpoint, Description};
use crate::denoiser::{DenoiserConfig, Preconditioning};
use crate::fingerprint::Fingerprints;
use crate::generator::Generator;
use crate::network::AnyNetwork;
use crate::optimizer::{AdamW, flat_gradient, sharded};
use crate::pixels::PixelScale;
use crate::sampling::Method;
use crate::source::SampleSource;
use crate::text::{self, Examples};
use crate::training_config::TrainingConfig;
use batch::{Order, Shards};
use burn::tensor::Device;
use distillation::Lesson;
use imfl_engine::data::Dataset;
use imfl_engine::layer::Pass;
use imfl_engine::parameters::{Stacked, Weights};
use std::ops::ControlFlow;
use std::time::Instant;

/// What an observer hears after each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Mean loss of the images of this step, of which 1 is what the untrained network scores; of texts, nats a word.
    pub loss: f64,
    /// Length of the gradient before clipping.
    pub gradient_norm: f64,
    /// Images a second, over this run.
    pub images_per_second: f64,
    /// Seconds left at that speed.
    pub seconds_left: f64,
}

/// A denoiser in training. All random numbers are keyed by the step, so no random state is saved.
#[derive(Debug)]
pub struct Trainer<'a> {
    network: AnyNetwork,
    data: &'a Dataset,
    checkpoint: Checkpoint,
    state: AdamW,
    order: Order,
    shards: Shards,
    lesson: Option<Lesson>,
}

impl<'a> Trainer<'a> {
    /// Starts from random weights.
    ///
    /// # Errors
    /// [`TrainingError`] if a setting is out of range, no such network exists or there are no images.
    pub fn new(data: &'a Dataset, network: &DenoiserConfig, training: &TrainingConfig) -> Result<Self, TrainingError> {
        training.check()?;
        let built = AnyNetwork::new(network)?;
        if data.is_empty() {
            return Err(TrainingError::NoImages { name: data.name.clone() });
        }
        if !network.network.draws(&data.kind) {
            let (name, plural) = (&data.name, data.kind.plural());
            return Err(TrainingError::OtherData(format!("such a network draws no {plural}, which {name} has")));
        }
        if training.mirror && !data.kind.is_bytes() {
            let problem =
                format!("the {} of {} have no left and right: leave mirroring out", data.kind.plural(), data.name);
            return Err(TrainingError::OtherData(problem));
        }
        if (network.shape, network.classes) != (data.shape, data.classes()) {
            return Err(TrainingError::OtherData(format!(
                "the network is for images of {} in {} classes, but {} has images of {} in {}",
                network.shape,
                network.classes,
                data.name,
                data.shape,
                data.classes()
            )));
        }
        let mut weights = Weights::initialise(built.layout().clone(), training.seed);
        if let AnyNetwork::Symbols(built) = &built {
            built.start(&mut weights, &text::frequencies(data, built.symbols()));
        }
        let description = Description {
            dataset: data.name.clone(),
            class_names: data.class_names.clone(),
            kind: data.kind.as_ref().clone(),
            denoiser: network.clone(),
            scale: PixelScale::of(data),
            training: training.clone(),
            sampling: built.sampling(),
            steps: 0,
            steps_before: 0,
            seconds: 0.0,
            distilled: None,
        };
        let fingerprints = Fingerprints::of(data);
        let checkpoint = Checkpoint { description, average: weights.clone(), fingerprints, state: None };
        let shards = Shards::new(data, &checkpoint.description.scale);
        let state = AdamW::new(weights);
        Ok(Self { network: built, data, checkpoint, state, order: Order::default(), shards, lesson: None })
    }

    /// Starts a new training from the averaged weights of a generator that learnt from the same images; the optimizer starts
    /// afresh.
    ///
    /// # Errors
    /// [`TrainingError`] if a setting is out of range or the images are not those that it learnt from.
    pub fn start_from(data: &'a Dataset, start: &Checkpoint, training: &TrainingConfig) -> Result<Self, TrainingError> {
        same_images(data, &start.description, &start.fingerprints)?;
        let mut trainer = Self::new(data, &start.description.denoiser, training)?;
        trainer.state.weights = start.average.clone();
        trainer.checkpoint.average = start.average.clone();
        trainer.checkpoint.description.sampling = start.description.sampling.clone();
        trainer.checkpoint.description.steps_before = start.description.steps_before + start.description.steps;
        Ok(trainer)
    }

    /// Goes on from a checkpoint that holds the training state, on the same images: the result is that of a run that
    /// never stopped, bit for bit.
    ///
    /// # Errors
    /// [`TrainingError::NotResumable`] without a state, [`TrainingError::OtherData`] if the images are not those that it
    /// learnt from.
    pub fn resume(data: &'a Dataset, mut checkpoint: Checkpoint) -> Result<Self, TrainingError> {
        let Some(state) = checkpoint.state.take() else { return Err(TrainingError::NotResumable) };
        same_images(data, &checkpoint.description, &checkpoint.fingerprints)?;
        let network = AnyNetwork::new(&checkpoint.description.denoiser)?;
        let shards = Shards::new(data, &checkpoint.description.scale);
        Ok(Self { network, data, checkpoint, state, order: Order::default(), shards, lesson: None })
    }

    /// Learns to draw as its checkpoint says, by Euler's method, what a teacher draws in more steps and with guidance; one that goes on has
    /// the teacher that it had. Both learn from the same images: what a teacher saw is passed on, and only what the student's fingerprints name is
    /// kept from clients and tests.
    ///
    /// # Errors
    /// [`TrainingError::Teacher`] if the two do not fit each other, [`TrainingError::OtherData`] if the teacher learnt from other images.
    pub fn distil(mut self, teacher: Generator) -> Result<Self, TrainingError> {
        let provenance = teacher.provenance();
        same_images(self.data, teacher.description(), &provenance.fingerprints)?;
        let Description { sampling, training, distilled, .. } = &mut self.checkpoint.description;
        let known = Some(provenance.sha256.clone().unwrap_or_default());
        let problem = match () {
            () if matches!(self.network, AnyNetwork::Symbols(_)) => {
                "texts have no noise levels between which it could lead"
            }
            () if sampling.method != Method::Euler || sampling.guidance > 0.0 => {
                "whoever learns from it has to draw by Euler's method and without guidance: `imfl aigc configure --method euler --steps 4 \
                 --guidance 0 --out START` makes such a start"
            }
            () if distilled.is_some() && *distilled != known => "it is not the teacher that the training began with",
            () => {
                *distilled = known;
                // What is drawn without its class is only there for guidance.
                training.label_dropout = 0.0;
                self.lesson = Some(Lesson::new(teacher, sampling));
                return Ok(self);
            }
        };
        Err(TrainingError::Teacher(problem))
    }

    /// How it learns.
    pub fn config(&self) -> &TrainingConfig {
        &self.checkpoint.description.training
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.checkpoint.description.steps
    }

    /// A finished generator, without what training needs.
    pub fn finished(&self) -> Checkpoint {
        self.checkpoint.clone()
    }

    /// Everything that [`Trainer::resume`] needs.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { state: Some(self.state.clone()), ..self.checkpoint.clone() }
    }

    /// Trains up to the configured number of steps, or until `observe` breaks; says whether it came to the end.
    ///
    /// The gradient of a step is summed over a fixed number of shards in a fixed order, so that the weights do not depend
    /// on the number of `workers`. `device` is a plain one; gradients are taken on its autodiff twin.
    ///
    /// # Errors
    /// [`TrainingError::Diverged`]; the state stays that of the step before.
    pub fn run(
        &mut self,
        device: &Device,
        workers: usize,
        mut observe: impl FnMut(&Self, &Progress) -> ControlFlow<()>,
    ) -> Result<bool, TrainingError> {
        let device = device.clone().autodiff();
        let config = self.config().clone();
        let started = Instant::now();
        let (seconds_before, first_step) = (self.checkpoint.description.seconds, self.step());
        if self.checkpoint.description.distilled.is_some() && self.lesson.is_none() {
            return Err(TrainingError::Teacher("it learns from one, who has to be named to go on"));
        }
        while self.step() < config.steps {
            let step = self.step();
            let batch = self.order.batch(step, &config, self.data.len() as u32);
            let (loss, mut gradient) =
                sharded(workers, config.shards, |shard| self.shard(step, &batch, shard, &device));
            let norm = gradient.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
            if !loss.is_finite() || !norm.is_finite() {
                return Err(TrainingError::Diverged { step, loss });
            }
            if norm > config.clip {
                let scale = (config.clip / norm) as f32;
                gradient.iter_mut().for_each(|value| *value *= scale);
            }
            self.state.step(&gradient, step + 1, config.learning_rate_at(step), config.weight_decay);
            let decay = config.average_decay_at(step) as f32;
            let average = self.checkpoint.average.values_mut().iter_mut();
            average.zip(self.state.weights.values()).for_each(|(mean, &now)| *mean += (1.0 - decay) * (now - *mean));

            let seconds = started.elapsed().as_secs_f64();
            self.checkpoint.description.steps += 1;
            self.checkpoint.description.seconds = seconds_before + seconds;
            let done = self.step() - first_step;
            let progress = Progress {
                step: self.step(),
                steps: config.steps,
                loss,
                gradient_norm: norm,
                images_per_second: done as f64 * config.batch as f64 / seconds,
                seconds_left: seconds / done as f64 * (config.steps - self.step()) as f64,
            };
            if observe(self, &progress).is_break() {
                return Ok(self.step() == config.steps);
            }
        }
        Ok(true)
    }

    /// One shard's share of the mean loss and of its gradient.
    fn shard(&self, step: u64, batch: &[u32], shard: usize, device: &Device) -> (f64, Vec<f32>) {
        let Description { scale, training, .. } = &self.checkpoint.description;
        let weights = Stacked::broadcast(&self.state.weights, 1, &device.clone().inner()).leaves();
        let network = match &self.network {
            AnyNetwork::Values(network) => network,
            AnyNetwork::Symbols(network) => {
                let examples = Examples { data: self.data, symbols: network.symbols(), training };
                let size = examples.size(batch);
                return text::bound(network, &weights, &examples.shard(step, batch, shard), size, device);
            }
        };
        let mut images = self.shards.shard(step, batch, shard, training, device);
        if let Some(lesson) = &self.lesson {
            lesson.teach(&mut images, [training.seed, step, shard as u64]);
        }
        let scalings = Preconditioning { sigma_data: scale.sigma_data };
        let error = loss::squared_error(network, &Pass::evaluate(&weights), &images, scalings);
        flat_gradient(&weights, error * (1.0 / (training.batch * self.data.shape.size()) as f64))
    }
}

/// Checks that a generator learnt from the images of a dataset.
fn same_images(data: &Dataset, description: &Description, fingerprints: &Fingerprints) -> Result<(), TrainingError> {
    let same = description.denoiser.shape == data.shape
        && description.class_names == data.class_names
        && description.scale == PixelScale::of(data)
        && *fingerprints == Fingerprints::of(data);
    match same {
        true => Ok(()),
        false => Err(TrainingError::OtherData(format!(
            "the checkpoint learnt from other images ({}) than those of {}",
            description.dataset, data.name
        ))),
    }
}

#[cfg(test)]
mod tests;
