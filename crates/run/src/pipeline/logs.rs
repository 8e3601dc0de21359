//! What a run writes for other programs beside `metrics.jsonl`, which stays what counts: the files are made of it, and made again when a
//! run goes on.

use crate::config::{Log, Logs};
use crate::events;
use crate::failure::{Failure, Kind, Outcome};
use crate::metrics::RoundMetrics;
use crate::run_dir::RunDir;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A scalar of a round: its name and how it is read off.
type Scalar = (&'static str, fn(&RoundMetrics) -> f64);

/// Columns of the table and tags of the events.
const SCALARS: [Scalar; 10] = [
    ("accuracy", |round| round.accuracy),
    ("loss", |round| round.loss),
    ("train_loss", |round| round.train_loss),
    ("samples", |round| round.samples as f64),
    ("seconds", |round| round.seconds),
    ("asked", |round| round.cohort.len() as f64),
    ("dropped", |round| round.dropped.len() as f64),
    ("late", |round| round.late.len() as f64),
    ("rejected", |round| round.rejected.len() as f64),
    ("skipped", |round| f64::from(u8::from(round.skipped))),
];

/// The open files.
pub struct RunLogs(Vec<(Log, PathBuf, File)>);

impl RunLogs {
    /// Writes the rounds so far.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn open(folder: &RunDir, logs: &Logs, rounds: &[RoundMetrics]) -> Outcome<Self> {
        let mut files = Vec::new();
        for log in logs.iter() {
            let (path, head) = match log {
                Log::Csv => (folder.file("metrics.csv"), header()),
                Log::TensorBoard => (folder.file("tensorboard/events.out.tfevents.0.imfl"), events::head(now())),
            };
            let open = || -> std::io::Result<File> {
                path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                let mut file = File::create(&path)?;
                file.write_all(&head)?;
                Ok(file)
            };
            let file = open().map_err(|error| unwritable(&path, error))?;
            files.push((log, path, file));
        }
        let mut logs = Self(files);
        rounds.iter().try_for_each(|round| logs.write(round))?;
        Ok(logs)
    }

    /// Adds a round.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn write(&mut self, round: &RoundMetrics) -> Outcome {
        for (log, path, file) in &mut self.0 {
            let line = match log {
                Log::Csv => row(round),
                Log::TensorBoard => {
                    let values = SCALARS.map(|(name, of)| (name, of(round)));
                    events::scalars(now(), round.round, &values)
                }
            };
            file.write_all(&line).map_err(|error| unwritable(path, error))?;
        }
        Ok(())
    }
}

fn header() -> Vec<u8> {
    let names: Vec<&str> = SCALARS.iter().map(|(name, _)| *name).collect();
    format!("round,{}\n", names.join(",")).into_bytes()
}

fn row(round: &RoundMetrics) -> Vec<u8> {
    let values: Vec<String> = SCALARS.iter().map(|(_, of)| of(round).to_string()).collect();
    format!("{},{}\n", round.round, values.join(",")).into_bytes()
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn unwritable(path: &std::path::Path, error: std::io::Error) -> Failure {
    Failure::new(Kind::Unexpected, format!("cannot write {}: {error}", path.display()))
}
