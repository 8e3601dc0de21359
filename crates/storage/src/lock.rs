//! A lock on a folder or a file, so that no two processes write it at once.

use crate::error::{Result, StorageError};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of the file that is locked for a folder, and the end of its name for a file.
const LOCK: &str = ".lock";
/// Locks that this process has asked for.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Holds a folder or a file until it is dropped or its process ends, however that ends.
///
/// The operating system locks `FOLDER/.lock` or `FILE.lock`, which says who holds it; the file is removed with the lock. One that a
/// killed process left behind is in nobody's way. The lock is advisory: it keeps out those that ask for it.
///
/// ```
/// use imfl_storage::Lock;
///
/// # let folder = tempfile::tempdir()?;
/// let lock = Lock::take(folder.path())?;
/// assert!(Lock::take(folder.path()).unwrap_err().to_string().contains("in use by process"));
/// drop(lock);
/// assert!(Lock::take(folder.path()).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "it is released when it is dropped"]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder that is there, or of a file that may come to be, without waiting. Where the file system knows no locks,
    /// everybody gets one.
    ///
    /// # Errors
    /// [`StorageError::Held`] that says who has it; [`StorageError::Write`] if there can be no such file.
    pub fn take(of: &Path) -> Result<Self> {
        let path = if of.is_dir() { of.join(LOCK) } else { beside(of) };
        let write = |error| StorageError::write(&path)(error);
        loop {
            // Not emptied: it says who has it.
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = file.map_err(write)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StorageError::Held { path: of.into(), holder: named(&path) });
                }
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(write(error)),
            }
            // No two locks of a machine have the same number and process.
            let number = TAKEN.fetch_add(1, Ordering::Relaxed);
            let own = format!("{}\nlock {number}\n", holder(SystemTime::now()));
            file.set_len(0).and_then(|()| file.write_all(own.as_bytes())).map_err(write)?;
            // The one who had it may have removed the file between our opening and locking it: then ours has no name.
            match fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(found) if found != own => {}
                _ => return Ok(Self { path, _file: file }),
            }
        }
    }
}

impl Drop for Lock {
    /// Removes the file while it is locked still. Where that fails, it stays and is in nobody's way.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Who has a lock, as its file says; the one who has just taken it is given a moment to write that down.
fn named(path: &Path) -> String {
    for _ in 0..100 {
        let content = fs::read_to_string(path).unwrap_or_default();
        if let Some((holder, _)) = content.split_once('\n') {
            return holder.into();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    "another process".into()
}

/// `x` has its lock in `x.lock`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(LOCK);
    name.into()
}

/// This process, its machine where that is easily known, and the time.
fn holder(now: SystemTime) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").map(|name| format!(" on {}", name.trim()));
    format!("process {}{} since {}", std::process::id(), host.unwrap_or_default(), utc(now))
}

/// `2026-11-26 02:29:33 UTC`
fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // Years of March to February, in eras of 400 years from 0000-03-01, so that a leap day ends its year.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", 400 * era + year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn one_at_a_time_has_it_and_the_other_hears_who() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("g.safetensors");
        for of in [folder.path(), &file] {
            let lock = Lock::take(of).unwrap();
            let error = Lock::take(of).unwrap_err();
            assert!(matches!(error, StorageError::Held { .. }) && !error.is_write());
            let error = error.to_string();
            assert!(
                error.starts_with(&format!("{} is in use by process {}", of.display(), std::process::id())),
                "{error}"
            );
            assert!(error.contains(" since 2") && error.ends_with(" UTC"), "{error}");
            drop(lock);
            drop(Lock::take(of).unwrap());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        let error = Lock::take(&folder.path().join("no/such")).unwrap_err();
        assert!(error.is_write() && error.to_string().contains("no/such.lock"), "{error}");
    }

    /// Threads take and release it in turn: never two at once, also while the file is removed and made again.
    #[test]
    fn no_two_have_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, taken) = (std::sync::Mutex::new(()), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        if let Ok(_lock) = Lock::take(folder.path()) {
                            let _inside = inside.try_lock().expect("two have the lock");
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert!(taken.into_inner() > 0);
    }

    /// Holds the lock that it is told of until it is killed; run by the test below in a process of its own.
    #[test]
    #[ignore = "a part of `a_killed_process_holds_nothing`"]
    fn hold() {
        let Ok(folder) = std::env::var("IMFL_TEST_LOCK") else { return };
        let _lock = Lock::take(Path::new(&folder)).unwrap();
        std::thread::sleep(Duration::from_secs(60));
    }

    #[test]
    fn a_killed_process_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::hold", "--ignored"])
            .env("IMFL_TEST_LOCK", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let path = folder.path().join(LOCK);
        let held = || fs::read_to_string(&path).is_ok_and(|holder| holder.ends_with('\n'));
        for _ in 0..3000 {
            if held() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let error = Lock::take(folder.path()).map(drop).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", child.id())), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(path.exists(), "a killed process removes nothing");
        drop(Lock::take(folder.path()).unwrap());
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(at(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(at(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(at(1_785_542_399), "2026-07-31 23:59:59 UTC");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00 UTC");
    }
}
