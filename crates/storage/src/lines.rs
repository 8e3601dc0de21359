//! A log of JSON values, one a line.

use crate::error::{Result, StorageError};
use crate::file_system::FileSystem;
use crate::log::{Log, Position};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// What stays of the lines that are there when a log is opened.
#[derive(Clone, Copy, Debug)]
pub enum Keep<'a> {
    /// None.
    Nothing,
    /// All whole ones: what is behind the last line end was being written when the program ended.
    Whole,
    /// Those before a position, which must be what they were.
    Before(&'a Position),
}

/// A [`Log`] whose pieces are lines of JSON.
///
/// ```
/// use imfl_storage::{Disk, JsonLines, Keep};
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("metrics.jsonl");
/// let (mut lines, _) = JsonLines::open::<u64>(&Disk, &path, Keep::Whole)?;
/// lines.append(&7)?;
/// drop(lines);
/// // A crash cut off the line that was being written.
/// std::fs::write(&path, "7\n12")?;
/// assert_eq!(JsonLines::open::<u64>(&Disk, &path, Keep::Whole)?.1, [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonLines(Log);

impl JsonLines {
    /// Opens a log, or starts an empty one; also returns the values of the lines that stay. Blank lines are skipped.
    ///
    /// # Errors
    /// [`StorageError::Line`] for one that is no `T`, and then the file is left as it was; [`StorageError::Damaged`] if what was before
    /// a position is not what it was; [`StorageError::Read`] or [`StorageError::Write`].
    pub fn open<T: DeserializeOwned>(files: &dyn FileSystem, path: &Path, keep: Keep) -> Result<(Self, Vec<T>)> {
        let mut values = Vec::new();
        let log = Log::open(files, path, |content| {
            let kept = match keep {
                Keep::Nothing => &[],
                Keep::Whole => &content[..content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)],
                Keep::Before(position) => position.check(path, content)?,
            };
            for (index, line) in kept.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
                let value = serde_json::from_slice(line).map_err(|error| {
                    let problem = format!("it is not what was written here ({error})");
                    StorageError::Line { path: path.into(), line: index + 1, problem }
                })?;
                values.push(value);
            }
            Ok::<_, StorageError>(kept.len())
        })?;
        Ok((Self(log), values))
    }

    /// Adds a value and syncs it.
    ///
    /// # Errors
    /// [`StorageError::Write`] with the file; the line is not in the log then.
    pub fn append(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(|error| StorageError::write(self.0.path())(error.into()))?;
        line.push(b'\n');
        self.0.append(&line)
    }

    /// How far it has come.
    pub fn position(&self) -> Position {
        self.0.position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Disk, Fault, Faulty};

    #[test]
    fn what_stays_is_what_was_asked_for_and_a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let open = |keep| JsonLines::open::<f64>(&Disk, &path, keep);
        let (mut lines, none) = open(Keep::Whole).unwrap();
        assert!(none.is_empty());
        lines.append(&0.1).unwrap();
        let position = lines.position();
        lines.append(&2.5).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"0.1\n2.5\n");
        assert_eq!(open(Keep::Whole).unwrap().1, [0.1, 2.5]);
        assert_eq!(open(Keep::Before(&position)).unwrap().1, [0.1]);
        assert_eq!(std::fs::read(&path).unwrap(), b"0.1\n");
        assert_eq!(open(Keep::Nothing).unwrap().0.position(), Position::after(b""));
        let broken = b"1\n\nx\n2";
        std::fs::write(&path, broken).unwrap();
        let error = open(Keep::Whole).unwrap_err().to_string();
        assert!(error.contains("x.jsonl:3: "), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), broken, "it is left as it was");
        assert!(matches!(open(Keep::Before(&position)), Err(StorageError::Damaged { .. })));
    }

    #[test]
    fn whatever_fails_what_was_acknowledged_stays() {
        let folder = tempfile::tempdir().unwrap();
        for for_good in [false, true] {
            for fault in Fault::ALL {
                for at in 0..16 {
                    let path = folder.path().join(format!("{for_good}-{fault:?}-{at}"));
                    let files = Faulty::new(Some(at), fault, for_good);
                    let mut acknowledged = Vec::new();
                    for round in 0..3u64 {
                        // Each time a torn line is in the way.
                        let torn = [std::fs::read(&path).unwrap_or_default(), b"[12,".to_vec()].concat();
                        std::fs::write(&path, torn).unwrap();
                        let Ok((mut lines, found)) = JsonLines::open::<u64>(&files, &path, Keep::Whole) else {
                            continue;
                        };
                        assert_eq!(found, acknowledged, "{fault:?} at {:?}", files.operations().get(at));
                        for value in [2 * round, 2 * round + 1] {
                            lines.append(&value).is_ok().then(|| acknowledged.push(value));
                        }
                    }
                    let found = JsonLines::open::<u64>(&Disk, &path, Keep::Whole).unwrap().1;
                    // What could not be cut off again for lack of a working disk may be there too, behind what was acknowledged.
                    let extra = found.len() - acknowledged.len();
                    assert_eq!(
                        found[..acknowledged.len()],
                        acknowledged,
                        "{fault:?} at {:?}",
                        files.operations().get(at)
                    );
                    assert!(extra == 0 || (for_good && extra == 1), "{fault:?} at {:?}", files.operations().get(at));
                }
            }
        }
    }
}
