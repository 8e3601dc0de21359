//! `imfl aigc assess`.

use super::options::{self, Machine, Sampler};
use crate::assets;
use crate::cli::Format;
use crate::config::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::pipeline::{self, Setup};
use crate::progress::{self, Bar};
use clap::Args;
use imfl_aigc::quality::{self, Classifier, ClassifierConfig, Features, Manifold, Memorisation, QualityError};
use imfl_aigc::{Generator, Request, Sampling};
use imfl_engine::data::{self, Dataset};
use imfl_engine::model::Architecture;
use serde_json::json;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Say what a generator's images are worth.
///
/// Classifiers are trained on authentic and on generated images; distances compare the features that the first sees in
/// generated and in test images. They compare only with themselves, not with those of the Inception network.
#[derive(Args)]
pub struct Assess {
    /// A shipped generator's name (mnist) or a checkpoint's path
    #[arg(long, default_value = "mnist")]
    generator: String,
    /// A shipped dataset's name (mnist) or a path, with images that the generator did not learn from
    #[arg(long, default_value = "mnist", env = "IMFL_DATASET")]
    dataset: String,
    /// The images that the generator learnt from, to look for copies of them [default: those in --dataset]
    #[arg(long, value_name = "PATH")]
    learnt: Option<String>,
    /// Generated images to measure on [default: as many as there are authentic training images]
    #[arg(long)]
    images: Option<usize>,
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
    seed: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    sampler: Sampler,
    #[command(flatten)]
    machine: Machine,
}

/// Everything that was measured.
struct Report {
    generator: String,
    dataset: String,
    images: usize,
    seed: u64,
    sampling: Sampling,
    fid: f64,
    fid_floor: f64,
    kid: f64,
    manifold: Manifold,
    tstr_accuracy: f64,
    trtr_accuracy: f64,
    class_accuracy: f64,
    memorisation: Option<Memorisation>,
    theta: imfl_aigc::Theta,
    seconds_per_image: f64,
}

impl Assess {
    /// Measures and prints.
    pub fn run(self) -> Outcome {
        let path = options::generator(&self.generator)?;
        let report = self.measure(&path)?;
        match self.format {
            Format::Text => println!("{report}"),
            Format::Json => println!("{}", report.json()),
        }
        Ok(())
    }

    fn measure(&self, path: &Path) -> Outcome<Report> {
        let sampling = self.sampler.settings()?;
        let setup = self.setup(path, &sampling)?;
        let Some(generator) = &setup.generator else {
            return Err(Failure::new(Kind::Unexpected, "the setup lost its generator"));
        };
        let compute = &setup.compute;
        let (train, test) = (&setup.train, &setup.test);
        let wanted = self.images.unwrap_or(train.len());
        let (generated, seconds_per_image) = self.draw(generator, wanted, &sampling, &setup)?;

        let real = self.classifier("on authentic images", train, &setup)?;
        let synthetic = self.classifier("on generated images", &generated, &setup)?;
        let equal = test.len().min(generated.len());
        let (seen, reference) = (real.features(&generated, compute), real.features(test, compute));
        let seen = spread(&seen, equal);
        Ok(Report {
            generator: path.display().to_string(),
            dataset: train.name.clone(),
            images: generated.len(),
            seed: self.seed,
            fid: quality::frechet_distance(&seen, &reference).map_err(quality_failure)?,
            fid_floor: floor(&real, &setup)?,
            kid: quality::kernel_distance(&seen, &reference).map_err(quality_failure)?,
            manifold: Manifold::measure(&seen, &reference, self.neighbours, compute.workers)
                .map_err(quality_failure)?,
            tstr_accuracy: synthetic.accuracy(test, compute),
            trtr_accuracy: real.accuracy(test, compute),
            class_accuracy: real.accuracy(&generated, compute),
            memorisation: self.memorisation(generator, &generated, &setup)?,
            theta: self.theta(&setup)?,
            seconds_per_image,
            sampling,
        })
    }

    /// The data and the generator, checked as for a run: no test image was learnt from, no learnt image is used as authentic.
    fn setup(&self, path: &Path, sampling: &Sampling) -> Outcome<Setup> {
        let mut config = RunConfig {
            dataset: self.dataset.clone(),
            seed: Some(self.seed),
            device: self.machine.device.clone(),
            workers: self.machine.workers,
            ..RunConfig::default()
        };
        config.training.model = self.model.clone();
        config.generator.source = path.display().to_string();
        config.generator.evaluations = sampling.steps;
        config.probe.points = self.points;
        config.probe.images_per_class = self.images_per_class;
        config.check()?;
        let mut setup = Setup::open(config)?;
        setup.sampling = sampling.clone();
        Ok(setup)
    }

    /// Draws as many images of every class as `wanted` allows; also says how long one takes one thread.
    fn draw(
        &self,
        generator: &Generator,
        wanted: usize,
        sampling: &Sampling,
        setup: &Setup,
    ) -> Outcome<(Arc<Dataset>, f64)> {
        let classes = generator.classes();
        let counts: Vec<usize> =
            (0..classes).map(|class| wanted / classes + usize::from(class < wanted % classes)).collect();
        let requests = Request::of_counts(&counts, 0);
        let bar = Bar::new("drawing images", requests.len() as u64);
        let started = Instant::now();
        let compute = &setup.compute;
        let images =
            generator.sample(&requests, sampling, self.seed, &compute.device, compute.workers, |done, _| {
                bar.set(done as u64);
                ControlFlow::Continue(())
            })?;
        let seconds = started.elapsed().as_secs_f64() / requests.len() as f64;
        Ok((Arc::new(images), seconds))
    }

    fn classifier(&self, label: &'static str, data: &Arc<Dataset>, setup: &Setup) -> Outcome<Classifier> {
        let architecture: Architecture = self.model.parse()?;
        let config =
            ClassifierConfig { architecture, epochs: self.epochs, seed: self.seed, ..ClassifierConfig::default() };
        let steps = (self.epochs * data.len().div_ceil(config.batch)) as u64;
        let bar = Bar::new(label, steps);
        let trained = Classifier::train(data, &config, &setup.compute, |step, _| {
            bar.set(step);
            ControlFlow::Continue(())
        });
        trained.map_err(quality_failure)
    }

    /// Compares with the images that the generator learnt from, as far as they are at hand.
    fn memorisation(
        &self,
        generator: &Generator,
        generated: &Arc<Dataset>,
        setup: &Setup,
    ) -> Outcome<Option<Memorisation>> {
        let benchmark = data::open(&assets::dataset(self.learnt.as_ref().unwrap_or(&self.dataset))?, self.seed)?;
        let fingerprints = generator.fingerprints();
        let of = |part: &Dataset| part.select(&fingerprints.shared_with(part));
        let parts: Vec<Dataset> =
            [Some(&benchmark.train), benchmark.corpus.as_ref()].into_iter().flatten().map(of).collect();
        let Some(learnt) = parts.into_iter().max_by_key(Dataset::len).filter(|learnt| learnt.len() >= 2) else {
            progress::note(
                "the images that the generator learnt from are not at hand (--learnt PATH): no search for copies",
            );
            return Ok(None);
        };
        if learnt.len() < fingerprints.len() {
            progress::warn(format!(
                "only {} of the {} images that the generator learnt from are at hand; copies of the others are not seen",
                learnt.len(),
                fingerprints.len()
            ));
        }
        let sample = generated.select(&evenly(generated.len(), 2000));
        let found = Memorisation::measure(&sample, &learnt, &setup.train, setup.compute.workers);
        found.map(Some).map_err(quality_failure)
    }

    fn theta(&self, setup: &Setup) -> Outcome<imfl_aigc::Theta> {
        pipeline::probe(setup)?.theta.ok_or_else(|| Failure::new(Kind::Unexpected, "the probe measured no theta"))
    }
}

/// FID between two halves of authentic images, as far as test images go: what a perfect generator scores.
fn floor(real: &Classifier, setup: &Setup) -> Outcome<f64> {
    let compute = &setup.compute;
    let halves = setup.test.split_balanced(&[setup.test.len() / 2], setup.seed);
    let mut features = halves.into_iter().map(|half| real.features(&Arc::new(half), compute));
    match (features.next(), features.next()) {
        (Some(first), Some(second)) => quality::frechet_distance(&first, &second).map_err(quality_failure),
        _ => Err(Failure::new(Kind::Unexpected, "a dataset did not split into two parts")),
    }
}

/// `count` rows spread over all of them: images are ordered by class.
fn spread(features: &Features, count: usize) -> Features {
    let values =
        evenly(features.len(), count).into_iter().flat_map(|index| features.row(index as usize).to_vec()).collect();
    // Whole rows of one length.
    Features::from_rows(features.dimension(), values).expect("whole rows")
}

/// Up to `count` places out of `all`, at equal distances.
fn evenly(all: usize, count: usize) -> Vec<u32> {
    let count = count.min(all);
    (0..count).map(|index| (index * all / count) as u32).collect()
}

fn quality_failure(error: QualityError) -> Failure {
    Failure::new(Kind::Data, error)
}

impl Report {
    fn json(&self) -> serde_json::Value {
        json!({
            "schema": "imfl.assess/1",
            "generator": self.generator, "dataset": self.dataset, "images": self.images, "seed": self.seed,
            "sampling": self.sampling,
            "fid": self.fid, "fid_floor": self.fid_floor, "kid": self.kid,
            "precision": self.manifold.precision, "recall": self.manifold.recall,
            "density": self.manifold.density, "coverage": self.manifold.coverage,
            "tstr_accuracy": self.tstr_accuracy, "trtr_accuracy": self.trtr_accuracy,
            "class_accuracy": self.class_accuracy,
            "memorised": self.memorisation.map(|found| found.memorised),
            "memorised_by_chance": self.memorisation.map(|found| found.by_chance),
            "nearer_to_learnt": self.memorisation.map(|found| found.nearer_to_learnt),
            "theta": self.theta.theta, "theta_floor": self.theta.theta_floor,
            "g_data": self.theta.g_data, "g_diff": self.theta.g_diff,
            "seconds_per_image": self.seconds_per_image,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{} on {}, {} generated images", self.generator, self.dataset, self.images)?;
        writeln!(f, "  FID {:.4} (two authentic halves: {:.4}), KID {:.5}", self.fid, self.fid_floor, self.kid)?;
        let Manifold { precision, recall, density, coverage } = self.manifold;
        writeln!(f, "  precision {precision:.3}, recall {recall:.3}, density {density:.3}, coverage {coverage:.3}")?;
        writeln!(
            f,
            "  test accuracy when trained on generated images {:.4}, on authentic ones {:.4}",
            self.tstr_accuracy, self.trtr_accuracy
        )?;
        writeln!(f, "  generated images that show their class: {:.4}", self.class_accuracy)?;
        match self.memorisation {
            Some(found) => writeln!(
                f,
                "  copies {:.4} (by chance {:.4}), nearer to learnt than to other images {:.3} (0.5 is none remembered)",
                found.memorised, found.by_chance, found.nearer_to_learnt
            )?,
            None => writeln!(f, "  copies: not measured")?,
        }
        writeln!(f, "  theta {:.4} (noise floor {:.4})", self.theta.theta, self.theta.theta_floor)?;
        write!(f, "  {:.4} s an image", self.seconds_per_image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_and_never_twice() {
        assert_eq!(evenly(10, 4), [0, 2, 5, 7]);
        assert_eq!(evenly(3, 9), [0, 1, 2]);
        assert!(evenly(0, 5).is_empty());
    }
}
