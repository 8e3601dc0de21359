//! What an assessment is told.

use imfl_aigc::quality::{Classifier, ClassifierConfig};
use imfl_aigc::{Generator, Sampling};
use imfl_engine::data::Dataset;
use imfl_engine::device::DeviceName;
use imfl_engine::model::Architecture;
use imfl_run::config::RunConfig;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::pipeline::Setup;
use std::ops::ControlFlow;
use std::sync::Arc;

/// How images are drawn, from how the generator's checkpoint says.
pub type Overlay = Arc<dyn Fn(&Sampling) -> Outcome<Sampling> + Send + Sync>;

/// Authentic images that generated ones are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The test images: for reporting, once.
    #[default]
    Test,
    /// A fifth of the training images, held out: for choosing settings.
    Validation,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

/// What is compared with what, and how closely.
#[derive(Clone)]
pub struct Settings {
    /// A shipped dataset's name or a path, with images that the generator did not learn from.
    pub dataset: String,
    /// The images that the generator learnt from, to look for copies of them; those in the dataset if absent.
    pub learnt: Option<String>,
    /// Generated images to measure on; as many as there are authentic training images if absent.
    pub images: Option<usize>,
    /// Authentic images to compare with.
    pub on: Part,
    /// Passes of the classifiers over their images.
    pub epochs: usize,
    /// The classifiers' model; what suits the data if absent.
    pub model: Option<Architecture>,
    /// Neighbours that precision, recall, density and coverage look at.
    pub neighbours: usize,
    /// Points of the authentic-only trajectory at which theta is measured.
    pub points: usize,
    /// Images of a class in each set of gradients.
    pub images_per_class: usize,
    /// Keys all random numbers.
    pub seed: u64,
    /// Where it is computed.
    pub device: DeviceName,
    /// Threads; one for each core if absent.
    pub workers: Option<usize>,
    /// How images are drawn.
    pub sampling: Overlay,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dataset: "mnist".into(),
            learnt: None,
            images: None,
            on: Part::default(),
            epochs: ClassifierConfig::default().epochs,
            model: None,
            neighbours: 5,
            points: 3,
            images_per_class: 400,
            seed: 0,
            device: DeviceName::Auto,
            workers: None,
            sampling: Arc::new(|own| Ok(own.clone())),
        }
    }
}

impl Settings {
    /// The settings of a run that an assessment shares.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn config(&self, seed: u64) -> Outcome<RunConfig> {
        let mut config = RunConfig {
            dataset: self.dataset.clone(),
            seed: Some(seed),
            device: self.device,
            workers: self.workers,
            ..RunConfig::default()
        };
        config.training.model = self.model;
        config.probe.points = Some(self.points);
        config.probe.images_per_class = self.images_per_class;
        config.check()?;
        Ok(config)
    }

    /// A generator that draws its images so.
    ///
    /// # Errors
    /// A setting of the sampler out of range.
    pub fn sampled(&self, generator: Generator) -> Outcome<Generator> {
        let sampling = (self.sampling)(generator.sampling())?;
        generator.with_sampling(sampling).map_err(|error| Failure::new(Kind::Usage, error))
    }

    /// A classifier trained on these images.
    ///
    /// # Errors
    /// A model that does not fit the images, or training that diverges.
    pub fn classifier(&self, label: &'static str, data: &Arc<Dataset>, setup: &Setup) -> Outcome<Classifier> {
        let config = ClassifierConfig {
            architecture: self.model.unwrap_or_else(|| Architecture::suited(&data.kind)),
            epochs: self.epochs,
            seed: self.seed,
            ..ClassifierConfig::default()
        };
        let steps = (self.epochs * data.len().div_ceil(config.batch)) as u64;
        let bar = setup.progress.task(label, steps);
        let trained = Classifier::train(data, &config, &setup.compute, |step, _| {
            bar.set(step);
            ControlFlow::Continue(())
        });
        Ok(trained?)
    }
}
