//! The report of one run.

use crate::figure::{self, unexpected};
use crate::section::{self, Material};
use crate::{grid, network, page, plot, texts};
use imfl_engine::data::Dataset;
use imfl_run::pipeline::Training;
use imfl_run::{Event, Finished, Outcome};
use std::time::Instant;

/// Writes `plots/*.svg`, `plots/generated.png` (of tables and texts `plots/generated.csv`) and `report.html` into the run's folder, and adds the time that this took to the
/// run's summary.
///
/// # Errors
/// A failure that names the file that could not be written.
pub fn write(finished: &mut Finished) -> Outcome {
    let progress = finished.setup.progress.clone();
    progress.tell(&Event::StageBegan("report"));
    let began = Instant::now();
    leave(finished)?;
    let seconds = began.elapsed().as_secs_f64();
    progress.tell(&Event::StageEnded("report", seconds));
    finished.add_seconds("report", seconds)
}

fn leave(finished: &Finished) -> Outcome {
    let Finished { folder, setup, profile, allocation, training, summary, .. } = finished;
    let stored = serde_json::to_value(summary).map_err(unexpected)?;
    let mut figures = Vec::new();
    if !training.rounds.is_empty() {
        figures.push(plot::accuracy(&training.rounds, stored["predicted"]["accuracy"].as_f64()));
    }
    figures.extend(network::figures(&training.rounds)?);
    figures.push(plot::shares(profile, training, &setup.train.class_names));
    figures.push(plot::pay(&allocation.outcome.awards));
    figures.push(plot::price(&allocation.curve, &allocation.outcome, allocation.outcome.estimate.is_none()));
    for figure in &figures {
        folder.write(&figure::wide(figure.name), &figure.svg)?;
    }
    let grid = examples(training).map(|images| grid::png(&images)).transpose()?;
    if let Some(grid) = &grid {
        folder.write("plots/generated.png", grid)?;
    }
    let generated = training.generated.as_deref();
    if let Some(lines) = generated.and_then(|generated| texts::csv(generated, grid::COLUMNS)) {
        folder.write("plots/generated.csv", lines)?;
    }
    let lines = generated.and_then(|generated| texts::table(&setup.train, generated));
    let config = toml::to_string(&setup.config).map_err(unexpected)?;
    let material = Material {
        finished,
        summary: &stored,
        figures: &figures,
        generated: grid.as_deref(),
        texts: lines.as_ref(),
        config: &config,
    };
    let title = format!("imfl run: {}", summary.dataset);
    folder.write("report.html", page::document(&title, &section::all(&material)))
}

/// Up to ten generated images of each class that clients got; nothing where samples are no pictures.
fn examples(training: &Training) -> Option<Dataset> {
    let generated = training.generated.as_deref().filter(|generated| generated.kind.is_bytes())?;
    let picks = generated.by_class().into_iter().flat_map(|class| class.into_iter().take(grid::COLUMNS));
    Some(generated.select(&picks.collect::<Vec<u32>>()))
}
