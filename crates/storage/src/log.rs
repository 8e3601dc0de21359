//! A file that grows by whole pieces: metrics, a ledger.

use crate::digest::{Hasher, hex_digest};
use crate::error::{Result, StorageError};
use crate::file_system::{FileSystem, Handle, parent};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How far a log had come, and what was in it up to there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of them, in hexadecimal.
    pub sha256: String,
}

impl Position {
    /// The position at the end of `content`.
    pub fn after(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, sha256: hex_digest(content) }
    }

    /// The bytes of `content` before this position.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] if there are fewer, or others than there were.
    pub fn check<'a>(&self, path: &Path, content: &'a [u8]) -> Result<&'a [u8]> {
        let before = usize::try_from(self.bytes).ok().and_then(|bytes| content.get(..bytes));
        let Some(before) = before else {
            let problem = format!("it has {} bytes, and had at least {} before", content.len(), self.bytes);
            return Err(StorageError::damaged(path, problem));
        };
        if hex_digest(before) != self.sha256 {
            let problem = format!("its first {} bytes are not what they were", self.bytes);
            return Err(StorageError::damaged(path, problem));
        }
        Ok(before)
    }
}

/// A file whose every piece is on the disk before [`Log::append`] returns, and is there whole or not at all for whoever goes
/// on in this process. A crash can leave a part of the last piece, which the reader has to know by its missing line end.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    handle: Box<dyn Handle>,
    length: u64,
    hasher: Hasher,
    /// Whether a part of a failed piece may be behind `length`.
    torn: bool,
}

impl Log {
    /// Opens a log, or starts an empty one. Of what is there, `keep` says how many bytes stay; the rest is cut off.
    ///
    /// # Errors
    /// [`StorageError`] with the file; what `keep` returns.
    pub fn open<E: From<StorageError>>(
        files: &dyn FileSystem,
        path: &Path,
        keep: impl FnOnce(&[u8]) -> std::result::Result<usize, E>,
    ) -> std::result::Result<Self, E> {
        let (content, is_new) = match files.read(path) {
            Ok(content) => (content, false),
            Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), true),
            Err(error) => return Err(StorageError::read(path)(error).into()),
        };
        let kept = keep(&content)?.min(content.len());
        let open = || {
            let mut handle = files.open_end(path)?;
            if kept < content.len() {
                handle.cut(kept as u64)?;
            }
            if is_new {
                files.sync_folder(parent(path))?;
            }
            Ok(handle)
        };
        let handle = open().map_err(StorageError::write(path))?;
        let mut hasher = Hasher::default();
        hasher.update(&content[..kept]);
        Ok(Self { path: path.into(), handle, length: kept as u64, hasher, torn: false })
    }

    /// Adds a piece and syncs it.
    ///
    /// # Errors
    /// [`StorageError::Write`] with the file; the piece is not in the log then.
    pub fn append(&mut self, piece: &[u8]) -> Result<()> {
        let mut write = || {
            if self.torn {
                self.handle.cut(self.length)?;
            }
            self.torn = true;
            self.handle.write_all(piece)?;
            self.handle.sync()
        };
        if let Err(source) = write() {
            // Tried again before the next piece if it fails here.
            self.torn = self.handle.cut(self.length).is_err();
            return Err(StorageError::write(&self.path)(source));
        }
        self.torn = false;
        self.length += piece.len() as u64;
        self.hasher.update(piece);
        Ok(())
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How far it has come.
    pub fn position(&self) -> Position {
        Position { bytes: self.length, sha256: self.hasher.hex() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Disk, Fault, Faulty};

    fn all(content: &[u8]) -> Result<usize> {
        Ok(content.len())
    }

    #[test]
    fn a_position_tells_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = Log::open(&Disk, &path, all).unwrap();
        log.append(b"one\n").unwrap();
        let position = log.position();
        log.append(b"two\n").unwrap();
        let content = std::fs::read(&path).unwrap();
        assert_eq!(content, b"one\ntwo\n");
        assert_eq!(position, Position::after(b"one\n"));
        assert_eq!(position.check(&path, &content).unwrap(), b"one\n");
        assert!(position.check(&path, b"on").unwrap_err().to_string().contains("had at least 4"));
        assert!(position.check(&path, b"onE\ntwo\n").unwrap_err().to_string().contains("not what they were"));
        // Going on from there cuts off what came later.
        let mut log = Log::open(&Disk, &path, |content| Ok::<_, StorageError>(content.len() / 2)).unwrap();
        assert_eq!(log.position(), position);
        log.append(b"2\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n2\n");
    }

    #[test]
    fn a_piece_that_fails_leaves_no_part_for_the_next() {
        let folder = tempfile::tempdir().unwrap();
        for fault in Fault::ALL {
            for at in 0..20 {
                let path = folder.path().join(format!("{fault:?}-{at}"));
                let files = Faulty::new(Some(at), fault, false);
                let mut expected = String::new();
                let mut failed = 0;
                for piece in ["first\n", "second\n", "third\n"] {
                    let added = Log::open(&files, &path, all).and_then(|mut log| {
                        // Two in one process: the second must not find a part of the first.
                        let first = log.append(piece.as_bytes());
                        first.is_ok().then(|| expected.push_str(piece));
                        log.append(piece.to_uppercase().as_bytes())?;
                        expected.push_str(&piece.to_uppercase());
                        first
                    });
                    if let Err(error) = added {
                        failed += 1;
                        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                    }
                }
                let found = std::fs::read_to_string(&path).unwrap_or_default();
                assert_eq!(found, expected, "{fault:?} at {:?}", files.operations().get(at));
                assert_eq!(failed, usize::from(fault != Fault::Short && at < files.operations().len()));
            }
        }
    }
}
