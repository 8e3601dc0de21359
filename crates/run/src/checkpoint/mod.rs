//! Checkpoints of a whole run, in the run's folder under `checkpoints/`:
//!
//! - `prepared-NNNNNN/`: what was measured, decided and generated before round `NNNNNN + 1`;
//! - `round-NNNNNN/`: the server after a round (model, moments, control variates, late updates), how far `metrics.jsonl` and
//!   `ledger.jsonl` had come, the configuration, and which `prepared-*` it belongs to.
//!
//! Both are sealed folders: whole or not there, with a SHA-256 of every part. Random numbers need no state of their own,
//! since each is keyed by seed and round.

mod known;
mod prepared;
mod resume;

pub use known::Known;
pub use prepared::{Prepared, digest};
pub use resume::{Resumed, resume};

use crate::failure::{Failure, Kind, Outcome};
use crate::progress::Progress;
use crate::run_dir::RunDir;
use imfl_engine::federated::ServerState;
use imfl_storage::{Position, seal};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The folder of checkpoints in the folder of a run.
const FOLDER: &str = "checkpoints";
/// Format of a round's checkpoint; the number is its version.
const FORMAT: &str = "imfl.checkpoint/1";
/// Where every name of a round's checkpoint starts.
const ROUND: &str = "round-";

/// What the manifest of a round's checkpoint says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Rounds that are done.
    pub round: u64,
    /// How far `metrics.jsonl` had come.
    pub metrics: Position,
    /// How far `ledger.jsonl` had come.
    pub ledger: Position,
    /// The sealed folder of what was there before training.
    pub prepared: Reference,
    /// The resolved configuration, as in `config.toml`.
    pub config: String,
}

/// A sealed folder, by name and content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Its name under `checkpoints/`.
    pub folder: String,
    /// SHA-256 of its manifest.
    pub sha256: String,
}

/// Where a run saves its checkpoints, and how many it keeps.
#[derive(Debug)]
pub struct Checkpoints {
    folder: RunDir,
    /// The newest checkpoints that are kept; at least 1.
    keep: usize,
    config: String,
    prepared: Reference,
    /// The newest round that is saved.
    newest: Option<u64>,
}

impl Checkpoints {
    /// Saves what was there before training, for the checkpoints that will follow. `from` is the round that a run with
    /// changed settings goes on after: it has a checkpoint already.
    ///
    /// # Errors
    /// A failure that names the file that could not be written.
    pub fn begin(
        folder: &RunDir,
        keep: usize,
        config: String,
        prepared: &Prepared,
        from: Option<u64>,
    ) -> Outcome<Self> {
        let files = folder.files().as_ref();
        let path = folder.file(FOLDER);
        files.create_folder(&path).and_then(|()| files.sync_folder(folder.path())).map_err(|source| {
            let error = imfl_storage::StorageError::Write { path: path.clone(), source };
            Failure::from(error)
        })?;
        let prepared = prepared.save(files, &path, from.unwrap_or(0))?;
        Ok(Self { folder: folder.clone(), keep, config, prepared, newest: from })
    }

    /// Goes on where a run was resumed.
    pub fn go_on(folder: &RunDir, keep: usize, config: String, from: &Point) -> Self {
        let (prepared, newest) = (from.prepared.clone(), Some(from.round));
        Self { folder: folder.clone(), keep, config, prepared, newest }
    }

    /// Saves the state after a round, unless it is saved, and removes the checkpoints that are too many.
    ///
    /// # Errors
    /// A failure that names the file that could not be written; earlier checkpoints are whole then.
    pub fn save(&mut self, state: &ServerState, metrics: Position, ledger: Position, progress: &Progress) -> Outcome {
        if self.newest == Some(state.round) {
            return Ok(());
        }
        let unwritable = |error| Failure::new(Kind::Unexpected, format!("the model cannot be saved: {error}"));
        let parts = state.to_parts().map_err(unwritable)?;
        let (prepared, config) = (self.prepared.clone(), self.config.clone());
        let point = Point { round: state.round, metrics, ledger, prepared, config };
        let files = self.folder.files().as_ref();
        seal(files, &round_folder(&self.folder, state.round), FORMAT, point, &parts)?;
        self.newest = Some(state.round);
        let saved = rounds(&self.folder)?;
        for old in &saved[..saved.len().saturating_sub(self.keep)] {
            let path = round_folder(&self.folder, *old);
            if let Err(error) = files.remove_folder(&path) {
                progress.warn(format!("cannot remove the old checkpoint {}: {error}", path.display()));
            }
        }
        Ok(())
    }
}

/// The rounds that have a checkpoint, in order.
fn rounds(folder: &RunDir) -> Outcome<Vec<u64>> {
    let path = folder.file(FOLDER);
    let names = match folder.files().list(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(|source| imfl_storage::StorageError::Read { path, source })?,
    };
    let mut rounds: Vec<u64> =
        names.iter().filter_map(|name| name.to_str()?.strip_prefix(ROUND)?.parse().ok()).collect();
    rounds.sort_unstable();
    Ok(rounds)
}

fn round_folder(folder: &RunDir, round: u64) -> PathBuf {
    folder.file(FOLDER).join(format!("{ROUND}{round:06}"))
}

#[cfg(test)]
mod tests;
