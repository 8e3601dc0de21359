//! `imfl aigc assess`.

use super::validation::Validation;
use crate::options::{self, Machine, Sampler, choice};
use crate::output::{self, Format};
use clap::Args;
use imfl_aigc::quality::ClassifierConfig;
use imfl_experiment::assess::{self, Part, Settings};
use imfl_run::{Failure, Host, Kind, Outcome};
use std::sync::Arc;

/// Say what a generator's images are worth.
///
/// Classifiers are trained on authentic and on generated images; distances compare the features that the first sees in
/// generated and in test images. They compare only with themselves, not with those of the Inception network.
#[derive(Args)]
pub struct Assess {
    /// What a run takes: a shipped generator's name (mnist, letters, notes), a checkpoint's path, gaussian, mixup, smote, ngram, folder:PATH; or oracle, authentic
    /// samples that nobody else holds; with --validate as often as there are generators
    #[arg(long, default_value = "mnist")]
    generator: Vec<String>,
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
    #[arg(long, value_parser = choice(&PARTS), default_value = "test")]
    on: Part,
    /// Passes of the classifiers over their images
    #[arg(long, default_value_t = ClassifierConfig::default().epochs)]
    epochs: usize,
    /// The classifiers' model [default: simple-cnn; of a table mlp, of texts text-mean]
    #[arg(long)]
    model: Option<String>,
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
    seed: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    validation: Validation,
    #[command(flatten)]
    sampler: Sampler,
    #[command(flatten)]
    machine: Machine,
}

/// Authentic images that generated ones are compared with.
const PARTS: [(&str, &str, Part); 2] = [
    ("test", "The test images: for reporting, once", Part::Test),
    ("validation", "A fifth of the training images, held out: for choosing settings", Part::Validation),
];

impl Assess {
    /// Measures and prints.
    pub fn run(self, host: &Host) -> Outcome {
        let Self { dataset, learnt, images, on, epochs, model, neighbours, points, images_per_class, seed, .. } = self;
        options::check(&[
            ("--points", points >= 2, "at least 2, or no smoothness can be measured"),
            ("--images-per-class", (2..=1_000_000).contains(&images_per_class), "from 2 to 1000000"),
            ("--epochs", epochs <= 10_000, "at most 10000"),
        ])?;
        let sampler = self.sampler;
        let settings = Settings {
            dataset,
            learnt,
            images,
            on,
            epochs,
            model: model.as_deref().map(str::parse).transpose()?,
            neighbours,
            points,
            images_per_class,
            seed,
            device: self.machine.name()?,
            workers: self.machine.workers,
            sampling: Arc::new(move |own| sampler.settings(own)),
        };
        if self.validation.asked() {
            return self.validation.run(settings, self.generator, self.format, host);
        }
        let [generator] = self.generator.as_slice() else {
            return Err(Failure::new(Kind::Usage, "several generators are compared by --validate; else give one"));
        };
        let report = assess::measure(&settings, generator, host)?;
        match self.format {
            Format::Text => output::text(&format!("{report}\n")),
            Format::Json => output::print(&report.json()),
        }
    }
}
