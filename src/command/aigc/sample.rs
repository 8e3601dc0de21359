//! `imfl aigc sample`.

use crate::options::{Machine, Sampler};
use crate::output::write;
use clap::Args;
use imfl_aigc::{Generator, Request, SampleSource};
use imfl_engine::data::sound::{Marker, wav};
use imfl_engine::data::{self, Dataset, idx};
use imfl_engine::worker;
use imfl_report::grid;
use imfl_run::pipeline::Setup;
use imfl_run::{Estimate, Failure, Host, Kind, Outcome, RunConfig, assets, limits};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Draw images from a generator: a grid, and on request single PNG files or IDX files with labels. Of a generator of sounds, the grid shows
/// spectrograms, and every sound is a WAV file as well: a sound folder. Of a generator of a table or of texts, generated.csv has them.
///
/// The image of a class, seed and number is the same whatever else is drawn with it.
#[derive(Args)]
pub struct Sample {
    /// A shipped generator's name (mnist, letters, notes) or a checkpoint's path; with --dataset whatever a run takes, as ngram
    #[arg(long, default_value = "mnist")]
    generator: String,
    /// Draw what a run on this table or these texts would get of the generator, and write it as generated.csv
    #[arg(long, conflicts_with_all = ["png", "idx", "strip", "Sampler"])]
    dataset: Option<String>,
    /// The folder for grid.png (of a table or texts, generated.csv) and what else is asked for
    #[arg(long)]
    out: PathBuf,
    /// Images of each class
    #[arg(long, default_value_t = 10)]
    count: usize,
    /// Only these classes, by name or number
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// Number of the first image
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Seed of the initial noise
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    seed: u64,
    /// Also write every image as CLASS/NUMBER.png: an image folder
    #[arg(long)]
    png: bool,
    /// Also write all images with labels as gzipped IDX
    #[arg(long)]
    idx: bool,
    /// Also draw strip.png: how one image of each class comes out of the noise, one evaluation a column
    #[arg(long)]
    strip: bool,
    #[command(flatten)]
    sampler: Sampler,
    #[command(flatten)]
    machine: Machine,
}

/// Sounds that are held as WAV files before they are written.
const SOUNDS_AT_A_TIME: usize = 64;

impl Sample {
    /// Draws and writes.
    pub fn run(self, host: &Host) -> Outcome {
        if let Some(dataset) = &self.dataset {
            return self.rows(dataset, host);
        }
        let generator = self.sampler.apply(Generator::open(&assets::generator(&self.generator)?)?)?;
        let compute = self.machine.open()?;
        let counts = self.counts(generator.class_names())?;
        self.check(&generator, &counts, host)?;
        let requests = Request::of_counts(&counts, self.first);
        let plural = generator.kind().plural();
        let is_rows = !generator.kind().is_bytes();
        if let Some((flag, _)) = [("--png", self.png), ("--idx", self.idx), ("--strip", self.strip)]
            .into_iter()
            .find(|(_, set)| is_rows && *set)
        {
            return Err(Failure::new(
                Kind::Usage,
                format!("{flag} is for pictures, and `{}` draws {plural}", self.generator),
            ));
        }
        host.progress.note(format!("drawing {} {plural}", requests.len()));
        let bar = host.progress.task("drawing", requests.len() as u64);
        let images = generator.draw(&requests, self.seed, &compute, &mut |done, _| {
            bar.set(done as u64);
            ControlFlow::Continue(())
        })?;
        drop(bar);
        folder(&self.out)?;
        if is_rows {
            return self.table(&images, host);
        }
        write(&self.out.join("grid.png"), &grid::png(&images)?)?;
        if self.idx {
            let rank = if images.shape.channels == 1 { 3 } else { 4 };
            let pixels = self.out.join(format!("train-images-idx{rank}-ubyte.gz"));
            idx::write(&images, &pixels, &self.out.join("train-labels-idx1-ubyte.gz"))?;
            if let Some(marker) = Marker::of(&images) {
                marker.write(&self.out)?;
            }
        }
        self.sounds(&images, &requests, compute.workers)?;
        if self.png {
            for (index, request) in requests.iter().enumerate() {
                let class = self.out.join("images").join(&images.class_names[images.label(index)]);
                folder(&class)?;
                write(&class.join(format!("{:05}.png", request.index)), &grid::single(&images, index)?)?;
            }
        }
        if self.strip {
            let mut firsts = requests.clone();
            firsts.dedup_by_key(|request| request.label);
            let path = generator.path(&firsts, self.seed, &compute.device)?;
            write(&self.out.join("strip.png"), &grid::rows(&path, path.len() / firsts.len())?)?;
        }
        host.progress.note(format!("{} {plural} in {}", images.len(), self.out.display()));
        Ok(())
    }

    /// Writes every sound as CLASS/NUMBER.wav, if these are pictures of sounds.
    fn sounds(&self, pictures: &Dataset, requests: &[Request], workers: usize) -> Outcome {
        let data::Kind::Sound(settings) = pictures.kind.as_ref() else { return Ok(()) };
        let all: Vec<usize> = (0..requests.len()).collect();
        for piece in all.chunks(SOUNDS_AT_A_TIME) {
            let files = worker::map(workers, piece.len(), |place| {
                wav(&settings.waveform(pictures.image(piece[place])), settings.rate)
            });
            for (file, &index) in files.iter().zip(piece) {
                let class = self.out.join("sounds").join(&pictures.class_names[pictures.label(index)]);
                folder(&class)?;
                write(&class.join(format!("{:05}.wav", requests[index].index)), file)?;
            }
        }
        Ok(())
    }

    /// Draws rows or texts by a generator that a run would make, and writes them.
    fn rows(&self, dataset: &str, host: &Host) -> Outcome {
        let mut config = RunConfig { dataset: dataset.into(), seed: Some(self.seed), ..RunConfig::default() };
        config.generator.source = self.generator.clone().into();
        (config.device, config.workers) = (self.machine.name()?, self.machine.workers);
        limits::workers(config.workers)?;
        let setup = Setup::open(config, host)?;
        if setup.train.kind.is_bytes() {
            let problem =
                format!("--dataset is for tables and texts, and {} has images: leave it out", setup.train.name);
            return Err(Failure::new(Kind::Usage, problem));
        }
        let Some(generator) = setup.generator.as_deref() else {
            return Err(Failure::new(Kind::Usage, "--generator none draws nothing"));
        };
        let counts = self.counts(generator.class_names())?;
        let count = counts.iter().fold(0usize, |sum, &count| sum.saturating_add(count));
        let size = setup.train.kind.record(setup.train.shape);
        // Stored, and as text.
        Estimate::default().with(format!("{count} samples"), &[count, 8 * size + 64], "--count").check(host.memory)?;
        let drawn = setup.draw(generator, &Request::of_counts(&counts, self.first), "drawing")?;
        folder(&self.out)?;
        self.table(&drawn, host)
    }

    /// Writes rows or texts.
    fn table(&self, drawn: &Dataset, host: &Host) -> Outcome {
        let file = self.out.join("generated.csv");
        write(&file, drawn.to_csv()?.as_bytes())?;
        host.progress.note(format!("{}: {} {}", file.display(), drawn.len(), drawn.kind.plural()));
        Ok(())
    }

    /// Refuses more images than memory holds and numbers beyond the last.
    fn check(&self, generator: &Generator, counts: &[usize], host: &Host) -> Outcome {
        let count = counts.iter().fold(0usize, |sum, &count| sum.saturating_add(count));
        let values = generator.description().denoiser.shape.size();
        let each = if generator.kind().is_bytes() { 4 } else { 12 };
        // As values and as bytes, drawn and in a picture or as text.
        Estimate::default()
            .with(format!("{count} images"), &[count, each * values + 64], "--count")
            .check(host.memory)?;
        match self.first.checked_add(count as u64) {
            Some(_) => Ok(()),
            None => Err(Failure::new(Kind::Config, format!("--first must leave room for {count} images below 2^64"))),
        }
    }

    /// Images of each class.
    fn counts(&self, names: &[String]) -> Outcome<Vec<usize>> {
        if self.classes.is_empty() {
            return Ok(vec![self.count; names.len()]);
        }
        let mut counts = vec![0; names.len()];
        for wanted in &self.classes {
            let known = names.iter().position(|name| name == wanted);
            let numbered = || wanted.parse().ok().filter(|&class: &usize| class < names.len());
            let Some(class) = known.or_else(numbered) else {
                let problem = format!("the generator has no class `{wanted}`; it has: {}", names.join(", "));
                return Err(Failure::new(Kind::Usage, problem));
            };
            counts[class] = self.count;
        }
        Ok(counts)
    }
}

/// Makes a folder and those that it is in.
fn folder(path: &Path) -> Outcome {
    std::fs::create_dir_all(path)
        .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot make {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use crate::command::aigc::Aigc;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        aigc: Aigc,
    }

    #[test]
    fn classes_are_split_at_commas() {
        let line = Line::try_parse_from(["aigc", "sample", "--out", "o", "--classes", "cat,3"]).unwrap();
        let Aigc::Sample(sample) = line.aigc else { panic!("another subcommand") };
        assert_eq!(sample.classes, ["cat", "3"]);
    }
}
