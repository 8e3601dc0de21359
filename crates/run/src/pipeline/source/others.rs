//! Anybody's generator: images that were drawn elsewhere, or a program that draws them.

use super::super::provenance::{Origin, Provenance};
use super::Found;
use crate::assets;
use crate::config::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::progress::Progress;
use imfl_aigc::{Folder, Program, SampleSource};
use imfl_engine::data::{self, Benchmark, Dataset, folder, sound};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Images or sounds of a folder with a folder for each class; where the dataset is a table or texts, a labelled CSV file like its own.
pub fn folder(config: &RunConfig, path: &Path, benchmark: &Benchmark, progress: &Progress) -> Outcome<Found> {
    let learnt = learnt(config, progress)?;
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let samples = match benchmark.train.kind.as_ref() {
        data::Kind::Images => folder::read_as(path, &name, Some(benchmark.train.shape.channels))?,
        data::Kind::Table(_) | data::Kind::Text(_) => data::read_like(path, &benchmark.train, config.reading())?,
        data::Kind::Sound(_) => sound::read_like(path, &benchmark.train, &name)?,
    };
    let source = Folder::new(&samples, &benchmark.train.class_names, &learnt)?;
    source.check_fits(&benchmark.train)?;
    let counts = source.stock().unwrap_or_default();
    progress.note(format!(
        "{name}: {} {} drawn elsewhere, {} to {} of a class",
        samples.len(),
        samples.kind.plural(),
        counts.iter().min().unwrap_or(&0),
        counts.iter().max().unwrap_or(&0)
    ));
    let provenance = Provenance::of_others(Origin::Folder, path.into(), learnt.first());
    Ok((Arc::new(source), provenance))
}

/// A program that is called for images.
pub fn command(config: &RunConfig, command: &str, benchmark: &Benchmark, progress: &Progress) -> Outcome<Found> {
    let learnt = learnt(config, progress)?;
    let wrong = |problem: &str| {
        Failure::new(
            Kind::Config,
            format!(
                "generator.source: {problem} in `command:{command}`; write command:\"PROGRAM ARGS\", quoted as in a shell"
            ),
        )
    };
    if *benchmark.train.kind != data::Kind::Images {
        let (name, plural) = (&benchmark.train.name, benchmark.train.kind.plural());
        let place = match benchmark.train.kind.is_bytes() {
            true => "to a folder for each class, and take them by folder:FOLDER",
            false => "to a file, and take that by folder:FILE.csv",
        };
        let problem =
            format!("generator.source: a command draws images, and {name} has {plural}; have it write them {place}");
        return Err(Failure::new(Kind::Config, problem));
    }
    let words = shlex::split(command).ok_or_else(|| wrong("a quote is not closed"))?;
    let Some(program) = words.first().cloned() else { return Err(wrong("no program is named")) };
    let limit = Duration::from_secs_f64(config.generator.limit_seconds);
    let Dataset { shape, class_names, .. } = &benchmark.train;
    let source = Program::new(words, limit, *shape, class_names, &learnt)?;
    let provenance = Provenance::of_others(Origin::Command, program.into(), learnt.first());
    Ok((Arc::new(source), provenance))
}

/// What the generator behind the images may have learnt from, if its user says so.
fn learnt(config: &RunConfig, progress: &Progress) -> Outcome<Vec<Dataset>> {
    let Some(name) = &config.generator.learnt else {
        progress.warn(
            "nobody has said what these images' generator learnt from: had it seen test images, the accuracy would be too good \
             (`--learnt PATH` names its images, and no client or test may hold one of them)",
        );
        return Ok(Vec::new());
    };
    Ok(data::training_images(&assets::dataset(name)?, config.reading())?)
}
