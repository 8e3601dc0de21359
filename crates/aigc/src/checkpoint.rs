//! A generator on disk: one safetensors file with weights, fingerprints and, while it learns, the optimizer's state.

use crate::denoiser::{Denoiser, DenoiserConfig};
use crate::fingerprint::Fingerprints;
use crate::pixels::PixelScale;
use crate::sampling::Sampling;
use crate::training::{TrainingConfig, TrainingState};
use imfl_engine::parameters::{Layout, Weights};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The metadata key whose value is a [`Description`] in JSON; the number is the format's version.
const FORMAT: &str = "imfl.generator/1";

/// What a checkpoint says about itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Description {
    /// Name of the dataset that it learnt from.
    pub dataset: String,
    /// What each class is called.
    pub class_names: Vec<String>,
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
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The operating system would not read it.
    #[error("cannot read the checkpoint {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The operating system would not write it.
    #[error("cannot write the checkpoint {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no checkpoint, or a broken one.
    #[error("{} is not a usable checkpoint: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It is one for something else.
    #[error("{0}")]
    Other(String),
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
    pub state: Option<TrainingState>,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file: unreadable, truncated, not one of ours, of another network, or with values that
    /// are not finite.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = std::fs::read(path).map_err(|source| CheckpointError::Read { path: path.into(), source })?;
        Self::from_bytes(&bytes).map_err(|problem| CheckpointError::Malformed { path: path.into(), problem })
    }

    /// Writes a checkpoint beside `path` and then moves it there, so that a crash leaves the old one whole.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(&self.to_bytes()?)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        write().map_err(|source| {
            // What is not whole is in nobody's way.
            let _ = std::fs::remove_file(&beside);
            CheckpointError::Write { path: path.into(), source }
        })
    }

    fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut add = |prefix: &str, values: &[f32]| {
            let mut rest = values;
            for parameter in self.average.layout().parameters() {
                let (own, tail) = rest.split_at(parameter.size());
                let bytes = own.iter().flat_map(|value| value.to_le_bytes()).collect();
                tensors.push((format!("{prefix}{}", parameter.name), Dtype::F32, parameter.shape.clone(), bytes));
                rest = tail;
            }
        };
        add("average.", self.average.values());
        if let Some(TrainingState { weights, first, second }) = &self.state {
            add("weights.", weights.values());
            add("first.", first);
            add("second.", second);
        }
        let seen = self.fingerprints.values();
        let bytes = seen.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push(("fingerprints".into(), Dtype::U64, vec![seen.len()], bytes));

        let description = serde_json::to_string(&self.description)?;
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(std::io::Error::other)?;
            Ok((name.clone(), view))
        });
        let views = views.collect::<std::io::Result<Vec<_>>>()?;
        serialize(views, Some(HashMap::from([(FORMAT.into(), description)]))).map_err(std::io::Error::other)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let broken = |error| format!("it is no safetensors file, or a truncated one ({error})");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let Some(description) = header.metadata().as_ref().and_then(|metadata| metadata.get(FORMAT)) else {
            return Err(format!("its metadata has no `{FORMAT}`; it was not made by `imfl aigc train`"));
        };
        let description: Description =
            serde_json::from_str(description).map_err(|error| format!("its description is broken: {error}"))?;
        let denoiser = Denoiser::new(&description.denoiser).map_err(|error| error.to_string())?;
        let classes = description.class_names.len();
        if classes != description.denoiser.classes {
            return Err(format!("it names {classes} classes for a network of {}", description.denoiser.classes));
        }
        if !description.scale.fits(description.denoiser.shape) {
            return Err(format!("its normalisation does not fit images of {}", description.denoiser.shape));
        }
        description.training.check().map_err(|error| error.to_string())?;
        description.sampling.check().map_err(|error| format!("its sampler's settings are wrong: {error}"))?;
        let layout = denoiser.layout();
        let read = |prefix: &str| read_values(&tensors, prefix, layout);
        let weights = |values| Weights::from_values(layout.clone(), values).ok_or("sizes disagree".to_string());
        let state = match tensors.names().iter().any(|name| name.starts_with("weights.")) {
            true => {
                let state = TrainingState {
                    weights: weights(read("weights.")?)?,
                    first: read("first.")?,
                    second: read("second.")?,
                };
                Some(state)
            }
            false => None,
        };
        let seen = tensors.tensor("fingerprints").map_err(|_| "it has no fingerprints of its training images")?;
        if seen.dtype() != Dtype::U64 {
            return Err("its fingerprints are not 64-bit integers".into());
        }
        // `as_chunks` leaves no remainder: safetensors checked that the bytes are whole 64-bit numbers.
        let seen = seen.data().as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let fingerprints = Fingerprints::from_values(seen);
        Ok(Self { average: weights(read("average.")?)?, description, fingerprints, state })
    }
}

/// The values of all parameters of a layout, in its order.
fn read_values(tensors: &SafeTensors, prefix: &str, layout: &Arc<Layout>) -> Result<Vec<f32>, String> {
    // What the layout asks for, but never more than the file has: a description is a claim.
    let held = tensors.iter().map(|(_, tensor)| tensor.data().len() / 4).sum();
    let mut values = Vec::with_capacity(layout.size().min(held));
    for parameter in layout.parameters() {
        let name = format!("{prefix}{}", parameter.name);
        let tensor = tensors.tensor(&name).map_err(|_| format!("it has no tensor `{name}`"))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != parameter.shape {
            return Err(format!(
                "tensor `{name}` is {} {:?}, expected F32 {:?}",
                tensor.dtype(),
                tensor.shape(),
                parameter.shape
            ));
        }
        values.extend(tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(_) => Err(format!("a value of `{prefix}` is not finite")),
        None => Ok(values),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use imfl_engine::data::ImageShape;
    use imfl_engine::parameters::Initialiser;

    /// A small network for 8x8 grey images; no layer of it is zero, so that everything has an effect.
    pub fn untrained(classes: usize) -> Checkpoint {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let config = DenoiserConfig { shape, classes, width: 8, embedding: 16 };
        let denoiser = Denoiser::new(&config).unwrap();
        let mut layout = Layout::new();
        for parameter in denoiser.layout().parameters() {
            layout.declare(&parameter.name, &parameter.shape, Initialiser::Normal { deviation: 0.2 });
        }
        let drawn = Weights::initialise(layout.into(), 1);
        let average = Weights::from_values(denoiser.layout().clone(), drawn.values().to_vec()).unwrap();
        let normalisation = imfl_engine::data::Normalisation { mean: vec![0.4], deviation: vec![0.3] };
        let description = Description {
            dataset: "squares".into(),
            class_names: (0..classes).map(|class| class.to_string()).collect(),
            denoiser: config,
            scale: PixelScale { normalisation, sigma_data: PixelScale::SIGMA_DATA },
            training: TrainingConfig::default(),
            sampling: Sampling::default(),
            steps: 7,
            steps_before: 0,
            seconds: 1.5,
        };
        Checkpoint { description, average, fingerprints: Fingerprints::from_values(vec![3, 1, 2]), state: None }
    }
}

#[cfg(test)]
mod tests;
