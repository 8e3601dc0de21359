//! Finding a checkpoint and going on from it.

use super::{FOLDER, FORMAT, Point, Prepared, ROUND, round_folder, rounds};
use crate::config::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::host::Host;
use crate::run_dir::{RunDir, numbered};
use imfl_engine::federated::ServerState;
use imfl_engine::parameters::Layout;
use imfl_storage::{FileSystem, Parts, StorageError, unseal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A run that goes on.
#[derive(Debug)]
pub struct Resumed {
    /// The folder of the run.
    pub folder: RunDir,
    /// Where it had come.
    pub point: Point,
    /// What was there before training.
    pub prepared: Prepared,
    /// The configuration it ran with.
    pub config: RunConfig,
    /// Whether it goes on with another configuration.
    pub changed: bool,
    parts: Parts,
}

/// Locks the run that `from` names and reads its checkpoint: `latest` (the newest run under `runs` that has one), the folder of a run
/// (its newest one), or a checkpoint's own folder. Of several ranks the first has the lock, before any of them reads.
///
/// # Errors
/// A failure of kind [`Kind::Checkpoint`] that names the folder or file and what is wrong with it, or the process that has it.
pub fn resume(host: &Host, from: &str, runs: &Path) -> Outcome<Resumed> {
    let Host { files, ranks, .. } = host;
    let (folder, asked) = find(files, from, runs)?;
    let folder = if ranks.is_first() { folder.locked()? } else { folder };
    ranks.barrier();
    // Found under the lock: whoever had it before may have gone on.
    let newest = || {
        let round = rounds(&folder)?.last().copied();
        let none = "has no checkpoint; expected `latest`, a run's folder or a checkpoint's folder";
        round.ok_or_else(|| Failure::new(Kind::Checkpoint, format!("{from} {none}")))
    };
    let round = asked.map_or_else(newest, Ok)?;
    let path = round_folder(&folder, round);
    let newer: Vec<u64> = rounds(&folder)?.into_iter().filter(|newer| *newer > round).collect();
    if let Some(newer) = newer.first() {
        return fail(format!(
            "{} is not the newest checkpoint: resume from {}, or move that away first",
            path.display(),
            round_folder(&folder, *newer).display()
        ));
    }
    let sealed = unseal::<Point>(files.as_ref(), &path, FORMAT).map_err(|error| broken(&folder, round, error))?;
    let point = sealed.about;
    let manifest = path.join("manifest.json");
    let damaged = |problem: String| Failure::from(StorageError::Damaged { path: manifest.clone(), problem });
    if point.round != round {
        return Err(damaged(format!("it is of round {}", point.round)));
    }
    let config: RunConfig =
        toml::from_str(&point.config).map_err(|error| damaged(format!("its configuration is broken: {error}")))?;
    let prepared = Prepared::load(files.as_ref(), &folder.file(FOLDER), &point.prepared)?;
    Ok(Resumed { folder, point, prepared, config, changed: false, parts: sealed.parts })
}

impl Resumed {
    /// Goes on with this configuration. Differences are refused unless `allowed`; those that do not change the result
    /// (where it is computed, how often it is saved) never are, and neither are more rounds: pay stays decided for those that it was
    /// decided for, and each further round is paid like them. A private run was accounted for its rounds, and is longer only if `allowed`.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that names every key that differs.
    pub fn with(mut self, config: &mut RunConfig, allowed: bool) -> Outcome<Self> {
        if !allowed && self.is_longer(config) {
            if config.privacy.is_asked() {
                let problem = format!(
                    "the run is private, and its account was opened for {} rounds: more of them need --resume-changed, which goes on \
                     under a new secret and keeps what was spent, and an epsilon that reaches (`privacy.epsilon`)",
                    self.config.training.rounds
                );
                return Err(Failure::new(Kind::Config, problem));
            }
            config.mechanism.rounds = Some(self.config.priced_rounds());
            return Ok(self);
        }
        let differences = self.config.differences(config);
        self.changed = !differences.is_empty();
        if self.changed && !allowed {
            let problem = format!(
                "the run was started with another configuration: {}; pass --resume-changed to go on with the new one (more rounds alone need no flag)",
                differences.join(", ")
            );
            return Err(Failure::new(Kind::Config, problem));
        }
        Ok(self)
    }

    /// Whether this configuration asks for more rounds, and for nothing else.
    fn is_longer(&self, config: &RunConfig) -> bool {
        let mut longer = self.config.clone();
        longer.training.rounds = config.training.rounds;
        config.training.rounds > self.config.training.rounds && longer.differences(config).is_empty()
    }

    /// The server as it was.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Checkpoint`] that names the file that does not fit the model.
    pub fn state(&self, layout: &Arc<Layout>) -> Outcome<ServerState> {
        ServerState::from_parts(layout, self.point.round, &self.parts).map_err(|error| {
            let path = round_folder(&self.folder, self.point.round);
            Failure::new(Kind::Checkpoint, format!("{}: {error}", path.display()))
        })
    }
}

/// The run, and its round if one is asked for.
fn find(files: &Arc<dyn FileSystem>, from: &str, runs: &Path) -> Outcome<(RunDir, Option<u64>)> {
    let open = |path: PathBuf| RunDir::open(files.clone(), path);
    if from == "latest" {
        for (_, path) in numbered(runs).into_iter().rev() {
            let folder = open(path);
            if !rounds(&folder)?.is_empty() {
                return Ok((folder, None));
            }
        }
        return fail(format!("no run under {} has a checkpoint; start one without --resume", runs.display()));
    }
    let path = Path::new(from);
    let round = path.file_name().and_then(|name| name.to_str()?.strip_prefix(ROUND)?.parse().ok());
    if let (Some(round), Some(folder)) = (round, path.parent().and_then(Path::parent)) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if !folder.is_dir() {
            return fail(format!("there is no run {}", folder.display()));
        }
        return Ok((open(folder.into()), Some(round)));
    }
    // Nothing is locked that is no run.
    match path.join(FOLDER).is_dir() {
        true => Ok((open(path.into()), None)),
        false => fail(format!("{from} has no checkpoint; expected `latest`, a run's folder or a checkpoint's folder")),
    }
}

/// The error of a broken checkpoint, with the way to an older one.
fn broken(folder: &RunDir, round: u64, error: StorageError) -> Failure {
    let older = rounds(folder).unwrap_or_default().into_iter().rfind(|older| *older < round);
    let hint = older.map_or_else(String::new, |older| {
        let (path, older) = (round_folder(folder, round), round_folder(folder, older));
        format!("; move {} away to resume from {}", path.display(), older.display())
    });
    Failure::new(Kind::Checkpoint, format!("{error}{hint}"))
}

fn fail<T>(problem: String) -> Outcome<T> {
    Err(Failure::new(Kind::Checkpoint, problem))
}
