//! Beyond the paper: clients that drop out, that misreport costs or labels, that poison, and a server that believes in the wrong prior.

mod belief;
mod costs;
mod dropout;
mod histograms;
mod poisoning;

use super::findings::Findings;
use super::journal::Journal;
use super::world::World;
use imfl_engine::federated::{Aggregation, Attack};
use imfl_run::failure::Outcome;
use serde::{Deserialize, Serialize};

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Probabilities with which a participant is missing from a round.
    pub dropout: Vec<f64>,
    /// What clients say their costs are, times the truth.
    pub costs: Vec<f64>,
    /// Shares of clients that claim labels like the target's.
    pub liars: Vec<f64>,
    /// What the server believes costs are, times the truth.
    pub belief: Vec<f64>,
    /// Clients that send poisoned updates.
    pub poisoning: Poisoning,
    /// Effort per allocation problem of personal offers and auctions.
    pub effort: u64,
}

/// Who poisons, how, and against what.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Poisoning {
    /// As `training.attack` of a run.
    pub attack: Attack,
    /// Numbers of hostile clients.
    pub hostile: Vec<usize>,
    /// As `training.aggregation` of a run.
    pub aggregations: Vec<Aggregation>,
}

/// Runs all five parts.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    let parts = [
        dropout::run(world, journal, seeds, &grid.dropout)?,
        costs::run(world, journal, seeds, &grid.costs, grid.effort)?,
        histograms::run(world, journal, seeds, &grid.liars)?,
        belief::run(world, journal, seeds, &grid.belief)?,
        poisoning::run(world, journal, seeds, &grid.poisoning)?,
    ];
    let mut all = Findings::new([], Vec::new(), &[], Vec::new())?;
    for part in parts {
        all.values.extend(part.values);
        all.tables.extend(part.tables);
        all.figures.extend(part.figures);
        all.notes.extend(part.notes);
    }
    Ok(all)
}

/// Cells of a part: its name, a value and a seed; those of one seed follow each other.
fn cells<'a>(part: &'a str, values: &[f64], seeds: &[u64]) -> Vec<(&'a str, f64, u64)> {
    seeds.iter().flat_map(|&seed| values.iter().map(move |&value| (part, value, seed))).collect()
}
