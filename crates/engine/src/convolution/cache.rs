//! The file of what was measured.

use super::table::Table;
use imfl_storage::{Disk, FileSystem, Result as Stored, StorageError, replace_shared};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The environment variable that names the folder of the file.
pub const FOLDER: &str = "IMFL_CACHE";
const NAME: &str = "convolutions.json";
const FORMAT: &str = "imfl.convolutions/1";
/// Bytes of the longest file that can be one of ours.
const LONGEST: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct Content {
    format: String,
    devices: Table,
}

/// Where the file is: in `$IMFL_CACHE`, else in `imfl` in the user's folder for what can be made again (`$XDG_CACHE_HOME`, `~/.cache`; on
/// Windows `%LOCALAPPDATA%`, on a Mac `~/Library/Caches`). `None` where there is no such folder.
pub fn path() -> Option<PathBuf> {
    folder(|name| std::env::var_os(name).filter(|value| !value.is_empty())).map(|folder| folder.join(NAME))
}

fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(own) = variable(FOLDER) {
        return Some(own.into());
    }
    let home = || variable("HOME").map(PathBuf::from);
    let caches = if cfg!(windows) {
        variable("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches"))
    } else {
        // The specification has relative paths ignored.
        let named = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| home().map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("imfl"))
}

/// Reads what was measured; nothing where there is no file.
///
/// # Errors
/// What is wrong with a file that is there, with its name.
pub fn read(path: &Path) -> Result<Table, String> {
    let broken = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    // A pipe would never end, nor begin.
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Table::default()),
        Err(error) => return Err(broken(&error)),
        Ok(about) if !about.is_file() => return Err(broken(&"no file")),
        Ok(about) if about.len() > LONGEST => return Err(broken(&"too long to be of this program")),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| broken(&error))?;
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    let content: Content = serde_json::from_slice(&bytes).map_err(|error| broken(&error))?;
    match content.format == FORMAT {
        true => Ok(content.devices),
        false => Err(broken(&format!("its format is `{}`, not `{FORMAT}`", content.format))),
    }
}

/// Writes what was measured, replacing the file as a whole.
///
/// # Errors
/// [`StorageError`] with the file or folder that could not be written.
pub fn write(path: &Path, table: &Table) -> Stored<()> {
    let content = Content { format: FORMAT.into(), devices: table.clone() };
    // Names and numbers: there is nothing that JSON could not hold.
    let failed = |path: &Path, source| StorageError::Write { path: path.into(), source };
    let mut json = serde_json::to_vec_pretty(&content).map_err(|error| failed(path, error.into()))?;
    json.push(b'\n');
    if let Some(folder) = path.parent() {
        Disk.create_folder(folder).map_err(|source| failed(folder, source))?;
    }
    replace_shared(&Disk, path, &json)
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::measured;
    use super::*;

    #[test]
    fn what_was_measured_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b").join(NAME);
        assert_eq!(read(&path), Ok(Table::default()), "there is none yet");
        let mut table = Table::default();
        table.insert("a \"card\"", measured(3, [0.1, 1.0 / 3.0, 2e-7]));
        for kernel in [3, 5] {
            table.insert("another", measured(kernel, [1.0, 2.0, 3.0]));
            write(&path, &table).unwrap();
            assert_eq!(read(&path).as_ref(), Ok(&table));
        }
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn broken_and_foreign_files_are_named_and_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(NAME);
        let mut table = Table::default();
        table.insert("card", measured(3, [1.0, 2.0, 3.0]));
        write(&path, &table).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        let foreign = [
            whole[..whole.len() / 2].to_string(),
            String::new(),
            "[1, 2]".into(),
            whole.replace("convolutions/1", "convolutions/2"),
            whole.replace("\"grouped\"", "\"fft\""),
            whole.replace("\"clients\": 10", "\"clients\": -10"),
        ];
        for text in foreign {
            std::fs::write(&path, &text).unwrap();
            let problem = read(&path).unwrap_err();
            assert!(problem.contains(NAME), "{problem}");
        }
        assert!(read(root.path()).unwrap_err().contains("no file"));
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_folder_is_the_users() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> =
                set.iter().map(|(name, value)| (name.to_string(), value.into())).collect();
            folder(|name| set.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()))
        };
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.cache/imfl".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Some("/x/imfl".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "x")]), Some("/h/.cache/imfl".into()));
        assert_eq!(of(&[("HOME", "/h"), ("IMFL_CACHE", "here")]), Some("here".into()));
        assert_eq!(of(&[]), None);
    }
}
