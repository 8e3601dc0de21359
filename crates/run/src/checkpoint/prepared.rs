//! What a run measured, decided and generated before its first round. Measured seconds never come out the same twice, and
//! on a GPU gradients and images need not either, so all of it is kept.

use super::Reference;
use crate::allocation::Allocation;
use crate::assessment::Assessment;
use crate::config::RecordedCosts;
use crate::failure::{Failure, Kind, Outcome};
use imfl_engine::data::Dataset;
use imfl_mechanism::Forecast;
use imfl_storage::{FileSystem, Parts, StorageError, seal, unseal};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Format of the sealed folder; the number is its version.
const FORMAT: &str = "imfl.prepared/1";
/// Numbers, in TOML since that reads every f64 back to the bit.
const NUMBERS: &str = "prepared.toml";
/// Images that were generated for clients.
const IMAGES: &str = "generated.safetensors";

/// What was there before training.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What training goes by.
    pub numbers: Numbers,
    /// Images that were generated for clients, if any.
    pub generated: Option<Arc<Dataset>>,
}

/// Measurements and decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// SHA-256 of the images and labels of clients and test.
    pub data: String,
    /// Mode and payment of each client, as `augmented 0.123456`.
    pub awards: Vec<String>,
    /// Seconds that costs were computed from.
    pub costs: RecordedCosts,
    /// Theta and the constants of the bound.
    pub assessment: Assessment,
    /// What to expect of whom, where that is what accuracy is priced by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// Name and classes of the generated images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated: Option<Labels>,
}

/// What a dataset's file of images does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    name: String,
    classes: Vec<String>,
}

impl Prepared {
    /// Gathers it.
    pub fn new(
        data: String,
        costs: RecordedCosts,
        assessment: Assessment,
        forecast: Option<Forecast>,
        allocation: &Allocation,
        generated: Option<Arc<Dataset>>,
    ) -> Self {
        let labels = |images: &Arc<Dataset>| Labels { name: images.name.clone(), classes: images.class_names.clone() };
        let awards = awards(allocation);
        let generated_labels = generated.as_ref().map(labels);
        let numbers = Numbers { data, awards, costs, assessment, forecast, generated: generated_labels };
        Self { numbers, generated }
    }

    /// Refuses to go on with other data or other pay than before.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Checkpoint`] that says what differs.
    pub fn check(&self, data: &str, allocation: &Allocation) -> Outcome {
        let refuse = |what: &str| {
            let problem = format!("{what} not what this run started with; pass --resume-changed to go on all the same");
            Err(Failure::new(Kind::Checkpoint, problem))
        };
        if self.numbers.data != data {
            return refuse("the images of clients and test are");
        }
        let now = awards(allocation);
        match now.iter().zip(&self.numbers.awards).position(|(now, before)| now != before) {
            Some(client) => refuse(&format!(
                "the award of client {client} is {} and was {}: that is",
                now[client], self.numbers.awards[client]
            )),
            None if now.len() != self.numbers.awards.len() => refuse("the number of clients is"),
            None => Ok(()),
        }
    }

    pub(super) fn save(&self, files: &dyn FileSystem, checkpoints: &Path, round: u64) -> Outcome<Reference> {
        let unexpected = |error: &dyn std::fmt::Display| {
            Failure::new(Kind::Unexpected, format!("what was measured cannot be saved: {error}"))
        };
        let numbers = toml::to_string(&self.numbers).map_err(|error| unexpected(&error))?;
        let mut parts = Parts::from([(NUMBERS.to_string(), numbers.into_bytes())]);
        if let Some(images) = &self.generated {
            parts.insert(IMAGES.into(), images.to_safetensors().map_err(|error| unexpected(&error))?);
        }
        let folder = format!("prepared-{round:06}");
        let path = checkpoints.join(&folder);
        // A run that was killed between this and its first checkpoint, and started again from the same place.
        files.remove_folder(&path).map_err(|source| StorageError::Write { path: path.clone(), source })?;
        let sha256 = seal(files, &path, FORMAT, (), &parts)?;
        Ok(Reference { folder, sha256 })
    }

    pub(super) fn load(files: &dyn FileSystem, checkpoints: &Path, reference: &Reference) -> Outcome<Self> {
        let path = checkpoints.join(&reference.folder);
        let sealed = unseal::<()>(files, &path, FORMAT)?;
        let damaged =
            |part: &str, problem: String| Failure::from(StorageError::Damaged { path: path.join(part), problem });
        if sealed.sha256 != reference.sha256 {
            return Err(damaged("manifest.json", "it belongs to another run's checkpoint".into()));
        }
        let text = sealed.parts.get(NUMBERS).map(|bytes| String::from_utf8_lossy(bytes));
        let text = text.ok_or_else(|| damaged(NUMBERS, "it is not in the manifest".into()))?;
        let numbers: Numbers = toml::from_str(&text).map_err(|error| damaged(NUMBERS, error.to_string()))?;
        let generated = match (&numbers.generated, sealed.parts.get(IMAGES)) {
            (Some(labels), Some(bytes)) => {
                let images = Dataset::from_safetensors(&labels.name, labels.classes.clone(), bytes);
                Some(Arc::new(images.map_err(|error| damaged(IMAGES, error.to_string()))?))
            }
            (None, None) => None,
            _ => return Err(damaged(IMAGES, "the manifest and prepared.toml disagree about it".into())),
        };
        Ok(Self { numbers, generated })
    }
}

/// SHA-256 of images and labels.
pub fn digest<const N: usize>(parts: [&Dataset; N]) -> String {
    let mut hasher = imfl_storage::Hasher::default();
    for data in parts {
        hasher.update(&(data.len() as u64).to_le_bytes());
        data.labels().iter().for_each(|label| hasher.update(&label.to_le_bytes()));
        (0..data.len()).for_each(|index| hasher.update(data.image(index)));
    }
    hasher.hex()
}

fn awards(allocation: &Allocation) -> Vec<String> {
    allocation.outcome.awards.iter().map(|award| format!("{} {}", award.mode, award.payment)).collect()
}
