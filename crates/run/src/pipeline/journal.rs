//! What a run writes down while it trains: a line of metrics and the pay of every round, and its checkpoints.

use super::logs::RunLogs;
use crate::checkpoint::{Checkpoints, Prepared, Resumed};
use crate::config::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::metrics::RoundMetrics;
use crate::progress::Progress;
use crate::run_dir::RunDir;
use imfl_engine::federated::ServerState;
use imfl_mechanism::ledger::{Book, Ledger, Transaction};
use imfl_storage::{JsonLines, Keep};
use std::collections::BTreeMap;

const METRICS: &str = "metrics.jsonl";
const LEDGER: &str = "ledger.jsonl";

/// The durable side of training. A round is acknowledged once it is in here.
pub struct Journal {
    folder: RunDir,
    metrics: JsonLines,
    ledger: Ledger,
    logs: RunLogs,
    checkpoints: Checkpoints,
    every: u64,
    rounds: Vec<RoundMetrics>,
    progress: Progress,
}

impl Journal {
    /// Starts the files of a new run, or opens those of one that goes on where its checkpoint was: lines of metrics after
    /// it are cut off; what was paid after it stays paid, and is not paid again when its rounds are repeated.
    ///
    /// # Errors
    /// A failure that names the file: not writable, or not what it was at the checkpoint.
    pub fn open(
        config: &RunConfig,
        folder: &RunDir,
        prepared: &Prepared,
        resumed: Option<&Resumed>,
        progress: &Progress,
    ) -> Outcome<Self> {
        let text = toml::to_string(config)
            .map_err(|error| Failure::new(Kind::Unexpected, format!("the configuration cannot be saved: {error}")))?;
        let limits = &config.checkpoints;
        let point = resumed.map(|resumed| &resumed.point);
        let checkpoints = match resumed {
            Some(resumed) if !resumed.changed => {
                if config.training.rounds > resumed.config.training.rounds {
                    folder.write("config.toml", &text)?;
                }
                Checkpoints::go_on(folder, limits.keep, text, &resumed.point)
            }
            _ => {
                folder.write("config.toml", &text)?;
                Checkpoints::begin(folder, limits.keep, text, prepared, point.map(|point| point.round))?
            }
        };
        let kept = point.map_or(Keep::Nothing, |point| Keep::Before(&point.metrics));
        let (metrics, rounds) = JsonLines::open(folder.files().as_ref(), &folder.file(METRICS), kept)?;
        let since = point.map(|point| &point.ledger);
        let path = folder.file(LEDGER);
        let ledger = Ledger::open_in(folder.files(), &path, since).map_err(|error| match error {
            imfl_mechanism::Error::Ledger(problem) => {
                Failure::new(Kind::Checkpoint, format!("{}: {problem}", path.display()))
            }
            other => other.into(),
        })?;
        let logs = RunLogs::open(folder, &config.log, &rounds)?;
        Ok(Self {
            folder: folder.clone(),
            metrics,
            ledger,
            logs,
            checkpoints,
            every: limits.every,
            rounds,
            progress: progress.clone(),
        })
    }

    /// Writes down a round and who is paid for it.
    ///
    /// # Errors
    /// A failure that names the file that could not be written.
    pub fn record(&mut self, metrics: RoundMetrics, payments: Vec<Transaction>) -> Outcome {
        self.pay(payments)?;
        self.note(metrics)
    }

    /// Writes down who is paid; what is in the books already is not paid again.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn pay(&mut self, payments: Vec<Transaction>) -> Outcome {
        Ok(self.ledger.post(payments).map(drop)?)
    }

    /// Writes down a round.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn note(&mut self, metrics: RoundMetrics) -> Outcome {
        self.metrics.append(&metrics)?;
        self.logs.write(&metrics)?;
        self.rounds.push(metrics);
        Ok(())
    }

    /// Saves a checkpoint if it is time for one: says whether the state is saved.
    ///
    /// # Errors
    /// As [`Journal::save`].
    pub fn save_if_due(&mut self, state: &ServerState, last: bool) -> Outcome<bool> {
        let due = self.every > 0 && (last || state.round.is_multiple_of(self.every));
        if due {
            self.save(state)?;
        }
        Ok(due)
    }

    /// Saves a checkpoint.
    ///
    /// # Errors
    /// A failure that names the file that could not be written; earlier checkpoints are whole then.
    pub fn save(&mut self, state: &ServerState) -> Outcome {
        self.checkpoints.save(state, self.metrics.position(), self.ledger.position(), &self.progress)
    }

    /// Writes the final model, with what is to be known about it by whoever loads it elsewhere.
    ///
    /// # Errors
    /// A failure that names the file that could not be written.
    pub fn finish(&self, state: &ServerState, about: &BTreeMap<&str, String>) -> Outcome {
        let model = state.weights.to_safetensors_about(about).map_err(|error| Failure::new(Kind::Unexpected, error))?;
        self.folder.write("model.safetensors", model)
    }

    /// The folder of the run.
    pub fn folder(&self) -> &RunDir {
        &self.folder
    }

    /// What was paid so far.
    pub fn book(&self) -> &Book {
        self.ledger.book()
    }

    /// Every round so far.
    pub fn rounds(&self) -> &[RoundMetrics] {
        &self.rounds
    }
}
