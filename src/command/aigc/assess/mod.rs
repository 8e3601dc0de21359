//! `imfl aigc assess`.

mod measure;
mod report;

use super::options::{self, Machine, Sampler};
use super::validation::{self, Validation};
use crate::cli::Format;
use crate::failure::{Failure, Kind, Outcome};
use clap::{Args, ValueEnum};
use imfl_aigc::quality::ClassifierConfig;

/// Say what a generator's images are worth.
///
/// Classifiers are trained on authentic and on generated images; distances compare the features that the first sees in
/// generated and in test images. They compare only with themselves, not with those of the Inception network.
#[derive(Args)]
pub struct Assess {
    /// A shipped generator's name (mnist) or a checkpoint's path; with --validate as often as there are generators
    #[arg(long, default_value = "mnist")]
    pub(super) generator: Vec<String>,
    /// A shipped dataset's name (mnist) or a path, with images that the generator did not learn from
    #[arg(long, default_value = "mnist", env = "IMFL_DATASET")]
    dataset: String,
    /// The images that the generator learnt from, to look for copies of them [default: those in --dataset]
    #[arg(long, value_name = "PATH")]
    learnt: Option<String>,
    /// Generated images to measure on [default: as many as there are authentic training images]
    #[arg(long)]
    images: Option<usize>,
    /// Authentic images to compare with
    #[arg(long, value_enum, default_value_t)]
    pub(super) on: Part,
    /// Passes of the classifiers over their images
    #[arg(long, default_value_t = ClassifierConfig::default().epochs)]
    epochs: usize,
    /// The classifiers' model
    #[arg(long, default_value = "simple-cnn")]
    model: String,
    /// Neighbours that precision, recall, density and coverage look at
    #[arg(long, default_value_t = 5)]
    neighbours: usize,
    /// Points of the authentic-only trajectory at which theta is measured
    #[arg(long, default_value_t = 3)]
    points: usize,
    /// Images of a class in each set of gradients
    #[arg(long, default_value_t = 400)]
    images_per_class: usize,
    /// Keys all random numbers
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    pub(super) seed: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) validation: Validation,
    #[command(flatten)]
    pub(super) sampler: Sampler,
    #[command(flatten)]
    machine: Machine,
}

/// Authentic images that generated ones are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The test images: for reporting, once.
    #[default]
    Test,
    /// A fifth of the training images, held out: for choosing settings.
    Validation,
}

impl Part {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

impl Assess {
    /// Measures and prints.
    pub fn run(self) -> Outcome {
        if self.validation.asked() {
            return validation::run(&self);
        }
        let [generator] = self.generator.as_slice() else {
            return Err(Failure::new(Kind::Usage, "several generators are compared by --validate; else give one"));
        };
        let report = self.measure(&options::generator(generator)?)?;
        match self.format {
            Format::Text => println!("{report}"),
            Format::Json => println!("{}", report.json()),
        }
        Ok(())
    }
}
