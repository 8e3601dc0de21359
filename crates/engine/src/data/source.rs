//! From a path to training, test and corpus samples, whatever the format.

use super::dataset::Dataset;
use super::error::DataError;
use super::kind::Kind;
use super::sound::{self, Marker};
use super::table::{self, Missing};
use super::{cifar, folder, idx, text};
use std::path::{Path, PathBuf};

/// The images of one experiment.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// What clients train on.
    pub train: Dataset,
    /// What accuracy is reported on.
    pub test: Dataset,
    /// Images that neither a client nor the test holds, for a generator to learn from.
    pub corpus: Option<Dataset>,
}

/// Share of the images that becomes the test part where a source has none of its own.
const TEST_SHARE: usize = 5;

/// How a dataset is read, where there is a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What is done where a cell of a table is empty.
    pub missing: Missing,
}

/// Opens a dataset: a folder of IDX files, a folder or file of CIFAR-10 records, an image folder, a sound folder, a table, or texts: a CSV file, or a
/// folder with a `train.csv`; texts also as JSON lines. Which of them it is shows in the files.
///
/// Where a source has no test part, a fifth of its images, drawn with `seed` and balanced over classes, becomes it.
///
/// # Errors
/// [`DataError`] that names the file and what is wrong with it, or says what was looked for.
pub fn open(path: &Path, seed: u64) -> Result<Benchmark, DataError> {
    open_as(path, seed, Reading::default())
}

/// The same in a way of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_as(path: &Path, seed: u64, reading: Reading) -> Result<Benchmark, DataError> {
    let (train, test, corpus) = parts(path, reading)?;
    match test {
        Some(test) => fitting(Benchmark { train, test, corpus }),
        None => held_out(train, seed).map(|split| Benchmark { corpus, ..split }),
    }
}

/// What somebody who learnt from a dataset may have seen: all of it but a test part of its own.
///
/// # Errors
/// As [`open`].
pub fn training_images(path: &Path, reading: Reading) -> Result<Vec<Dataset>, DataError> {
    let (train, _, corpus) = parts(path, reading)?;
    Ok([train].into_iter().chain(corpus).collect())
}

/// The same in the way of a dataset that is there: what both hold is the same bytes in both, by the same words, columns or bands.
///
/// # Errors
/// As [`open`] and [`read_like`].
pub fn training_like(path: &Path, like: &Dataset, reading: Reading) -> Result<Vec<Dataset>, DataError> {
    let name = file_name(path);
    if let (false, Some(CsvFiles { train, corpus, .. })) = (like.kind.is_bytes(), CsvFiles::find(path)) {
        let files = [Some(train), corpus].into_iter().flatten();
        return files.map(|file| Ok(Dataset { name: name.clone(), ..read_like(&file, like, reading)? })).collect();
    }
    let train = path.join("train");
    let (root, corpus) = if train.is_dir() { (train, path.join("corpus")) } else { (path.into(), PathBuf::new()) };
    if matches!(*like.kind, Kind::Sound(_)) && root.is_dir() && sound::settings(path, &root)?.is_some() {
        let folders = [Some(root), corpus.is_dir().then_some(corpus)].into_iter().flatten();
        return folders.map(|folder| sound::read_like(&folder, like, &name)).collect();
    }
    training_images(path, reading)
}

/// Samples of a file that fit those of `like`: rows of the same columns, or texts read by the same words.
///
/// # Errors
/// [`DataError`] with file and line, also for a class that `like` does not have.
pub fn read_like(path: &Path, like: &Dataset, reading: Reading) -> Result<Dataset, DataError> {
    match like.kind.as_ref() {
        Kind::Text(_) => text::read_like(path, like, None),
        Kind::Images | Kind::Table(_) | Kind::Sound(_) => table::read_like(path, like, None, reading.missing),
    }
}

/// Samples of a single class that were left in a folder and fit those of `like`: images or sounds as files right in it, taken in the order of their names;
/// rows as `samples.csv`, texts as `samples.csv` or `samples.jsonl`, in which a label may be missing. There may be none.
///
/// # Errors
/// [`DataError`] that names the file, and the line where there is one: what cannot be read or does not fit, another class, neither of the two files or both.
pub fn read_class(folder: &Path, like: &Dataset, class: &str, reading: Reading) -> Result<Dataset, DataError> {
    let file = |ends: &[&str]| {
        let there = ends.iter().map(|end| folder.join(format!("samples.{end}"))).filter(|path| path.is_file());
        match <[PathBuf; 1]>::try_from(there.collect::<Vec<_>>()) {
            Ok([file]) => Ok(file),
            Err(found) => {
                let problem = format!("{} files; expected one file samples.{}", found.len(), ends.join(" or samples."));
                Err(DataError::malformed(folder, problem))
            }
        }
    };
    match like.kind.as_ref() {
        Kind::Images => folder::read_class(folder, like, class),
        Kind::Sound(settings) => sound::read_class(folder, &like.kind, *settings, class),
        Kind::Table(_) => table::read_like(&file(&["csv"])?, like, Some(class), reading.missing),
        Kind::Text(_) => text::read_like(&file(&["csv", "jsonl"])?, like, Some(class)),
    }
}

/// The last part of a path, or all of one that has none.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Training, test and corpus samples.
type Parts = (Dataset, Option<Dataset>, Option<Dataset>);

/// The training, test and corpus images that a source tells apart.
fn parts(path: &Path, reading: Reading) -> Result<Parts, DataError> {
    let name = file_name(path);
    if !path.exists() {
        return Err(DataError::malformed(path, "there is no such file or folder"));
    }
    if let Some(files) = CsvFiles::find(path) {
        return files.read(&name, reading);
    }
    if path.is_file() {
        return Ok((cifar::read(&[path], &name)?, None, None));
    }
    let marker = Marker::find(path)?;
    let marker = marker.as_ref();
    if let Some(train) = idx_part(path, &["train"], &name, marker.map_or(&[], |marker| &marker.classes), marker)? {
        let corpus = idx_part(path, &["corpus"], &name, &train.class_names, marker)?;
        let test = idx_part(path, &["test", "t10k"], &name, &train.class_names, marker)?;
        return Ok((train, test, corpus));
    }
    let batches: Vec<PathBuf> =
        (1..=5).map(|batch| path.join(format!("data_batch_{batch}.bin"))).filter(|file| file.is_file()).collect();
    if !batches.is_empty() {
        let test = path.join("test_batch.bin");
        let test = test.is_file().then(|| cifar::read(&[test], &name)).transpose()?;
        return Ok((cifar::read(&batches, &name)?, test, None));
    }
    let (train, test, corpus) = (path.join("train"), path.join("test"), path.join("corpus"));
    let has_parts = train.is_dir();
    let settings = sound::settings(path, if has_parts { &train } else { path })?;
    let read = |part: &Path| match settings {
        Some(settings) => sound::read(part, settings, &name),
        None => folder::read(part, &name),
    };
    if !has_parts {
        return Ok((read(path)?, None, None));
    }
    let part = |path: PathBuf| path.is_dir().then(|| read(&path)).transpose();
    Ok((read(&train)?, part(test)?, part(corpus)?))
}

/// The CSV files of a dataset, or its files of JSON lines.
struct CsvFiles {
    train: PathBuf,
    test: Option<PathBuf>,
    corpus: Option<PathBuf>,
}

impl CsvFiles {
    /// The files that there are: one that was named, or those of a folder with a training part.
    fn find(path: &Path) -> Option<Self> {
        if path.is_file() {
            let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
            let is_csv = name.ends_with(".csv") || name.ends_with(".csv.gz") || text::is_json_lines(path);
            return is_csv.then(|| Self { train: path.into(), test: None, corpus: None });
        }
        let part = |stem: &str| {
            [".csv", ".csv.gz", ".jsonl", ".jsonl.gz"]
                .map(|end| path.join(format!("{stem}{end}")))
                .into_iter()
                .find(|file| file.is_file())
        };
        Some(Self { train: part("train")?, test: part("test"), corpus: part("corpus") })
    }

    fn read(self, name: &str, reading: Reading) -> Result<Parts, DataError> {
        let (has_test, has_corpus) = (self.test.is_some(), self.corpus.is_some());
        let files: Vec<PathBuf> = [Some(self.train), self.test, self.corpus].into_iter().flatten().collect();
        // What the server knows before it has seen a client: its corpus, or else what all clients have together.
        let server = if has_corpus { files.len() - 1 } else { 0 };
        let parts = match text::is_text(&files[0])? {
            true => text::read(&files, server, name)?,
            false => table::read(&files, server, name, reading.missing)?,
        };
        let mut parts = parts.into_iter();
        let mut next = |there: bool| if there { parts.next() } else { None };
        let missing = || DataError::Mismatch(format!("{name}: a part is missing"));
        Ok((next(true).ok_or_else(missing)?, next(has_test), next(has_corpus)))
    }
}

/// The part of an IDX folder that goes by one of `stems`, if its images are there; pictures of sounds with a marker.
fn idx_part(
    path: &Path,
    stems: &[&str],
    name: &str,
    classes: &[String],
    marker: Option<&Marker>,
) -> Result<Option<Dataset>, DataError> {
    let find = |stem: &str, kind: &str| {
        let names = [format!("{stem}-{kind}-ubyte.gz"), format!("{stem}-{kind}-ubyte")];
        names.into_iter().map(|name| path.join(name)).find(|file| file.is_file())
    };
    for stem in stems {
        let Some(images) = find(stem, "images-idx3").or_else(|| find(stem, "images-idx4")) else { continue };
        let labels = find(stem, "labels-idx1").ok_or_else(|| {
            DataError::malformed(
                &images,
                format!("the labels are missing: expected {stem}-labels-idx1-ubyte beside it"),
            )
        })?;
        let pictures = idx::read(&images, &labels, name, classes)?;
        return match marker {
            Some(marker) => marker.mark(pictures).map(Some),
            None => Ok(Some(pictures)),
        };
    }
    Ok(None)
}

fn held_out(data: Dataset, seed: u64) -> Result<Benchmark, DataError> {
    let mut parts = data.split_balanced(&[data.len() / TEST_SHARE], seed);
    match (parts.pop(), parts.pop()) {
        (Some(train), Some(test)) if !test.is_empty() => Ok(Benchmark { train, test, corpus: None }),
        _ => Err(DataError::Mismatch(format!(
            "{} has {} {}: too few to hold out a test part of one in {TEST_SHARE}",
            data.name,
            data.len(),
            data.kind.plural()
        ))),
    }
}

/// Checks that the parts hold images of the same kind and none is empty.
fn fitting(benchmark: Benchmark) -> Result<Benchmark, DataError> {
    let Benchmark { train, test, corpus } = &benchmark;
    for (kind, part) in [("test", Some(test)), ("corpus", corpus.as_ref())] {
        let Some(part) = part else { continue };
        if part.kind != train.kind {
            return Err(DataError::Mismatch(format!(
                "{}: the {kind} part and the training part hold other {}, or were read in other ways",
                train.name,
                train.kind.plural()
            )));
        }
        if part.shape != train.shape || part.class_names != train.class_names {
            return Err(DataError::Mismatch(format!(
                "{}: the {kind} images ({}, {}) do not fit the training images ({}, {})",
                train.name,
                part.shape,
                classes(part, train),
                train.shape,
                classes(train, part)
            )));
        }
    }
    if train.is_empty() || test.is_empty() {
        return Err(DataError::Mismatch(format!(
            "{} has {} training and {} test images; both are needed",
            train.name,
            train.len(),
            test.len()
        )));
    }
    Ok(benchmark)
}

/// How many classes, and which of them the other part does not have.
fn classes(part: &Dataset, other: &Dataset) -> String {
    let missing = part.class_names.iter().filter(|name| !other.class_names.contains(name));
    let missing: Vec<String> = missing.take(5).map(|name| format!("`{name}`")).collect();
    match missing.is_empty() {
        true => format!("{} classes", part.classes()),
        false => format!("{} classes, among them {}", part.classes(), missing.join(", ")),
    }
}
