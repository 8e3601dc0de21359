//! A generator on disk: one safetensors file with weights, fingerprints and, while it learns, the optimizer's state.

use crate::denoiser::DenoiserConfig;
use crate::fingerprint::Fingerprints;
use crate::network::AnyNetwork;
use crate::optimizer::AdamW;
use crate::pixels::PixelScale;
use crate::sampling::Sampling;
use crate::training_config::TrainingConfig;
use imfl_engine::data::Kind;
use imfl_engine::parameters::Weights;
use imfl_storage::{Disk, FileSystem, StorageError, Stored, StoredError, Tensors, hex_digest, replace};
use std::path::{Path, PathBuf};

/// The metadata key whose value is a [`Description`] in JSON; the number is the format's version.
const FORMAT: &str = "imfl.generator/1";

/// What a checkpoint says about itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Description {
    /// Name of the dataset that it learnt from.
    pub dataset: String,
    /// What each class is called.
    pub class_names: Vec<String>,
    /// What its samples are.
    #[serde(default, skip_serializing_if = "is_images")]
    pub kind: Kind,
    /// The network.
    pub denoiser: DenoiserConfig,
    /// How bytes become values.
    pub scale: PixelScale,
    /// How it learns.
    pub training: TrainingConfig,
    /// How its images are drawn unless asked otherwise.
    #[serde(default)]
    pub sampling: Sampling,
    /// Optimizer steps done.
    pub steps: u64,
    /// Optimizer steps of the generator that it started from.
    #[serde(default)]
    pub steps_before: u64,
    /// Seconds spent on them.
    pub seconds: f64,
    /// The SHA-256 of the generator's file that it learnt to draw like in fewer steps, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distilled: Option<String>,
}

/// A generator of images does not say so: checkpoints that are older than other kinds stay as they are.
fn is_images(kind: &Kind) -> bool {
    *kind == Kind::Images
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The operating system would not read or write it.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It is no checkpoint, or a broken one.
    #[error("{} is not a usable checkpoint: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Everything that is saved of a generator.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What it is.
    pub description: Description,
    /// Moving average of the weights: what draws images.
    pub average: Weights,
    /// The images that it learnt from.
    pub fingerprints: Fingerprints,
    /// What training needs to go on; none in a finished generator.
    pub state: Option<AdamW>,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file: unreadable, truncated, not one of ours, of another network, or with values that
    /// are not finite.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::read_with_digest(path).map(|(checkpoint, _)| checkpoint)
    }

    /// Reads a checkpoint; also the SHA-256 of its file.
    pub(crate) fn read_with_digest(path: &Path) -> Result<(Self, String), CheckpointError> {
        let bytes = Disk.read(path).map_err(|source| StorageError::Read { path: path.into(), source })?;
        match Self::from_bytes(&bytes) {
            Ok(checkpoint) => Ok((checkpoint, hex_digest(&bytes))),
            Err(problem) => Err(CheckpointError::Malformed { path: path.into(), problem }),
        }
    }

    /// Writes a checkpoint in the place of the one that may be there; whatever fails, the old one stays whole.
    ///
    /// # Errors
    /// [`CheckpointError::Storage`] with the file.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        self.write_in(&Disk, path)
    }

    /// The same on any file system.
    ///
    /// # Errors
    /// As [`Checkpoint::write`].
    pub fn write_in(&self, files: &dyn FileSystem, path: &Path) -> Result<(), CheckpointError> {
        let malformed = |StoredError(problem)| CheckpointError::Malformed { path: path.into(), problem };
        Ok(replace(files, path, &self.to_bytes().map_err(malformed)?)?)
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoredError> {
        let mut tensors = Tensors::default();
        let mut add = |prefix: &str, values: &[f32]| {
            let mut rest = values;
            for parameter in self.average.layout().parameters() {
                let (own, tail) = rest.split_at(parameter.size());
                tensors.add_f32(format!("{prefix}{}", parameter.name), &parameter.shape, own);
                rest = tail;
            }
        };
        add("average.", self.average.values());
        if let Some(AdamW { weights, first, second }) = &self.state {
            add("weights.", weights.values());
            add("first.", first);
            add("second.", second);
        }
        tensors.add_u64("fingerprints", self.fingerprints.values());
        let description = serde_json::to_string(&self.description).map_err(|error| StoredError(error.to_string()))?;
        tensors.to_bytes_about(FORMAT, &description)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let stored = Stored::open_any(bytes).map_err(|error| error.to_string())?;
        let Some(description) = stored.about(FORMAT) else {
            return Err(format!("its metadata has no `{FORMAT}`; it was not made by `imfl aigc train`"));
        };
        let description: Description =
            serde_json::from_str(description).map_err(|error| format!("its description is broken: {error}"))?;
        let network = AnyNetwork::new(&description.denoiser).map_err(|error| error.to_string())?;
        let classes = description.class_names.len();
        if classes != description.denoiser.classes {
            return Err(format!("it names {classes} classes for a network of {}", description.denoiser.classes));
        }
        if !description.scale.fits(description.denoiser.shape) {
            return Err(format!("its normalisation does not fit images of {}", description.denoiser.shape));
        }
        if !description.denoiser.network.draws(&description.kind)
            || description.kind.shape().is_some_and(|shape| shape != description.denoiser.shape)
        {
            let (plural, shape) = (description.kind.plural(), description.denoiser.shape);
            return Err(format!("it says that its samples are {plural}, which a network for {shape} cannot draw"));
        }
        description.training.check().map_err(|error| error.to_string())?;
        description.sampling.check().map_err(|error| format!("its sampler's settings are wrong: {error}"))?;
        let layout = network.layout();
        let read = |prefix: &str| {
            // What the layout asks for, but never more than the file has: a description is a claim.
            let mut values = Vec::with_capacity(layout.size().min(bytes.len() / 4));
            for parameter in layout.parameters() {
                let name = format!("{prefix}{}", parameter.name);
                stored.extend_f32(&mut values, &name, &parameter.shape).map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(values)
        };
        let weights = |prefix| Weights::from_values(layout.clone(), read(prefix)?).ok_or("sizes disagree".to_string());
        let state = match stored.names().iter().any(|name| name.starts_with("weights.")) {
            true => Some(AdamW { weights: weights("weights.")?, first: read("first.")?, second: read("second.")? }),
            false => None,
        };
        let seen = stored.all_u64("fingerprints").map_err(|error| error.to_string())?;
        let fingerprints = Fingerprints::from_values(seen);
        Ok(Self { average: weights("average.")?, description, fingerprints, state })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::denoiser::Network;
    use crate::text::testing::{TEXTS, texts, tiny};
    use imfl_engine::data::{Column, Columns, Content, ImageShape, Normalisation};
    use imfl_engine::parameters::{Initialiser, Layout};

    /// A small network for 8x8 grey images; no layer of it is zero, so that everything has an effect.
    pub fn untrained(classes: usize) -> Checkpoint {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let config = DenoiserConfig { width: 8, embedding: 16, ..DenoiserConfig::small(shape, classes) };
        let normalisation = Normalisation { mean: vec![0.4], deviation: vec![0.3] };
        of(config, Kind::Images, normalisation)
    }

    /// A small perceptron for rows of two whole numbers around a category of three words.
    pub fn untrained_rows(classes: usize) -> Checkpoint {
        let number = Content::Number { mean: 40.0, deviation: 20.0, range: [0.0, 90.0], whole: true };
        let words = Content::Category(["red", "green", "blue"].map(String::from).into());
        let contents = [("a", number.clone()), ("b", words), ("c", number)];
        let columns = contents.map(|(name, content)| Column { name: name.into(), content });
        let columns = Columns::new(columns.into());
        let network = Network::Perceptron { blocks: 2 };
        let config =
            DenoiserConfig { width: 12, embedding: 16, network, ..DenoiserConfig::rows(columns.shape(), classes) };
        let normalisation = columns.normalisation();
        of(config, Kind::Table(columns), normalisation)
    }

    /// A small transformer for texts of two classes.
    pub fn untrained_texts() -> Checkpoint {
        let data = texts(&TEXTS);
        of(tiny(&data), data.kind.as_ref().clone(), data.normalisation())
    }

    fn of(config: DenoiserConfig, kind: Kind, normalisation: Normalisation) -> Checkpoint {
        let classes = config.classes;
        let denoiser = AnyNetwork::new(&config).unwrap();
        let mut layout = Layout::new();
        for parameter in denoiser.layout().parameters() {
            layout.declare(&parameter.name, &parameter.shape, Initialiser::Normal { deviation: 0.2 });
        }
        let drawn = Weights::initialise(layout.into(), 1);
        let average = Weights::from_values(denoiser.layout().clone(), drawn.values().to_vec()).unwrap();
        let description = Description {
            dataset: "squares".into(),
            kind,
            class_names: (0..classes).map(|class| class.to_string()).collect(),
            denoiser: config,
            scale: PixelScale { normalisation, sigma_data: PixelScale::SIGMA_DATA },
            training: TrainingConfig::default(),
            sampling: denoiser.sampling(),
            steps: 7,
            steps_before: 0,
            distilled: None,
            seconds: 1.5,
        };
        Checkpoint { description, average, fingerprints: Fingerprints::from_values(vec![3, 1, 2]), state: None }
    }
}

#[cfg(test)]
mod tests;
