//! What marks IDX files as pictures of sounds, and says how the files of a folder become such: a file of settings beside them.

use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::kind::Kind;
use crate::data::spectrogram::Spectrogram;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Its name.
const FILE: &str = "sound.json";
/// No such file is longer.
const LONGEST: u64 = 1 << 22;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// How sounds become pictures.
    pub spectrogram: Spectrogram,
    /// What classes are called, for IDX files, which have numbers alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

impl Marker {
    /// The one of a folder, if there is one.
    ///
    /// # Errors
    /// [`DataError`] that names the file and what is wrong with it.
    pub fn find(folder: &Path) -> Result<Option<Self>, DataError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let mut text = String::new();
        let file = fs::File::open(&path).map_err(|source| DataError::read(&path, source))?;
        file.take(LONGEST).read_to_string(&mut text).map_err(|source| DataError::read(&path, source))?;
        let wrong = |problem: String| DataError::malformed(&path, problem);
        let marker: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        marker.spectrogram.check().map_err(wrong)?;
        Ok(Some(marker))
    }

    /// The one of a dataset, if that holds sounds.
    pub fn of(data: &Dataset) -> Option<Self> {
        match data.kind.as_ref() {
            &Kind::Sound(spectrogram) => Some(Self { spectrogram, classes: data.class_names.clone() }),
            _ => None,
        }
    }

    /// Takes pictures for those of sounds.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if they have another size than these would.
    pub(in crate::data) fn mark(&self, pictures: Dataset) -> Result<Dataset, DataError> {
        let expected = self.spectrogram.shape();
        if pictures.shape != expected {
            let Dataset { name, shape, .. } = &pictures;
            return Err(DataError::Mismatch(format!(
                "{name}: {FILE} says pictures of {expected}, the IDX files hold {shape}"
            )));
        }
        Ok(Dataset { kind: Arc::new(Kind::Sound(self.spectrogram)), ..pictures })
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// [`DataError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), DataError> {
        let path = folder.join(FILE);
        let fail = |source| DataError::write(&path, source);
        let text = serde_json::to_string_pretty(self).map_err(|error| fail(error.into()))?;
        fs::write(&path, text + "\n").map_err(fail)
    }
}
