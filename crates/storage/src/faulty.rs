//! A file system that fails on purpose, for tests of everything that writes.

use crate::file_system::{Disk, FileSystem, Handle};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space is left. A write gets half of its bytes into the file first, as on a real disk.
    NoSpace,
    /// The device reports an error; nothing was written.
    Device,
    /// Permission is denied; nothing was written.
    Permission,
    /// A write takes half of its bytes and says so, and an operation that is no write is interrupted by nothing: everything
    /// must come out well.
    Short,
}

impl Fault {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::NoSpace, Self::Device, Self::Permission, Self::Short];

    fn error(self) -> io::Error {
        match self {
            Self::NoSpace => ErrorKind::StorageFull.into(),
            Self::Permission => ErrorKind::PermissionDenied.into(),
            Self::Device | Self::Short => io::Error::other("input/output error"),
        }
    }
}

/// What was done so far, and which operation is to fail.
#[derive(Debug)]
struct Script {
    done: Vec<String>,
    fail_at: Option<usize>,
    fault: Fault,
    for_good: bool,
}

/// The disk, with one operation that fails: operations that change something are counted from 0.
#[derive(Clone, Debug)]
pub struct Faulty {
    script: Arc<Mutex<Script>>,
}

impl Faulty {
    /// Fails at operation `fail_at`, and if `for_good` at every later one too. `None` fails never, and counts.
    pub fn new(fail_at: Option<usize>, fault: Fault, for_good: bool) -> Self {
        let script = Script { done: Vec::new(), fail_at, fault, for_good };
        Self { script: Arc::new(Mutex::new(script)) }
    }

    /// The operations so far, the failed one included, each with the path that it was on.
    pub fn operations(&self) -> Vec<String> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).done.clone()
    }

    /// Counts an operation; the fault, if it is its turn.
    fn next(&self, what: &str, path: &Path) -> Option<Fault> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let number = script.done.len();
        script.done.push(format!("{what} {}", path.display()));
        let failing = script.fail_at.is_some_and(|at| number == at || script.for_good && number > at);
        failing.then_some(script.fault)
    }

    /// Counts an operation that is no write, and lets it fail.
    fn check(&self, what: &str, path: &Path) -> io::Result<()> {
        match self.next(what, path) {
            None | Some(Fault::Short) => Ok(()),
            Some(fault) => Err(fault.error()),
        }
    }

    fn wrap(&self, path: &Path, inner: Box<dyn Handle>) -> Box<dyn Handle> {
        Box::new(FaultyHandle { system: self.clone(), path: path.into(), inner })
    }
}

#[derive(Debug)]
struct FaultyHandle {
    system: Faulty,
    path: PathBuf,
    inner: Box<dyn Handle>,
}

impl Write for FaultyHandle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let half = &bytes[..bytes.len().div_ceil(2)];
        match self.system.next("write", &self.path) {
            None => self.inner.write(bytes),
            Some(Fault::Short) => self.inner.write(half),
            Some(Fault::NoSpace) => {
                self.inner.write_all(half)?;
                Err(Fault::NoSpace.error())
            }
            Some(fault) => Err(fault.error()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Handle for FaultyHandle {
    fn sync(&mut self) -> io::Result<()> {
        self.system.check("sync", &self.path)?;
        self.inner.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.system.check("cut", &self.path)?;
        self.inner.cut(length)
    }
}

impl FileSystem for Faulty {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        Disk.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        self.check("create", path)?;
        Ok(self.wrap(path, Disk.create(path)?))
    }

    fn create_secret(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        self.check("create", path)?;
        Ok(self.wrap(path, Disk.create_secret(path)?))
    }

    fn open_end(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        self.check("open", path)?;
        Ok(self.wrap(path, Disk.open_end(path)?))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.check("create folder", path)?;
        Disk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.check("sync folder", path)?;
        Disk.sync_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check("rename", to)?;
        Disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.check("remove file", path)?;
        Disk.remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.check("remove folder", path)?;
        Disk.remove_folder(path)
    }
}
