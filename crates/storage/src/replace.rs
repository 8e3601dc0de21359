//! A file that is replaced as a whole.

use crate::error::{Result, StorageError};
use crate::file_system::{FileSystem, Handle, parent};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `content` beside `path`, syncs it, gives it the name in one rename and syncs the folder. Whatever fails, the old
/// file is there or the new one, whole, and what was written beside it is gone again.
///
/// # Errors
/// [`StorageError::Write`] with the file.
pub fn replace(files: &dyn FileSystem, path: &Path, content: &[u8]) -> Result<()> {
    replace_by(files, path, &beside(path), content, |beside| files.create(beside))
}

/// The same for content that its owner alone may read.
///
/// # Errors
/// As [`replace`].
pub fn replace_secret(files: &dyn FileSystem, path: &Path, content: &[u8]) -> Result<()> {
    replace_by(files, path, &beside(path), content, |beside| {
        files.remove_file(beside)?;
        files.create_secret(beside)
    })
}

/// The same for a file that several threads or processes may write at once: each writes beside it under a name of its own, and the last one's
/// content stays. What a killed process has left beside it stays there.
///
/// # Errors
/// As [`replace`].
pub fn replace_shared(files: &dyn FileSystem, path: &Path, content: &[u8]) -> Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let mut own = path.as_os_str().to_owned();
    own.push(format!(".{}-{}", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
    replace_by(files, path, &beside(Path::new(&own)), content, |beside| files.create(beside))
}

fn replace_by(
    files: &dyn FileSystem,
    path: &Path,
    beside: &Path,
    content: &[u8],
    create: impl Fn(&Path) -> io::Result<Box<dyn Handle>>,
) -> Result<()> {
    let exchange = || {
        let mut file = create(beside)?;
        file.write_all(content)?;
        file.sync()?;
        files.rename(beside, path)
    };
    if let Err(source) = exchange() {
        // What stays all the same is written over by the next one.
        let _ = files.remove_file(beside);
        return Err(StorageError::write(path)(source));
    }
    files.sync_folder(parent(path)).map_err(StorageError::write(path))
}

/// Removes a file for good: nothing happens if it is not there.
///
/// # Errors
/// [`StorageError::Write`] with the file.
pub fn remove(files: &dyn FileSystem, path: &Path) -> Result<()> {
    let removed = files.remove_file(path).and_then(|()| files.sync_folder(parent(path)));
    removed.map_err(StorageError::write(path))
}

/// `x` becomes `x.new`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Faulty};

    #[cfg(unix)]
    #[test]
    fn a_secret_is_its_owners_alone_whoever_could_read_the_file_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.key");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        for content in [b"one", b"two"] {
            // What an earlier process left beside it is not written into.
            std::fs::write(beside(&path), "left").unwrap();
            replace_secret(&crate::Disk, &path, content).unwrap();
            assert_eq!((std::fs::read(&path).unwrap(), mode()), (content.to_vec(), 0o600));
        }
        std::fs::write(&path, "open").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        replace_secret(&crate::Disk, &path, b"closed").unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn many_write_one_file_at_once_and_it_is_always_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        std::thread::scope(|scope| {
            for writer in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        replace_shared(&crate::Disk, path, &[b'a' + writer; 1000]).unwrap();
                        let found = std::fs::read(path).unwrap();
                        assert!(found.len() == 1000 && found.iter().all(|byte| *byte == found[0]));
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    /// Writes over `old` with a fault at every operation in turn; what is in the file then.
    #[test]
    fn whatever_fails_the_old_file_or_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        for for_good in [false, true] {
            for fault in Fault::ALL {
                let mut at = 0;
                loop {
                    std::fs::write(&path, "old").unwrap();
                    let files = Faulty::new(Some(at), fault, for_good);
                    let result = replace(&files, &path, b"new content");
                    let found = std::fs::read_to_string(&path).unwrap();
                    let Err(error) = result else {
                        assert_eq!(found, "new content");
                        if files.operations().len() <= at {
                            break;
                        }
                        assert_eq!(fault, Fault::Short, "a failed operation was not noticed: {:?}", files.operations());
                        at += 1;
                        continue;
                    };
                    assert!(error.to_string().contains("x.txt"), "{error}");
                    let renamed = at == 4;
                    assert_eq!(beside(&path).exists(), for_good && (1..4).contains(&at), "{:?}", files.operations());
                    assert_eq!(found, if renamed { "new content" } else { "old" }, "{:?}", files.operations());
                    at += 1;
                }
                // create, write, sync, rename, sync folder; a short write takes one more.
                assert!(at >= 5, "only {at} operations could fail");
            }
        }
    }
}
