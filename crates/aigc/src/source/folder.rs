//! Samples that were drawn elsewhere: a folder of images for each class.

use super::{Misfit, Observe, Provenance, Request, SampleError, SampleSource, check};
use crate::fingerprint::Fingerprints;
use imfl_engine::data::{Dataset, ImageShape, Kind};
use imfl_engine::device::Compute;
use imfl_engine::random::{Purpose, keyed};
use rand::seq::SliceRandom;

/// A stock of finished samples, handed out class by class in an order that the seed shuffles.
///
/// Unlike a model it does not draw a sample for (seed, index): the `k`-th request for a class gets the `k`-th of its samples, and the
/// first again when all are used up ([`SampleSource::stock`] says how many there are). Each rank holds the whole stock, so that
/// [`SampleSource::draw`] gives all ranks the same without asking another.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The samples, labelled as the dataset that they are for.
    samples: Dataset,
    /// Indices of each class's samples.
    of_class: Vec<Vec<u32>>,
    counts: Vec<usize>,
    provenance: Provenance,
}

impl Folder {
    /// Takes samples for a dataset of classes `class_names`; each of their classes has to be one of these, and each of these needs a
    /// sample. `learnt_from` is what the generator that drew them learnt from, where that is known: neither it nor the samples themselves
    /// may be among the test images, and no client gets one of them.
    ///
    /// # Errors
    /// [`Misfit`] that names the class.
    pub fn new(samples: &Dataset, class_names: &[String], learnt_from: &[Dataset]) -> Result<Self, Misfit> {
        let place = |name: &String| class_names.iter().position(|other| other == name);
        let classes = samples.class_names.iter().map(|name| {
            place(name).ok_or_else(|| {
                Misfit(format!(
                    "{} has a class {name:?}, which the dataset does not have (its classes: {})",
                    samples.name,
                    class_names.join(", ")
                ))
            })
        });
        let classes = classes.collect::<Result<Vec<usize>, Misfit>>()?;
        let labels: Vec<u16> = samples.labels().iter().map(|&label| classes[usize::from(label)] as u16).collect();
        let bytes = (0..samples.len()).flat_map(|index| samples.image(index)).copied().collect();
        let (kind, name) = (samples.kind.clone(), samples.name.clone());
        let relabelled = Dataset::of_kind(kind, name, samples.shape, class_names.to_vec(), bytes, labels);
        let samples = relabelled.map_err(|error| Misfit(error.to_string()))?;
        let of_class = samples.by_class();
        if let Some(empty) = of_class.iter().position(Vec::is_empty) {
            let name = &class_names[empty];
            return Err(Misfit(format!("{} has no sample of class {name:?}: add a folder {name} to it", samples.name)));
        }
        let known = learnt_from.iter().chain([&samples]);
        let fingerprints = known.flat_map(|data| Fingerprints::of(data).values().to_vec()).collect();
        let provenance = Provenance {
            name: format!("folder {}", samples.name),
            learnt_from: learnt_from.first().map_or_else(|| "an unknown source".into(), |data| data.name.clone()),
            fingerprints: Fingerprints::from_values(fingerprints),
            sha256: None,
        };
        let counts = of_class.iter().map(Vec::len).collect();
        Ok(Self { samples, of_class, counts, provenance })
    }
}

impl SampleSource for Folder {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.samples.shape
    }

    fn kind(&self) -> &Kind {
        &self.samples.kind
    }

    fn class_names(&self) -> &[String] {
        &self.samples.class_names
    }

    fn stock(&self) -> Option<&[usize]> {
        Some(&self.counts)
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        _: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let mut orders: Vec<_> = self
            .of_class
            .iter()
            .enumerate()
            .map(|(label, indices)| {
                let mut order = indices.clone();
                order.shuffle(&mut keyed(seed, Purpose::Augmentation, 0, label as u64, 1));
                order.into_iter().cycle()
            })
            .collect();
        // Every class has a sample, so that no cycle ends.
        let chosen: Vec<u32> =
            requests.iter().filter_map(|request| orders[usize::from(request.label)].next()).collect();
        if observe(chosen.len(), requests.len()).is_break() {
            return Err(SampleError::Stopped);
        }
        Ok(self.samples.select(&chosen))
    }

    fn draw(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        check(requests, self.class_names().len())?;
        self.draw_part(requests, seed, compute, observe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 1, width: 2 };

    fn data(name: &str, classes: &[&str], labels: Vec<u16>) -> Dataset {
        let bytes = (0..2 * labels.len() as u8).collect();
        Dataset::new(name, SHAPE, classes.iter().map(ToString::to_string).collect(), bytes, labels).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn classes_go_by_their_names_and_no_sample_comes_twice_before_all_are_used() {
        let folder = Folder::new(&data("drawn", &["b", "a"], vec![0, 0, 1, 0]), &names(&["a", "b"]), &[]).unwrap();
        assert_eq!(folder.stock(), Some(&[1, 3][..]));
        let draw = |counts: &[usize], seed| {
            let requests = Request::of_counts(counts, 9);
            folder.draw(&requests, seed, &Compute::cpu(), &mut |_, _| ControlFlow::Continue(())).unwrap()
        };
        let drawn = draw(&[1, 3], 4);
        assert_eq!((drawn.class_names.clone(), drawn.labels()), (names(&["a", "b"]), &[0, 1, 1, 1][..]));
        assert_eq!(drawn.image(0), [4, 5], "the only one of class a");
        assert_eq!(Fingerprints::of(&drawn).len(), 4, "all differ");
        // Used up: they come again in the same order.
        let again = draw(&[0, 6], 4);
        assert!((0..3).all(|index| again.image(index) == again.image(index + 3)));
        assert!((0..20).any(|seed| draw(&[0, 3], seed).image(0) != drawn.image(1)), "the seed shuffles");
    }

    #[test]
    fn what_it_learnt_from_and_what_it_holds_is_known() {
        let learnt = Dataset::new("photos", SHAPE, names(&["a"]), vec![77, 78], vec![0]).unwrap();
        let folder = Folder::new(&data("drawn", &["a"], vec![0]), &names(&["a"]), &[learnt]).unwrap();
        let known = &folder.provenance().fingerprints;
        assert!(known.contains(&[77, 78]) && known.contains(&[0, 1]) && known.len() == 2);
        assert_eq!(folder.provenance().learnt_from, "photos");
    }

    #[test]
    fn a_class_too_many_or_too_few_is_named() {
        let problem = |classes: &[&str], wanted: &[&str]| {
            let labels = (0..classes.len() as u16).collect();
            Folder::new(&data("drawn", classes, labels), &names(wanted), &[]).unwrap_err().to_string()
        };
        assert!(problem(&["a", "x"], &["a"]).contains("class \"x\""));
        assert!(problem(&["a"], &["a", "b"]).contains("no sample of class \"b\""));
    }
}
