//! Where the files that ship with the project are found.

use crate::failure::{Failure, Kind, Outcome};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The environment variable that names the folder of assets.
pub const VARIABLE: &str = "IMFL_ASSETS";

/// The datasets that ship with the project: images of digits, a table of letters' measures, definitions of nouns, and sounds of instruments.
pub const DATASETS: [&str; 4] = ["mnist", "letters", "glosses", "notes"];

/// The generators that ship with the project, each called as the dataset that it learnt from.
pub const GENERATORS: [&str; 3] = ["mnist", "letters", "notes"];

/// A folder of assets that whoever calls this library brings along.
static BROUGHT: OnceLock<PathBuf> = OnceLock::new();

/// Says where the caller has put the assets; the first call counts.
pub fn bring(folder: PathBuf) {
    BROUGHT.get_or_init(|| folder);
}

/// The path of a shipped file or folder.
///
/// Looked for in `$IMFL_ASSETS`, then `./assets`, then where the caller [brings](bring) them, then beside the program and its parent folders, then where the
/// program was built.
pub fn path(name: &str) -> Outcome<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return found(Path::new(&folder), name).ok_or_else(|| {
            let folder = Path::new(&folder).display();
            Failure::new(Kind::Config, format!("{VARIABLE} is {folder}, which has no `{name}`"))
        });
    }
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.ancestors().skip(1).map(|folder| folder.join("assets"));
    let places = std::iter::once(PathBuf::from("assets"))
        .chain(BROUGHT.get().cloned())
        .chain(beside)
        .chain(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|project| project.join("assets")));
    places.into_iter().find_map(|folder| found(&folder, name)).ok_or_else(|| {
        let problem = format!("the shipped `{name}` is not found; set {VARIABLE} to the project's assets folder");
        Failure::new(Kind::Config, problem)
    })
}

fn found(folder: &Path, name: &str) -> Option<PathBuf> {
    Some(folder.join(name)).filter(|path| path.exists())
}

/// The dataset that `--dataset` means: a shipped one by its name, else a path.
pub fn dataset(given: &str) -> Outcome<PathBuf> {
    match given {
        "" => Err(Failure::new(
            Kind::Data,
            format!(
                "the dataset has no name: give `{}`, which ship with the project, or a path",
                DATASETS.join("`, `")
            ),
        )),
        given if DATASETS.contains(&given) && !Path::new(given).exists() => path(given),
        _ => Ok(PathBuf::from(given)),
    }
}

/// The file of one of [`GENERATORS`].
pub fn shipped_generator(name: &str) -> Outcome<PathBuf> {
    path(&format!("generators/{name}.safetensors"))
}

/// The generator that `--generator` means: a shipped one by its name, else a checkpoint's path.
pub fn generator(given: &str) -> Outcome<PathBuf> {
    let path = match GENERATORS.contains(&given) && !Path::new(given).exists() {
        true => shipped_generator(given)?,
        false => given.into(),
    };
    match path.exists() && !path.is_file() {
        true => Err(Failure::new(
            Kind::Checkpoint,
            format!("the generator `{given}` is no file; make one by `imfl aigc train`"),
        )),
        false => Ok(path),
    }
}
