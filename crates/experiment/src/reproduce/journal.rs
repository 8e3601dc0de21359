//! The folder of an experiment: what was asked, what was measured, and one line for each finished cell of its grid.

use imfl_ranks::Ranks;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::progress::Progress;
use imfl_storage::{Disk, FileSystem, JsonLines, Keep, Lock, StorageError, remove, replace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file of cells.
const CELLS: &str = "cells.jsonl";
/// Name of the file that says what was asked.
const SETTINGS: &str = "settings.toml";

/// One line of the file of cells.
#[derive(Serialize, Deserialize)]
struct Line {
    cell: Value,
    result: Value,
    seconds: f64,
}

/// Finished cells by their coordinates.
pub struct Journal {
    folder: PathBuf,
    /// The processes that share the cells.
    ranks: Ranks,
    /// Only the first process has the folder; for the others it is empty and takes nothing.
    kept: Option<Kept>,
    done: BTreeMap<String, Value>,
    seconds: f64,
    progress: Progress,
}

/// The folder in the hands of the one process that writes it.
struct Kept {
    files: Arc<dyn FileSystem>,
    cells: JsonLines,
    _lock: Lock,
}

impl Journal {
    /// Opens a folder, or makes it. A folder of other settings is refused; `fresh` forgets what is in it.
    ///
    /// # Errors
    /// A failure that names the file, and the line that cannot be read; the process that has the folder in use.
    pub fn open(folder: &Path, settings: &str, fresh: bool, ranks: &Ranks) -> Outcome<Self> {
        Self::open_in(Arc::new(Disk), folder, settings, fresh, ranks)
    }

    fn open_in(files: Arc<dyn FileSystem>, folder: &Path, settings: &str, fresh: bool, ranks: &Ranks) -> Outcome<Self> {
        let (folder, ranks) = (folder.to_path_buf(), ranks.clone());
        let (done, progress) = (BTreeMap::new(), Progress::default());
        let mut journal = Self { folder, ranks, kept: None, done, seconds: 0.0, progress };
        if !journal.ranks.is_first() {
            return Ok(journal);
        }
        let plots = journal.file("plots");
        files.create_folder(&plots).map_err(|source| StorageError::Write { path: plots, source })?;
        let lock = Lock::take(&journal.folder)?;
        if fresh {
            // The settings go last: until then nobody takes for theirs what is left.
            for name in [CELLS, "measured.json", SETTINGS] {
                remove(files.as_ref(), &journal.file(name))?;
            }
        }
        match read(files.as_ref(), &journal.file(SETTINGS))? {
            Some(stored) if stored != settings => {
                let difference = stored.lines().zip(settings.lines()).find(|(old, new)| old != new);
                let (old, new) = difference.unwrap_or(("fewer or more lines", "this"));
                let problem = format!(
                    "{} was begun with other settings (`{old}`, now `{new}`); give another --name, or --fresh to begin again",
                    journal.file(SETTINGS).display()
                );
                return Err(Failure::new(Kind::Config, problem));
            }
            Some(_) => {}
            None => replace(files.as_ref(), &journal.file(SETTINGS), settings.as_bytes())?,
        }
        let opened = JsonLines::open::<Line>(files.as_ref(), &journal.file(CELLS), Keep::Whole);
        let (cells, lines) = opened.map_err(|error| match error {
            StorageError::Line { .. } => Failure::new(Kind::Data, format!("{error}; --fresh begins again")),
            error => error.into(),
        })?;
        for Line { cell, result, seconds } in lines {
            journal.done.insert(cell.to_string(), result);
            journal.seconds += seconds;
        }
        journal.kept = Some(Kept { files, cells, _lock: lock });
        Ok(journal)
    }

    /// The same, with somebody who is told how far the grids are.
    pub fn watched(self, progress: &Progress) -> Self {
        Self { progress: progress.clone(), ..self }
    }

    /// Who is told how far the grids are.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The processes that share the cells.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Seconds that the finished cells took, added up.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Outcome {
        let Some(kept) = &self.kept else { return Ok(()) };
        Ok(replace(kept.files.as_ref(), &self.file(name), content.as_ref())?)
    }

    /// Reads a whole file, if it is there.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn read(&self, name: &str) -> Outcome<Option<String>> {
        self.kept.as_ref().map_or(Ok(None), |kept| read(kept.files.as_ref(), &self.file(name)))
    }

    /// What a cell came to, if it is finished.
    ///
    /// # Errors
    /// A failure that names the cell, if its result is not of the kind that is expected.
    pub fn get<R: DeserializeOwned>(&self, cell: &impl Serialize) -> Outcome<Option<R>> {
        let key = value(cell)?.to_string();
        let Some(result) = self.done.get(&key) else { return Ok(None) };
        serde_json::from_value(result.clone()).map(Some).map_err(|error| {
            let file = self.file(CELLS);
            Failure::new(Kind::Data, format!("{}: cell {key}: {error}; --fresh begins again", file.display()))
        })
    }

    /// Writes a finished cell down; it stays whatever happens then.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn record(&mut self, cell: &impl Serialize, seconds: f64, result: &impl Serialize) -> Outcome {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let line = Line { cell: value(cell)?, result: value(result)?, seconds };
        kept.cells.append(&line)?;
        self.done.insert(line.cell.to_string(), line.result);
        self.seconds += seconds;
        Ok(())
    }
}

/// A cell's coordinates or its result, with keys in one order whatever the order of fields.
fn value(of: &impl Serialize) -> Outcome<Value> {
    serde_json::to_value(of)
        .map_err(|error| Failure::new(Kind::Unexpected, format!("this cannot be written as JSON: {error}")))
}

fn read(files: &dyn FileSystem, path: &Path) -> Outcome<Option<String>> {
    let text = files.read(path).and_then(|bytes| {
        String::from_utf8(bytes).map(Some).map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
    });
    match text {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => Ok(text.map_err(|source| StorageError::Read { path: path.into(), source })?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_storage::{Fault, Faulty};
    use std::fs;
    use std::io::Write;

    #[test]
    fn whatever_fails_no_finished_cell_is_lost_and_no_two_write_one_folder() {
        for fault in Fault::ALL {
            for at in 0..40 {
                let root = tempfile::tempdir().unwrap();
                let cells = root.path().join(CELLS);
                let mut finished = Vec::new();
                let files = Faulty::new(Some(at), fault, false);
                for part in 0..3u64 {
                    // Each time the program ends within a line.
                    let torn = [fs::read(&cells).unwrap_or_default(), b"{\"cell\":".to_vec()].concat();
                    fs::write(&cells, torn).unwrap();
                    let files = Arc::new(files.clone());
                    let Ok(mut journal) = Journal::open_in(files, root.path(), "a = 1\n", false, &Ranks::alone())
                    else {
                        continue;
                    };
                    for cell in [2 * part, 2 * part + 1] {
                        journal.record(&cell, 1.0, &(cell * cell)).is_ok().then(|| finished.push(cell));
                    }
                    let held = Journal::open(root.path(), "a = 1\n", true, &Ranks::alone()).err().unwrap();
                    assert_eq!(held.kind(), Kind::Checkpoint);
                    assert!(held.to_string().contains("in use by process"), "{held}");
                }
                let journal = Journal::open(root.path(), "a = 1\n", false, &Ranks::alone()).unwrap();
                for cell in &finished {
                    let found = journal.get::<u64>(cell).unwrap();
                    assert_eq!(found, Some(cell * cell), "{fault:?} at {:?}", files.operations().get(at));
                }
                assert_eq!(journal.seconds(), finished.len() as f64);
                assert!(finished.len() >= 4 && (finished.len() == 6 || at < files.operations().len()));
            }
        }
    }

    #[test]
    fn finished_cells_come_back_and_a_torn_line_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("cost");
        let mut journal = Journal::open(&folder, "a = 1\n", false, &Ranks::alone()).unwrap();
        journal.record(&("x", 0.1), 2.0, &[1.5, 2.5]).unwrap();
        journal.record(&("y", 0.2), 3.0, &[0.5]).unwrap();
        let path = journal.file(CELLS);
        drop(journal);
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"cell\":[\"z\"").unwrap();
        let journal = Journal::open(&folder, "a = 1\n", false, &Ranks::alone()).unwrap();
        assert_eq!(journal.get::<Vec<f64>>(&("x", 0.1)).unwrap(), Some(vec![1.5, 2.5]));
        assert_eq!(journal.get::<Vec<f64>>(&("z", 0.1)).unwrap(), None);
        assert_eq!(journal.seconds(), 5.0);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
        assert!(journal.get::<String>(&("x", 0.1)).unwrap_err().to_string().contains("--fresh"));
    }

    #[test]
    fn other_settings_are_refused_unless_fresh_and_a_broken_line_is_named() {
        let root = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(root.path(), "a = 1\nb = 2\n", false, &Ranks::alone()).unwrap();
        journal.record(&1, 0.0, &1).unwrap();
        drop(journal);
        let error = Journal::open(root.path(), "a = 1\nb = 3\n", false, &Ranks::alone()).err().unwrap().to_string();
        assert!(error.contains("`b = 2`, now `b = 3`"), "{error}");
        let fresh = Journal::open(root.path(), "a = 1\nb = 3\n", true, &Ranks::alone()).unwrap();
        assert_eq!(fresh.get::<u32>(&1).unwrap(), None);
        fresh.write(CELLS, "{}\n").unwrap();
        drop(fresh);
        let error = Journal::open(root.path(), "a = 1\nb = 3\n", false, &Ranks::alone()).err().unwrap().to_string();
        assert!(error.contains("cells.jsonl:1"), "{error}");
    }
}
