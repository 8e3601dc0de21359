//! Anybody's generator: samples that were drawn elsewhere, or a program that draws them.

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
    let learnt = learnt(config, benchmark, progress)?;
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

/// A program that is called for samples.
pub fn command(config: &RunConfig, command: &str, benchmark: &Benchmark, progress: &Progress) -> Outcome<Found> {
    let learnt = learnt(config, benchmark, progress)?;
    let wrong = |problem: &str| {
        Failure::new(
            Kind::Config,
            format!(
                "generator.source: {problem} in `command:{command}`; write command:\"PROGRAM ARGS\", quoted as in a shell"
            ),
        )
    };
    let words = shlex::split(command).ok_or_else(|| wrong("a quote is not closed"))?;
    let Some(program) = words.first().cloned() else { return Err(wrong("no program is named")) };
    let limit = Duration::from_secs_f64(config.generator.limit_seconds);
    let like = match benchmark.train.kind.as_ref() {
        // Its rows say what takes the place of a missing word.
        data::Kind::Table(_) => benchmark.train.clone(),
        _ => benchmark.train.select(&[]),
    };
    let source = Program::new(words, limit, like, config.reading(), &learnt)?;
    let provenance = Provenance::of_others(Origin::Command, program.into(), learnt.first());
    Ok((Arc::new(source), provenance))
}

/// What the generator behind the samples may have learnt from, if its user says so.
fn learnt(config: &RunConfig, benchmark: &Benchmark, progress: &Progress) -> Outcome<Vec<Dataset>> {
    let Some(name) = &config.generator.learnt else {
        progress.warn(
            "nobody has said what these samples' generator learnt from: had it seen samples of the test, the accuracy would be too good \
             (`--learnt PATH` names what it has seen, and no client or test may hold any of it)",
        );
        return Ok(Vec::new());
    };
    Ok(data::training_like(&assets::dataset(name)?, &benchmark.train, config.reading())?)
}
