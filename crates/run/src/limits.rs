//! What is refused because it cannot be meant: more than any machine can work through, files that never end, names that lead elsewhere.

use crate::failure::{Failure, Kind, Outcome};
use imfl_engine::data::Dataset;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most threads.
pub const WORKERS: usize = 4096;
/// The longest side of an image, in pixels.
pub const SIDE: usize = 4096;
/// Bytes of the longest text file that is read.
const TEXT: u64 = 64 << 20;

/// Refuses more threads than any machine has use for.
///
/// # Errors
/// A failure of kind [`Kind::Config`].
pub fn workers(asked: Option<usize>) -> Outcome {
    match asked {
        Some(0) => Err(Failure::new(Kind::Config, "`workers` must be at least 1")),
        Some(asked) if asked > WORKERS => {
            let cores = imfl_engine::worker::available();
            let problem = format!("`workers` must be at most {WORKERS}; this machine has {cores} cores");
            Err(Failure::new(Kind::Config, problem))
        }
        _ => Ok(()),
    }
}

/// Refuses a name of a folder that would lead out of the folder that it is for.
///
/// # Errors
/// A failure of kind [`Kind::Config`] that shows the name.
pub fn folder_name(name: &str) -> Outcome {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let problem =
            format!("the name `{name}` must be letters, digits, `-`, `_` and `.`, and begin with none of these dots");
        return Err(Failure::new(Kind::Config, problem));
    }
    Ok(())
}

/// Refuses images of which gradients cannot be measured, before anything is computed.
///
/// # Errors
/// A failure of kind [`Kind::Data`] that names the class with too few images.
pub fn enough_for_gradients(train: &Dataset) -> Outcome {
    let counts = train.histogram();
    let problem = match counts.iter().position(|&count| count < 2) {
        _ if counts.len() < 2 => format!(
            "{} has {} of one class, `{}`; a classifier needs at least two",
            train.name,
            train.kind.plural(),
            train.class_names.join("")
        ),
        Some(class) => format!(
            "class `{}` of {} has {} training {} left; measuring gradients takes at least 2 of every class",
            train.class_names[class],
            train.name,
            counts[class],
            train.kind.plural()
        ),
        None => return Ok(()),
    };
    Err(Failure::new(Kind::Data, problem))
}

/// A text file, if it is no longer than texts are: a device that never ends is refused as well.
///
/// # Errors
/// What the system says; [`io::ErrorKind::FileTooLarge`].
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    bounded(File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

/// A reader that fails where a text file would be longer than texts are.
pub fn bounded(reader: impl Read) -> impl Read {
    Bounded { reader, left: TEXT }
}

struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        let too_long = || {
            let problem = format!("it is longer than {} MiB, which no such file is", TEXT >> 20);
            io::Error::new(io::ErrorKind::FileTooLarge, problem)
        };
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_long)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_at_least_one_and_no_more_than_any_machine_has() {
        assert!(workers(None).is_ok() && workers(Some(1)).is_ok() && workers(Some(WORKERS)).is_ok());
        assert!(workers(Some(0)).unwrap_err().to_string().contains("at least 1"));
        assert!(workers(Some(100_000)).unwrap_err().to_string().contains("at most 4096"));
    }

    #[test]
    fn names_stay_in_their_folder() {
        for good in ["cost", "cost-quick", "a.b_c-1"] {
            folder_name(good).unwrap();
        }
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "\u{1b}[2J"] {
            assert!(folder_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_never_ends_is_refused() {
        let mut text = String::new();
        let error = bounded(io::repeat(b' ')).read_to_string(&mut text).unwrap_err();
        assert!(error.to_string().contains("longer than 64 MiB"), "{error}");
        assert!(read_text(Path::new("Cargo.toml")).unwrap().contains("[package]"));
    }
}
