//! The report of a run: plots as SVG files, and one page that holds them all.

pub mod chart;
pub mod comparison;
pub mod grid;
mod page;
pub mod plot;

use crate::failure::{Failure, Kind, Outcome};
use crate::pipeline::{Allocation, Profile, Setup, Summary, Training};
use crate::run_dir::RunDir;
use imfl_engine::data::Dataset;
use std::fmt::Display;

/// A plot: the name of its file, what it shows, and the picture.
pub struct Figure {
    /// File name without ending.
    pub name: &'static str,
    /// One sentence under the picture.
    pub caption: String,
    /// A whole SVG document.
    pub svg: String,
}

/// Writes `plots/*.svg`, `plots/generated.png` and `report.html`.
///
/// # Errors
/// A failure that names the file that could not be written.
pub fn write(
    setup: &Setup,
    profile: &Profile,
    allocation: &Allocation,
    training: &Training,
    summary: &Summary,
    folder: &RunDir,
) -> Outcome {
    let mut figures = Vec::new();
    if !training.rounds.is_empty() {
        figures.push(plot::accuracy(&training.rounds)?);
    }
    figures.push(plot::shares(profile, training, &setup.train.class_names)?);
    figures.push(plot::pay(allocation)?);
    figures.push(plot::price(allocation)?);
    for figure in &figures {
        folder.write(&format!("plots/{}.svg", figure.name), &figure.svg)?;
    }
    let grid = examples(training).map(|images| grid::png(&images)).transpose()?;
    if let Some(grid) = &grid {
        folder.write("plots/generated.png", grid)?;
    }
    let config = toml::to_string(&setup.config).map_err(unexpected)?;
    folder.write("report.html", page::render(summary, &figures, grid.as_deref(), &config))
}

/// Up to ten generated images of each class that clients got.
fn examples(training: &Training) -> Option<Dataset> {
    let generated = training.generated.as_deref()?;
    let picks = generated.by_class().into_iter().flat_map(|class| class.into_iter().take(grid::COLUMNS));
    Some(generated.select(&picks.collect::<Vec<u32>>()))
}

fn unexpected(error: impl Display) -> Failure {
    Failure::new(Kind::Unexpected, format!("cannot make the report: {error}"))
}
