//! A folder that is there with everything or not at all.
//!
//! Its files are written into a scratch folder beside it and synced one by one; one rename gives the folder its name, and
//! the parent is synced. `manifest.json` names every part with its size and SHA-256, and `manifest.sha256` vouches for the
//! manifest, in the format of `sha256sum`.

use crate::digest::hex_digest;
use crate::error::{Result, StorageError};
use crate::file_system::{FileSystem, parent};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest.json";
const VOUCHER: &str = "manifest.sha256";

/// The files of a sealed folder by name.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// What was read from a sealed folder.
#[derive(Debug)]
pub struct Sealed<A> {
    /// What the manifest says beside the parts.
    pub about: A,
    /// All parts, each as it was written.
    pub parts: Parts,
    /// SHA-256 of the manifest, which names everything.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest<A> {
    format: String,
    about: A,
    parts: BTreeMap<String, Part>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    bytes: u64,
    sha256: String,
}

/// What every version of a manifest has.
#[derive(Deserialize)]
struct Format {
    format: String,
}

/// Makes the folder, which must not be there yet. Returns the SHA-256 of its manifest.
///
/// ```
/// use imfl_storage::{Disk, Parts, Sealed, seal, unseal};
///
/// # let root = tempfile::tempdir()?;
/// let folder = root.path().join("round-000010");
/// let parts = Parts::from([("model.bin".into(), vec![1, 2, 3])]);
/// seal(&Disk, &folder, "example/1", 10u64, &parts)?;
/// let sealed: Sealed<u64> = unseal(&Disk, &folder, "example/1")?;
/// assert_eq!((sealed.about, sealed.parts), (10, parts));
/// std::fs::write(folder.join("model.bin"), [1, 2, 4])?;
/// assert!(unseal::<u64>(&Disk, &folder, "example/1").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`StorageError::Write`] with the file or folder; whatever was there before is still there.
pub fn seal<A: Serialize>(
    files: &dyn FileSystem,
    folder: &Path,
    format: &str,
    about: A,
    parts: &Parts,
) -> Result<String> {
    let entry = |(name, bytes): (&String, &Vec<u8>)| {
        (name.clone(), Part { bytes: bytes.len() as u64, sha256: hex_digest(bytes) })
    };
    let manifest = Manifest { format: format.into(), about, parts: parts.iter().map(entry).collect() };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| StorageError::write(folder)(error.into()))?;
    let sha256 = hex_digest(&manifest);
    let scratch = scratch(folder);
    let fill = || {
        files.remove_folder(&scratch).and_then(|()| files.create_folder(&scratch)).map_err(at(&scratch))?;
        for (name, bytes) in parts {
            write(files, &scratch.join(name), bytes)?;
        }
        write(files, &scratch.join(MANIFEST), &manifest)?;
        write(files, &scratch.join(VOUCHER), voucher(&sha256).as_bytes())?;
        files.sync_folder(&scratch).map_err(at(&scratch))?;
        files.rename(&scratch, folder).map_err(at(folder))?;
        files.sync_folder(parent(folder)).map_err(at(folder))
    };
    let filled = fill();
    if filled.is_err() {
        // What stays is removed by the next one that is sealed under this name.
        let _ = files.remove_folder(&scratch);
    }
    filled.map(|()| sha256)
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> StorageError {
    StorageError::write(path)
}

fn write(files: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = files.create(path)?;
        file.write_all(bytes)?;
        file.sync()
    };
    write().map_err(at(path))
}

/// Reads a sealed folder and checks every byte of it.
///
/// # Errors
/// [`StorageError::Read`], [`StorageError::Damaged`] or [`StorageError::Format`] with the file.
pub fn unseal<A: DeserializeOwned>(files: &dyn FileSystem, folder: &Path, format: &str) -> Result<Sealed<A>> {
    let path = folder.join(MANIFEST);
    let read = |path: &Path| files.read(path).map_err(StorageError::read(path));
    let manifest = read(&path)?;
    let sha256 = hex_digest(&manifest);
    if read(&folder.join(VOUCHER))? != voucher(&sha256).as_bytes() {
        let problem = format!("its SHA-256 is {sha256}, which is not what {VOUCHER} says");
        return Err(StorageError::damaged(&path, problem));
    }
    let wrong = |error: serde_json::Error| StorageError::damaged(&path, format!("it is no manifest ({error})"));
    let found: Format = serde_json::from_slice(&manifest).map_err(wrong)?;
    if found.format != format {
        return Err(StorageError::Format { path, found: found.format, expected: format.into() });
    }
    let manifest: Manifest<A> = serde_json::from_slice(&manifest).map_err(wrong)?;
    let mut parts = Parts::new();
    for (name, part) in manifest.parts {
        if !is_plain(&name) {
            return Err(StorageError::damaged(&path, format!("`{name}` is no name of a file beside it")));
        }
        let path = folder.join(&name);
        let bytes = read(&path)?;
        if bytes.len() as u64 != part.bytes {
            let problem = format!("it has {} bytes, its manifest says {}", bytes.len(), part.bytes);
            return Err(StorageError::damaged(&path, problem));
        }
        if hex_digest(&bytes) != part.sha256 {
            return Err(StorageError::damaged(&path, "its SHA-256 is not what its manifest says"));
        }
        parts.insert(name, bytes);
    }
    Ok(Sealed { about: manifest.about, parts, sha256 })
}

/// What `sha256sum manifest.json` prints.
fn voucher(sha256: &str) -> String {
    format!("{sha256}  {MANIFEST}\n")
}

/// A name without a way out of the folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// `a/b` is made in `a/.scratch-b`.
fn scratch(folder: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".scratch-");
    name.push(folder.file_name().unwrap_or_default());
    parent(folder).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Disk, Fault, Faulty};
    use std::fs;

    fn parts() -> Parts {
        [("a.bin", vec![7u8; 100]), ("empty", Vec::new())].map(|(name, bytes)| (name.to_string(), bytes)).into()
    }

    #[test]
    fn what_was_sealed_reads_back() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x");
        let sha256 = seal(&Disk, &folder, "test/1", 42u64, &parts()).unwrap();
        let sealed: Sealed<u64> = unseal(&Disk, &folder, "test/1").unwrap();
        assert_eq!((sealed.about, sealed.parts, sealed.sha256), (42, parts(), sha256));
        assert!(matches!(unseal::<u64>(&Disk, &folder, "test/2"), Err(StorageError::Format { .. })));
        assert!(matches!(unseal::<String>(&Disk, &folder, "test/1"), Err(StorageError::Damaged { .. })));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no scratch folder stays");
        assert!(seal(&Disk, &folder, "test/1", 43u64, &parts()).unwrap_err().is_write(), "one that is there stays");
        assert_eq!(unseal::<u64>(&Disk, &folder, "test/1").unwrap().about, 42);
    }

    #[test]
    fn whatever_fails_the_folder_is_whole_or_not_there() {
        for for_good in [false, true] {
            for fault in Fault::ALL {
                let root = tempfile::tempdir().unwrap();
                let mut at = 0;
                loop {
                    let folder = root.path().join(format!("x{at}"));
                    let files = Faulty::new(Some(at), fault, for_good);
                    match seal(&files, &folder, "test/1", 42u64, &parts()) {
                        Ok(_) => {
                            assert_eq!(unseal::<u64>(&Disk, &folder, "test/1").unwrap().parts, parts());
                            if files.operations().len() <= at {
                                break;
                            }
                            assert_eq!(fault, Fault::Short, "{:?} was not noticed", files.operations()[at]);
                        }
                        Err(error) => {
                            assert!(error.is_write() && error.to_string().contains(root.path().to_str().unwrap()));
                            // Only the sync of the parent comes after the rename.
                            if folder.exists() {
                                assert!(files.operations()[at].starts_with("sync folder"));
                                assert_eq!(unseal::<u64>(&Disk, &folder, "test/1").unwrap().parts, parts());
                            }
                        }
                    }
                    at += 1;
                }
                assert!(at >= 16, "only {at} operations could fail");
            }
        }
    }

    #[test]
    fn a_manifest_cannot_name_files_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x");
        fs::create_dir(&folder).unwrap();
        for name in ["../secret", "/etc/passwd", "", ".", "..", "a/b", "a\\b"] {
            let part = Part { bytes: 0, sha256: hex_digest(b"") };
            let manifest = Manifest { format: "t".into(), about: 1, parts: [(name.to_string(), part)].into() };
            let manifest = serde_json::to_vec(&manifest).unwrap();
            fs::write(folder.join(VOUCHER), voucher(&hex_digest(&manifest))).unwrap();
            fs::write(folder.join(MANIFEST), manifest).unwrap();
            let error = unseal::<u64>(&Disk, &folder, "t").unwrap_err();
            assert!(error.to_string().contains("no name of a file beside it"), "{error}");
        }
    }
}
