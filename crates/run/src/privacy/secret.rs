//! Where a run keeps the secret of its coins and noise: `secret.key` in its folder, which only its owner may read.
//!
//! A run that goes on unchanged takes the secret that it had, and repeats what it released to the bit. One that goes on with
//! anything changed gets another: two sums with the same noise give away their difference. So does one that goes on with other
//! instructions or on a GPU, where a round that is repeated may come to other bits.

use crate::checkpoint::Resumed;
use crate::config::PrivacyConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::run_dir::RunDir;
use imfl_engine::device::{self, Compute, DeviceName};
use imfl_privacy::secret::Secret;
use imfl_storage::{StorageError, replace_secret};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;

/// The file.
const FILE: &str = "secret.key";
/// Its format.
const FORMAT: &str = "imfl.secret/1";

/// What is in it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: String,
    /// Which secret of the run it is, from 1.
    number: u64,
    secret: Vec<u8>,
    /// Where rounds come to the same bits; empty where nothing says so.
    place: String,
}

/// Where a round that is repeated comes to the same bits: on a CPU with the same instructions, by the same version.
fn place(compute: &Compute) -> String {
    if compute.name != DeviceName::Cpu {
        return String::new();
    }
    #[cfg(target_arch = "x86_64")]
    let instructions = [
        ("fma", is_x86_feature_detected!("fma")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let instructions: [(&str, bool); 0] = [];
    let has: Vec<&str> = instructions.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
    // Other kernels than ours look at the machine; ours can be told to use less of it.
    format!("{} {} {} {}", std::env::consts::ARCH, has.join("+"), device::instructions(), env!("CARGO_PKG_VERSION"))
}

/// Refuses to go on with a run whose earlier rounds were private and whose later ones would not be, or the other way round: what
/// one part of a training tells, the other cannot take back.
pub fn same_kind(folder: &RunDir, private: bool, resumed: Option<&Resumed>) -> Outcome {
    let Some(resumed) = resumed else { return Ok(()) };
    let was = read(folder)?.is_some();
    let round = resumed.point.round;
    if was == private || round == 0 && !was {
        return Ok(());
    }
    let folder = folder.path().display();
    Err(match (was, resumed.changed) {
        (false, false) => Failure::new(
            Kind::Checkpoint,
            format!("{folder} has no {FILE}: without the secret of its coins and noise a private run cannot go on"),
        ),
        (false, true) => Failure::new(
            Kind::Config,
            format!("the first {round} rounds of {folder} were not private, so that none can be; start a new run"),
        ),
        (true, _) => Failure::new(
            Kind::Config,
            format!(
                "the first {round} rounds of {folder} were private, and rounds that are not would void that; start a new run"
            ),
        ),
    })
}

/// The secret of a run and its number: drawn for a new run, and for one that goes on with other settings or in another place.
///
/// # Errors
/// A failure that names the file that is damaged or could not be written.
pub fn open(
    folder: &RunDir,
    config: &PrivacyConfig,
    compute: &Compute,
    resumed: Option<&Resumed>,
) -> Outcome<(Secret, u64)> {
    let (kept, place) = (read(folder)?, place(compute));
    let changed = resumed.is_some_and(|resumed| resumed.changed);
    if let Some((secret, stored)) =
        kept.as_ref().filter(|(_, stored)| !changed && stored.place == place && !place.is_empty())
    {
        return Ok((secret.clone(), stored.number));
    }
    let number = kept.map_or(0, |(_, stored)| stored.number) + 1;
    let secret = match config.test_secret {
        // Another for each number, as a drawn one would be.
        Some(known) => Secret::known(known.wrapping_add(number << 32)),
        None => Secret::draw()?,
    };
    let stored = Stored { schema: FORMAT.into(), number, secret: secret.bytes().to_vec(), place };
    let text = serde_json::to_vec(&stored).map_err(|error| Failure::new(Kind::Unexpected, error))?;
    replace_secret(folder.files().as_ref(), &folder.file(FILE), &text)?;
    Ok((secret, number))
}

fn read(folder: &RunDir) -> Outcome<Option<(Secret, Stored)>> {
    let path = folder.file(FILE);
    let bytes = match folder.files().read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|source| StorageError::Read { path: path.clone(), source })?,
    };
    let damaged = |problem: String| Failure::from(StorageError::Damaged { path: path.clone(), problem });
    // What the parser says of a damaged file could quote it.
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| damaged("it is no secret of a run".into()))?;
    if stored.schema != FORMAT {
        return Err(damaged(format!("it is not of the form {FORMAT}")));
    }
    let secret = Secret::of(&stored.secret).map_err(|error| damaged(error.to_string()))?;
    Ok(Some((secret, stored)))
}
