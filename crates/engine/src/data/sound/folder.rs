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

/// Every sound right in a folder, in the order of their names, as sounds of a class.
///
/// # Errors
/// [`DataError`] that names the folder or file.
pub fn read_class(folder: &Path, kind: &Arc<Kind>, settings: Spectrogram, class: &str) -> Result<Dataset, DataError> {
    let files = entries(folder)?.into_iter().filter(|path| is_sound(path));
    let files = Files { class_names: vec![class.into()], list: files.map(|path| (0, path)).collect() };
    files.read(kind, settings, &file_name(folder))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::sound::wav;
    use std::fs;

    /// A folder with classes `a` and `b` and these files: class, name, rate, samples.
    fn folder(files: &[(&str, &str, u32, usize)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for &(class, name, rate, samples) in files {
            fs::create_dir_all(root.path().join(class)).unwrap();
            let sound: Vec<f32> = (0..samples).map(|n| (n as f32 * 0.3).sin() / 2.0).collect();
            fs::write(root.path().join(class).join(name), wav(&sound, rate)).unwrap();
        }
        root
    }

    fn suited(files: &[(&str, &str, u32, usize)]) -> Spectrogram {
        let root = folder(files);
        settings(root.path(), root.path()).unwrap().unwrap()
    }

    #[test]
    fn the_rate_of_most_and_the_length_of_the_longest_whatever_the_order() {
        let one = suited(&[("a", "1.wav", 8000, 4000), ("a", "2.wav", 8000, 400), ("b", "1.WAV", 4000, 3000)]);
        let other = suited(&[("a", "9.wav", 4000, 3000), ("b", "3.wav", 8000, 400), ("b", "4.wav", 8000, 4000)]);
        assert_eq!(one, other);
        assert_eq!((one.rate, one.samples), (8000, 6000), "three quarters of a second");
        let even = suited(&[("a", "1.wav", 8000, 400), ("b", "1.wav", 4000, 400)]);
        assert_eq!(even.rate, 4000, "of equally many, the lowest");
        let high = suited(&[("a", "1.wav", 44_100, 44_100), ("b", "1.wav", 44_100, 10)]);
        assert_eq!((high.rate, high.samples), (16_000, 16_000));
    }

    #[test]
    fn classes_are_folders_and_the_same_sound_at_another_rate_is_nearly_the_same_picture() {
        let root = folder(&[("a", "1.wav", 8000, 4000), ("b", "1.wav", 8000, 4000)]);
        let tone = |rate: u32| -> Vec<f32> {
            (0..rate / 2)
                .map(|n| (f64::from(n) * 2.0 * std::f64::consts::PI * 440.0 / f64::from(rate)).sin() as f32 / 2.0)
                .collect()
        };
        fs::write(root.path().join("a/1.wav"), wav(&tone(8000), 8000)).unwrap();
        fs::write(root.path().join("b/1.wav"), wav(&tone(44_100), 44_100)).unwrap();
        let settings = Spectrogram::suited(8000, 4000);
        let data = read(root.path(), settings, "t").unwrap();
        assert_eq!((data.class_names.as_slice(), data.len()), (&["a".to_string(), "b".into()][..], 2));
        // At both ends one sound begins and ends more softly than the other.
        let [one, other] = [0, 1].map(|index| data.image(index));
        let loud = (0..1024).filter(|at| (2..30).contains(&(at % 32)) && one[*at] > 120);
        assert!(loud.clone().count() > 28 && loud.clone().all(|at| one[at].abs_diff(other[at]) <= 4));
        assert!(read_like(root.path(), &data, "u").unwrap().kind == data.kind);
    }

    #[test]
    fn a_folder_of_pictures_holds_no_sounds() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/1.png"), b"").unwrap();
        assert_eq!(settings(root.path(), root.path()).unwrap(), None);
        fs::write(root.path().join("a/1.flac"), b"").unwrap();
        assert!(settings(root.path(), root.path()).unwrap_err().to_string().contains("sounds and pictures"));
    }
}
