//! Sound folders: one folder a class, its name the class's, sound files inside.

use super::decode::Sound;
use super::marker::Marker;
use super::resample::Resampler;
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::folder::{self, entries, file_name};
use crate::data::kind::Kind;
use crate::data::spectrogram::{Camera, Spectrogram};
use crate::worker;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that a thread takes at a time.
const PIECE: usize = 16;

/// The files of a folder, by class.
struct Files {
    class_names: Vec<String>,
    /// Class and path of each file, in the order of names.
    list: Vec<(u16, PathBuf)>,
}

/// Whether a folder has class folders with sounds in them.
///
/// # Errors
/// [`DataError`] naming a class folder with sounds and pictures.
fn holds_sounds(root: &Path) -> Result<bool, DataError> {
    for class in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let files = entries(&class)?;
        match (files.iter().any(|path| is_sound(path)), files.iter().any(|path| folder::is_image(path))) {
            (true, true) => {
                let problem = "the class folder holds sounds and pictures; a dataset has one kind of samples";
                return Err(DataError::malformed(&class, problem));
            }
            (false, false) => {}
            (sounds, _) => return Ok(sounds),
        }
    }
    Ok(false)
}

/// How the sounds of a dataset become pictures, if it has sounds: as the [`Marker`] of `root` says; where there is none, it is found out from
/// the headers of the training files, and does not depend on their order: the rate is the one that most files have (of equally many the
/// lowest), the length that of the longest, both up to the limits of [`Spectrogram::suited`].
///
/// # Errors
/// [`DataError`] that names the folder or file.
pub fn settings(root: &Path, train: &Path) -> Result<Option<Spectrogram>, DataError> {
    if !holds_sounds(train)? {
        return Ok(None);
    }
    match Marker::find(root)? {
        Some(marker) => Ok(Some(marker.spectrogram)),
        None => Files::find(train)?.suited().map(Some),
    }
}

/// Reads the class folders below `root`, classes and files in the order of their names.
///
/// # Errors
/// [`DataError`] that names the folder or file.
pub fn read(root: &Path, settings: Spectrogram, name: &str) -> Result<Dataset, DataError> {
    Files::find(root)?.read(&Arc::new(Kind::Sound(settings)), settings, name)
}

/// Reads a folder in the way of a dataset that is there.
///
/// # Errors
/// [`DataError`] that names the folder or file.
pub fn read_like(root: &Path, like: &Dataset, name: &str) -> Result<Dataset, DataError> {
    match like.kind.as_ref() {
        &Kind::Sound(settings) => Files::find(root)?.read(&like.kind, settings, name),
        other => Err(DataError::Mismatch(format!("{} has {}, no sounds", like.name, other.plural()))),
    }
}

impl Files {
    fn find(root: &Path) -> Result<Self, DataError> {
        let folders = folder::classes(root)?;
        let mut list = Vec::new();
        for (class, folder) in folders.iter().enumerate() {
            let before = list.len();
            let files = entries(folder)?.into_iter().filter(|path| is_sound(path));
            list.extend(files.map(|path| (class as u16, path)));
            if list.len() == before {
                return Err(DataError::malformed(folder, "the class folder holds no WAV, FLAC or OGG file"));
            }
        }
        Ok(Self { class_names: folders.iter().map(|path| file_name(path)).collect(), list })
    }

    /// The settings that suit these files.
    fn suited(&self) -> Result<Spectrogram, DataError> {
        let headers = self.each(|_: &mut (), path| {
            let sound = Sound::open(path)?;
            // Where the header does not say it, only decoding would: it is taken for as long as can be.
            Ok((sound.rate, sound.samples.unwrap_or(u64::MAX)))
        })?;
        let mut rates: BTreeMap<u32, usize> = BTreeMap::new();
        headers.iter().for_each(|(rate, _)| *rates.entry(*rate).or_default() += 1);
        // Of equally frequent ones, the last of those in falling order.
        let rate = rates.iter().rev().max_by_key(|(_, count)| **count).map_or(0, |(rate, _)| *rate);
        let lengths = headers.iter().map(|&(own, samples)| {
            (u128::from(samples) * u128::from(rate)).div_ceil(u128::from(own)).min(u128::from(u64::MAX)) as u64
        });
        Ok(Spectrogram::suited(rate, lengths.max().unwrap_or(0)))
    }

    fn read(self, kind: &Arc<Kind>, settings: Spectrogram, name: &str) -> Result<Dataset, DataError> {
        let pictures = self.each(|reader: &mut Option<Reader>, path| {
            reader.get_or_insert_with(|| Reader::new(settings)).picture(path)
        })?;
        let labels = self.list.iter().map(|(class, _)| *class).collect();
        Dataset::of_kind(kind.clone(), name, settings.shape(), self.class_names, pictures.concat(), labels)
    }

    /// What `task` makes of each file, in their order; of several errors that of the first file that has one.
    fn each<S: Default + Send, T: Send>(
        &self,
        task: impl Fn(&mut S, &Path) -> Result<T, DataError> + Sync,
    ) -> Result<Vec<T>, DataError> {
        let pieces: Vec<&[(u16, PathBuf)]> = self.list.chunks(PIECE).collect();
        let piece = |state: &mut S, index: usize| {
            pieces[index].iter().map(|(_, path)| task(state, path)).collect::<Result<Vec<T>, DataError>>()
        };
        let (_, results) = worker::run(worker::available(), pieces.len(), S::default, piece);
        Ok(results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

/// What a thread keeps from file to file.
struct Reader {
    settings: Spectrogram,
    camera: Camera,
    resampler: Resampler,
}

impl Reader {
    fn new(settings: Spectrogram) -> Self {
        Self { settings, camera: Camera::new(settings), resampler: Resampler::new() }
    }

    fn picture(&mut self, path: &Path) -> Result<Vec<u8>, DataError> {
        let sound = Sound::open(path)?;
        let (from, to, wanted) = (sound.rate, self.settings.rate, self.settings.samples);
        let samples = sound.samples(Resampler::needed(from, to, wanted))?;
        Ok(self.camera.picture(&self.resampler.convert(&samples, from, to, wanted)))
    }
}

fn is_sound(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    matches!(extension.as_deref(), Some("wav" | "wave" | "flac" | "ogg" | "oga"))
}
