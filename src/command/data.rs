//! `imfl data`: look at a dataset, cut one into parts.

use crate::output::{self, Format};
use clap::{Args, Subcommand};
use imfl_engine::data::sound::Marker;
use imfl_engine::data::{self, Dataset, Kind as Samples, Missing, Reading, cifar, idx};
use imfl_run::assets;
use imfl_run::{Failure, Host, Kind, Outcome, Progress};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The subcommands of `imfl data`.
#[derive(Subcommand)]
pub enum Data {
    /// Say what a dataset holds.
    Show(Show),
    /// Cut a dataset into balanced, disjoint parts: training, test and corpus images.
    Split(Split),
}

/// `imfl data show`.
#[derive(Args)]
pub struct Show {
    /// A shipped dataset's name (mnist, letters, glosses, notes) or a path: IDX folder, CIFAR-10 binary, image or sound folder, table (CSV), texts (CSV, JSON lines)
    #[arg(long, default_value = "mnist", env = "IMFL_DATASET")]
    dataset: String,
    /// What is done where a cell of a table is empty: error or mean
    #[arg(long, default_value_t)]
    missing: Missing,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `imfl data split`.
#[derive(Args)]
pub struct Split {
    /// A shipped dataset's name (mnist, letters, glosses, notes) or a path: IDX folder, CIFAR-10 binary, image or sound folder, table (CSV), texts (CSV, JSON lines)
    #[arg(long, env = "IMFL_DATASET")]
    dataset: String,
    /// Images for the training part, drawn from the training images
    #[arg(long)]
    train: usize,
    /// Images for the test part, drawn from the test images
    #[arg(long)]
    test: usize,
    /// Images for the generator's corpus, drawn from the training images
    #[arg(long, default_value_t = 0)]
    corpus: usize,
    /// Which images go where
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    seed: u64,
    /// The folder for the parts, as gzipped IDX files; of tables and texts as CSV files
    #[arg(long)]
    out: PathBuf,
    /// A second folder, for the training images that are in neither part
    #[arg(long)]
    rest: Option<PathBuf>,
    /// Also write the training part as one CIFAR-10 binary file
    #[arg(long)]
    cifar: Option<PathBuf>,
}

impl Data {
    /// Runs the subcommand.
    pub fn run(self, host: &Host) -> Outcome {
        match self {
            Self::Show(show) => show.run(),
            Self::Split(split) => split.run(&host.progress),
        }
    }
}

impl Show {
    fn run(self) -> Outcome {
        let benchmark = data::open_as(&assets::dataset(&self.dataset)?, 0, Reading { missing: self.missing })?;
        let parts =
            [("train", Some(&benchmark.train)), ("test", Some(&benchmark.test)), ("corpus", benchmark.corpus.as_ref())];
        let parts = parts.into_iter().filter_map(|(name, part)| part.map(|part| (name, part)));
        if self.format == Format::Json {
            let counts: serde_json::Map<String, serde_json::Value> =
                parts.map(|(name, part)| (name.into(), json!(part.histogram()))).collect();
            let shape = benchmark.train.shape;
            let mut shown = json!({
                "schema": "imfl.data/1", "dataset": benchmark.train.name, "shape": shape,
                "classes": benchmark.train.class_names, "images_per_class": counts,
            });
            if let Some(words) = benchmark.train.words() {
                shown["words"] = json!({"known": words.known, "in_training": words.all, "unknown": words.unknown});
            }
            return output::print(&shown);
        }
        let Dataset { name, shape, .. } = &benchmark.train;
        let mut text =
            format!("{name}: {} of {shape} in {} classes\n", benchmark.train.kind.plural(), benchmark.train.classes());
        if let Samples::Sound(settings) = benchmark.train.kind.as_ref() {
            let data::Spectrogram { rate, window, mels, frames, decibels: [low, high], .. } = settings;
            text += &format!(
                "  {:.2} s at {rate} Hz; {mels} mel bands at {frames} times, windows of {window} samples, {low} to {high} dB\n",
                settings.seconds()
            );
        }
        for (name, part) in parts {
            let (least, most) = part.histogram().into_iter().fold((usize::MAX, 0), |(l, m), n| (l.min(n), m.max(n)));
            text += &format!("  {name:<7}{:>8} {}, {least} to {most} a class\n", part.len(), part.kind.plural());
        }
        if let Some(words) = benchmark.train.words() {
            text += &format!("  {words}\n");
        }
        output::text(&text)
    }
}

impl Split {
    /// Refuses to write where the dataset is, or two parts to one place.
    fn spare(&self, dataset: &Path) -> Outcome {
        let refuse = |problem: String| Err(Failure::new(Kind::Usage, problem));
        let places = [("--out", Some(&self.out)), ("--rest", self.rest.as_ref()), ("--cifar", self.cifar.as_ref())];
        let whole = real(dataset);
        for (flag, place) in places {
            if let Some(place) = place.filter(|place| real(place).starts_with(&whole)) {
                let (place, dataset) = (place.display(), dataset.display());
                return refuse(format!(
                    "{flag} {place} is in the dataset {dataset}, which it would change; give another place"
                ));
            }
        }
        match self.rest.as_ref().filter(|rest| real(rest) == real(&self.out)) {
            Some(rest) => {
                refuse(format!("--rest {} would overwrite what --out gets; give another folder", rest.display()))
            }
            None => Ok(()),
        }
    }

    fn run(self, progress: &Progress) -> Outcome {
        let dataset = assets::dataset(&self.dataset)?;
        let whole = data::open(&dataset, self.seed)?;
        self.spare(&dataset)?;
        for (kind, wanted, there) in [
            ("training and corpus", self.train.saturating_add(self.corpus), whole.train.len()),
            ("test", self.test, whole.test.len()),
        ] {
            if wanted > there {
                let problem = format!("{wanted} {kind} images are asked for, {} has {there}", whole.train.name);
                return Err(Failure::new(Kind::Config, problem));
            }
        }
        let mut training = whole.train.split_balanced(&[self.train, self.corpus], self.seed).into_iter();
        let test = whole.test.split_balanced(&[self.test], self.seed).swap_remove(0);
        let (Some(train), Some(corpus), Some(rest)) = (training.next(), training.next(), training.next()) else {
            unreachable!("two sizes give three parts");
        };
        if let Some(path) = &self.cifar {
            cifar::write(&train, path)?;
        }
        for (folder, stem, part) in [
            (Some(&self.out), "train", train),
            (Some(&self.out), "test", test),
            (Some(&self.out), "corpus", corpus),
            (self.rest.as_ref(), "train", rest),
        ] {
            if let Some(folder) = folder.filter(|_| !part.is_empty()) {
                write(folder, stem, &part, progress)?;
            }
        }
        Ok(())
    }
}

/// Where a path leads that may not be there yet: links and `..` of the part that is are followed.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    for there in absolute.ancestors() {
        if let Ok(real) = there.canonicalize() {
            // An ancestor of a path is a prefix of it.
            return absolute.strip_prefix(there).map_or(real.clone(), |rest| real.join(rest));
        }
    }
    absolute
}

fn write(folder: &Path, stem: &str, part: &Dataset, progress: &Progress) -> Outcome {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot make {}: {error}", folder.display())))?;
    if !part.kind.is_bytes() {
        let file = folder.join(format!("{stem}.csv"));
        output::write(&file, part.to_csv()?)?;
        progress.note(format!("{}: {} {}", file.display(), part.len(), part.kind.plural()));
        return Ok(());
    }
    let rank = if part.shape.channels == 1 { 3 } else { 4 };
    let images = folder.join(format!("{stem}-images-idx{rank}-ubyte.gz"));
    idx::write(part, &images, &folder.join(format!("{stem}-labels-idx1-ubyte.gz")))?;
    if let Some(marker) = Marker::of(part) {
        marker.write(folder)?;
    }
    progress.note(format!("{}: {} {}", images.display(), part.len(), part.kind.plural()));
    Ok(())
}
