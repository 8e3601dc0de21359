//! The folder of an experiment: what was asked, what was measured, and one line for each finished cell of its grid.

use imfl_ranks::Ranks;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::progress::Progress;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the file of cells.
const CELLS: &str = "cells.jsonl";
/// Name of the file that says what was asked.
const SETTINGS: &str = "settings.toml";

/// Finished cells by their coordinates.
pub struct Journal {
    folder: PathBuf,
    /// The processes that share the cells. Only the first has the folder; for the others it is empty and takes nothing.
    ranks: Ranks,
    done: BTreeMap<String, Value>,
    seconds: f64,
    progress: Progress,
}

impl Journal {
    /// Opens a folder, or makes it. A folder of other settings is refused; `fresh` forgets what is in it.
    ///
    /// # Errors
    /// A failure that names the file, and the line that cannot be read.
    pub fn open(folder: &Path, settings: &str, fresh: bool, ranks: &Ranks) -> Outcome<Self> {
        let (done, progress) = (BTreeMap::new(), Progress::default());
        let mut journal = Self { folder: folder.into(), ranks: ranks.clone(), done, seconds: 0.0, progress };
        if !ranks.is_first() {
            return Ok(journal);
        }
        if fresh {
            for name in [CELLS, SETTINGS, "measured.json"] {
                match fs::remove_file(journal.file(name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(unexpected("remove", &journal.file(name), &error));
                    }
                    _ => {}
                }
            }
        }
        fs::create_dir_all(journal.file("plots"))
            .map_err(|error| unexpected("make", &journal.file("plots"), &error))?;
        match journal.read(SETTINGS)? {
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
            None => journal.write(SETTINGS, settings)?,
        }
        journal.load()?;
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
        let path = self.file(name);
        if !self.ranks.is_first() {
            return Ok(());
        }
        fs::write(&path, content).map_err(|error| unexpected("write", &path, &error))
    }

    /// Reads a whole file, if it is there.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn read(&self, name: &str) -> Outcome<Option<String>> {
        let path = self.file(name);
        if !self.ranks.is_first() {
            return Ok(None);
        }
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unexpected("read", &path, &error)),
        }
    }

    /// What a cell came to, if it is finished.
    ///
    /// # Errors
    /// A failure that names the cell, if its result is not of the kind that is expected.
    pub fn get<R: DeserializeOwned>(&self, cell: &impl Serialize) -> Outcome<Option<R>> {
        let key = key(cell)?;
        let Some(result) = self.done.get(&key) else { return Ok(None) };
        serde_json::from_value(result.clone()).map(Some).map_err(|error| {
            let file = self.file(CELLS);
            Failure::new(Kind::Data, format!("{}: cell {key}: {error}; --fresh begins again", file.display()))
        })
    }

    /// Writes a finished cell down.
    ///
    /// # Errors
    /// A failure that names the file.
    pub fn record(&mut self, cell: &impl Serialize, seconds: f64, result: &impl Serialize) -> Outcome {
        if !self.ranks.is_first() {
            return Ok(());
        }
        let text = |error| Failure::new(Kind::Unexpected, format!("a result cannot be written as JSON: {error}"));
        let (key, result) = (key(cell)?, serde_json::to_value(result).map_err(text)?);
        let line = json!({ "cell": serde_json::to_value(cell).map_err(text)?, "seconds": seconds, "result": result });
        let path = self.file(CELLS);
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .map_err(|error| unexpected("write", &path, &error))?;
        self.done.insert(key, result);
        self.seconds += seconds;
        Ok(())
    }

    fn load(&mut self) -> Outcome {
        let Some(text) = self.read(CELLS)? else { return Ok(()) };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            // The line that was being written when the program ended.
            self.write(CELLS, &text[..whole])?;
        }
        for (index, line) in text[..whole].lines().enumerate() {
            let (cell, seconds, result) = parse(line).ok_or_else(|| {
                let file = self.file(CELLS);
                let problem = format!("{}:{}: no finished cell; --fresh begins again", file.display(), index + 1);
                Failure::new(Kind::Data, problem)
            })?;
            self.done.insert(cell.to_string(), result);
            self.seconds += seconds;
        }
        Ok(())
    }
}

fn parse(line: &str) -> Option<(Value, f64, Value)> {
    let Value::Object(mut line) = serde_json::from_str(line).ok()? else { return None };
    Some((line.remove("cell")?, line.get("seconds")?.as_f64()?, line.remove("result")?))
}

/// A cell's coordinates as text, with keys in one order whatever the order of its fields.
fn key(cell: &impl Serialize) -> Outcome<String> {
    let value = serde_json::to_value(cell).map_err(|error| Failure::new(Kind::Unexpected, error))?;
    Ok(value.to_string())
}

fn unexpected(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Unexpected, format!("cannot {verb} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_cells_come_back_and_a_torn_line_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("cost");
        let mut journal = Journal::open(&folder, "a = 1\n", false, &Ranks::alone()).unwrap();
        journal.record(&("x", 0.1), 2.0, &[1.5, 2.5]).unwrap();
        journal.record(&("y", 0.2), 3.0, &[0.5]).unwrap();
        let path = journal.file(CELLS);
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
        let error = Journal::open(root.path(), "a = 1\nb = 3\n", false, &Ranks::alone()).err().unwrap().to_string();
        assert!(error.contains("`b = 2`, now `b = 3`"), "{error}");
        let fresh = Journal::open(root.path(), "a = 1\nb = 3\n", true, &Ranks::alone()).unwrap();
        assert_eq!(fresh.get::<u32>(&1).unwrap(), None);
        fresh.write(CELLS, "{}\n").unwrap();
        let error = Journal::open(root.path(), "a = 1\nb = 3\n", false, &Ranks::alone()).err().unwrap().to_string();
        assert!(error.contains("cells.jsonl:1"), "{error}");
    }
}
