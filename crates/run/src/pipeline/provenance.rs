//! Where a generator came from, and whether it learnt from images like those of a dataset.

use crate::assets;
use crate::checkpoint::digest;
use crate::failure::Outcome;
use imfl_aigc::{Fingerprints, Generator, SampleSource};
use imfl_engine::data::{self, Benchmark, Dataset};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One image in so many has to be known from where a generator learnt.
const SHARE: usize = 10;

/// How a run came by its generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It ships with the project.
    Shipped,
    /// It was named.
    Given,
    /// It was trained on the spot.
    Trained,
    /// A simple rule was fitted on the spot.
    Fitted,
    /// Its images were drawn elsewhere.
    Folder,
    /// A program draws them.
    Command,
    /// Whoever calls this library draws them.
    Caller,
}

/// What is written down of a run's generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// How the run came by it.
    pub origin: Origin,
    /// Its file or folder, or the program; none if it was trained on the spot.
    pub path: Option<PathBuf>,
    /// SHA-256 of the file, or of the first image of each class that a caller's source draws.
    pub sha256: Option<String>,
    /// Name of the dataset that it learnt from; none if nobody has said.
    pub dataset: Option<String>,
    /// Optimizer steps that it learnt for; none if it was made by others.
    pub steps: Option<u64>,
}

impl Provenance {
    /// Of a generator that was read from `path`, or trained on the spot.
    pub fn of(generator: &Generator, origin: Origin, path: Option<&Path>) -> Self {
        let description = generator.description();
        Self {
            origin,
            path: path.map(Path::to_path_buf),
            sha256: generator.provenance().sha256.clone(),
            dataset: Some(description.dataset.clone()),
            steps: Some(description.steps + description.steps_before),
        }
    }

    /// Of somebody else's images, or of a program that draws them.
    pub fn of_others(origin: Origin, path: PathBuf, learnt_from: Option<&Dataset>) -> Self {
        Self { origin, path: Some(path), sha256: None, dataset: learnt_from.map(|data| data.name.clone()), steps: None }
    }

    /// Of a source that the caller of this library brought: known by the `first` image of each class.
    pub fn brought(source: &dyn SampleSource, first: Dataset) -> Self {
        let dataset = Some(source.provenance().learnt_from.clone());
        Self { origin: Origin::Caller, path: None, sha256: Some(digest([&first])), dataset, steps: None }
    }
}

/// Whether a dataset's images come from where the generator's did: enough of them, or of its corpus, are among those that it
/// learnt from, or that ship beside it under the name of its dataset. Shape and names of classes say nothing of that.
///
/// # Errors
/// A shipped dataset that cannot be read.
pub fn fits(generator: &Generator, benchmark: &Benchmark) -> Outcome<bool> {
    let enough = |known: &Fingerprints, data: &Dataset| known.shared_with(data).len() * SHARE >= data.len().max(1);
    let learnt = &generator.provenance().fingerprints;
    let parts = [Some(&benchmark.train), benchmark.corpus.as_ref()];
    if parts.into_iter().flatten().any(|part| enough(learnt, part)) {
        return Ok(true);
    }
    let Ok(shipped) = assets::path(&generator.description().dataset) else { return Ok(false) };
    let shipped = data::open(&shipped, 0)?;
    let parts = [Some(&shipped.train), Some(&shipped.test), shipped.corpus.as_ref()];
    let known = parts.into_iter().flatten().flat_map(|part| Fingerprints::of(part).values().to_vec()).collect();
    Ok(enough(&Fingerprints::from_values(known), &benchmark.train))
}
