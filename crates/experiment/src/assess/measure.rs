//! One generator against authentic images, by every measure.

use super::report::Report;
use super::settings::{Part, Settings};
use imfl_aigc::quality::{self, Classifier, Features, Manifold, Memorisation, QualityError};
use imfl_aigc::{Generator, Request, SampleSource, Sampling};
use imfl_engine::data::{self, Dataset};
use imfl_run::assets;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::host::Host;
use imfl_run::memory::Estimate;
use imfl_run::pipeline::{self, Opened, Setup};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// Draws samples of a source (what `--generator` takes) and measures all there is to measure of them.
///
/// # Errors
/// A failure that names the setting, file or image count that does not fit.
pub fn measure(settings: &Settings, generator: &str, host: &Host) -> Outcome<Report> {
    settings.measure(generator, host)
}

impl Settings {
    fn measure(&self, name: &str, host: &Host) -> Outcome<Report> {
        let (setup, generator, sampling) = self.setup(name, host)?;
        let compute = &setup.compute;
        let (train, test) = (&setup.train, &setup.test);
        let wanted = self.images.unwrap_or(train.len());
        self.enough(wanted, test.len())?;
        let (generated, seconds_per_image) = self.draw(generator.as_ref(), wanted, &setup)?;

        let real = self.classifier("on authentic images", train, &setup)?;
        let synthetic = self.classifier("on generated images", &generated, &setup)?;
        let equal = test.len().min(generated.len());
        let (seen, reference) = (real.features(&generated, compute), real.features(test, compute));
        let seen = spread(&seen, equal);
        Ok(Report {
            generator: name.into(),
            dataset: train.name.clone(),
            measured_on: self.on,
            images: generated.len(),
            seed: self.seed,
            fid: quality::frechet_distance(&seen, &reference)?,
            fid_floor: floor(&real, &setup)?,
            kid: quality::kernel_distance(&seen, &reference)?,
            manifold: Manifold::measure(&seen, &reference, self.neighbours, compute.workers)?,
            tstr_accuracy: synthetic.accuracy(test, compute),
            trtr_accuracy: real.accuracy(test, compute),
            class_accuracy: real.accuracy(&generated, compute),
            memorisation: self.memorisation(generator.as_ref(), &generated, &setup)?,
            theta: self.theta(&setup)?,
            seconds_per_image,
            sampling,
        })
    }

    /// Refuses what is too little for a measure, before minutes of training.
    fn enough(&self, generated: usize, authentic: usize) -> Outcome {
        let rules = [("FID", 2), ("precision, recall, density and coverage", self.neighbours.max(1).saturating_add(1))];
        for (measure, needed) in rules {
            for (which, found) in [("generated images", generated), ("authentic images", authentic)] {
                if found < needed && found > 0 {
                    return Err(QualityError::TooFew { measure, which, needed, found }.into());
                }
            }
        }
        Ok(())
    }

    /// The data and the generator, checked as for a run: no test image was learnt from, no learnt image is used as authentic. Also how a
    /// checkpoint's samples are drawn.
    fn setup(&self, name: &str, host: &Host) -> Outcome<(Setup, Arc<dyn SampleSource>, Option<Sampling>)> {
        let asked = self.images.unwrap_or(0);
        let mut opened = Opened::new(self.config(self.seed)?, host)?;
        let image = opened.benchmark.train.shape.size();
        // As bytes and as values, and the features of each.
        let estimate =
            Estimate::default().with(format!("{asked} generated images"), &[asked, 8 * image + 4096], "--images");
        estimate.check(host.memory)?;
        let sampling = RefCell::new(None);
        let sampled = |generator: Generator| {
            let generator = self.sampled(generator)?;
            sampling.replace(Some(generator.sampling().clone()));
            Ok(generator)
        };
        let sources = opened.sources(&[name.into()], self.on == Part::Validation, &sampled)?;
        let setup = Setup::for_generators(opened, &sources)?;
        let Some(source) = sources.into_iter().next() else {
            return Err(Failure::new(Kind::Unexpected, "one name opened no source"));
        };
        Ok((setup, source, sampling.into_inner()))
    }

    /// Draws as many images of every class as `wanted` allows; also says how long one takes one thread.
    fn draw(&self, generator: &dyn SampleSource, wanted: usize, setup: &Setup) -> Outcome<(Arc<Dataset>, f64)> {
        let classes = generator.class_names().len();
        let counts: Vec<usize> =
            (0..classes).map(|class| wanted / classes + usize::from(class < wanted % classes)).collect();
        let requests = Request::of_counts(&counts, 0);
        let started = Instant::now();
        let images = setup.draw(generator, &requests, "drawing images")?;
        Ok((images, started.elapsed().as_secs_f64() / requests.len() as f64))
    }

    /// Compares with the images that the generator learnt from, as far as they are at hand.
    fn memorisation(
        &self,
        generator: &dyn SampleSource,
        generated: &Arc<Dataset>,
        setup: &Setup,
    ) -> Outcome<Option<Memorisation>> {
        let benchmark = data::open(&assets::dataset(self.learnt.as_ref().unwrap_or(&self.dataset))?, self.seed)?;
        let fingerprints = &generator.provenance().fingerprints;
        let of = |part: &Dataset| part.select(&fingerprints.shared_with(part));
        let parts: Vec<Dataset> =
            [Some(&benchmark.train), benchmark.corpus.as_ref()].into_iter().flatten().map(of).collect();
        let Some(learnt) = parts.into_iter().max_by_key(Dataset::len).filter(|learnt| learnt.len() >= 2) else {
            setup.progress.note(
                "the images that the generator learnt from are not at hand (--learnt PATH): no search for copies",
            );
            return Ok(None);
        };
        if learnt.len() < fingerprints.len() {
            setup.progress.warn(format!(
                "only {} of the {} images that the generator learnt from are at hand; copies of the others are not seen",
                learnt.len(),
                fingerprints.len()
            ));
        }
        let sample = generated.select(&evenly(generated.len(), 2000));
        let found = Memorisation::measure(&sample, &learnt, &setup.train, setup.compute.workers);
        Ok(Some(found?))
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
        (Some(first), Some(second)) => Ok(quality::frechet_distance(&first, &second)?),
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
