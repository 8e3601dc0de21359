//! Does a measure of generated images predict what they do for federated training?
//!
//! Generators of different training length and corrupted ones compete. Each fills the classes that skewed clients miss;
//! how much accuracy federated averaging gains by that is compared, by rank, with theta and with FID.

mod contestants;
pub mod plot;
mod settings;
mod table;
mod trial;

pub use settings::Settings;
pub use table::{Ranking, Row, Table};

use contestants::Contestants;
use imfl_run::failure::Outcome;
use imfl_run::host::Host;
use trial::Trial;

/// Lets all compete in every trial.
///
/// # Errors
/// A failure that names the setting, file or image count that does not fit.
pub fn run(settings: &Settings, host: &Host) -> Outcome<Table> {
    settings.check()?;
    let contestants = Contestants::open(settings, host)?;
    let mut trials = Vec::new();
    for seed in (settings.assess.seed..).take(usize::try_from(settings.trials).unwrap_or(usize::MAX)) {
        trials.push(Trial::run(settings, &contestants, seed, host)?);
        host.progress.note(format!("trial {} of {} (seed {seed}) is done", trials.len(), settings.trials));
    }
    Table::new(&contestants.names(), &trials)
}
