//! How much memory a work will take, estimated before it is taken.

use crate::failure::{Failure, Kind, Outcome};
use std::fmt;
use std::str::FromStr;

/// Share of the machine's memory that is taken unless told otherwise: one in so many parts.
const SHARE: u64 = 2;
/// What a machine is thought to have that does not say.
const UNKNOWN: u64 = 8 << 30;

/// Bytes that a command may take, as `8G`, `512M` or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(u64);

impl Default for Memory {
    /// Half of what the machine has, or of what this process is let have of it.
    fn default() -> Self {
        let first = |path: &str, find: fn(&str) -> Option<u64>| find(&std::fs::read_to_string(path).ok()?);
        let machine = first("/proc/meminfo", |text| {
            let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
        });
        // `max` where there is no limit.
        let group = first("/sys/fs/cgroup/memory.max", |text| text.trim().parse().ok());
        Self(machine.into_iter().chain(group).min().unwrap_or(UNKNOWN) / SHARE)
    }
}

impl Memory {
    /// So many bytes.
    pub fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no amount of memory; expected bytes, or a number with K, M or G behind it");
        let (digits, shift) = match text.as_bytes().last() {
            Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
            Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
            Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
            _ => (text, 0),
        };
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let bytes = self.0 as f64;
        let (value, unit) = [(1u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")]
            .into_iter()
            .find(|(size, _)| self.0 >= *size)
            .map_or((bytes / 1024.0, "KiB"), |(size, unit)| (bytes / size as f64, unit));
        write!(f, "{value:.1} {unit}")
    }
}

/// What a work holds at the same time, part by part.
#[derive(Clone, Debug, Default)]
pub struct Estimate(Vec<Part>);

#[derive(Clone, Debug)]
struct Part {
    what: String,
    bytes: u64,
    lower: &'static str,
}

impl Estimate {
    /// Adds a part: what it is, the factors of its size in bytes, and what makes it smaller.
    pub fn with(mut self, what: impl fmt::Display, factors: &[usize], lower: &'static str) -> Self {
        let bytes = factors.iter().fold(1u64, |bytes, &factor| bytes.saturating_mul(factor as u64));
        self.0.push(Part { what: what.to_string(), bytes, lower });
        self
    }

    /// All parts together.
    pub fn total(&self) -> Memory {
        Memory(self.0.iter().fold(0, |sum, part| sum.saturating_add(part.bytes)))
    }

    /// Refuses what takes more than it may, before any of it is taken.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] that says how much, what takes most of it and what to lower.
    pub fn check(&self, allowed: Memory) -> Outcome {
        let total = self.total();
        if total.0 <= allowed.0 {
            return Ok(());
        }
        let most = self.0.iter().max_by_key(|part| part.bytes);
        let most = most.map(|part| (part.what.as_str(), Memory(part.bytes), part.lower));
        // There is a part, or the sum would be zero and within any bound.
        let (what, bytes, lower) = most.unwrap_or(("all", total, "the work"));
        let problem = format!(
            "this would take about {total} of memory and may take {allowed}: {bytes} for {what}; lower {lower}, or allow more with \
             --memory"
        );
        Err(Failure::new(Kind::Config, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("3M", 3 << 20), ("4G", 4 << 30)] {
            assert_eq!(text.parse::<Memory>().unwrap(), Memory(bytes), "{text}");
        }
        for wrong in ["", "G", "-1", "0", "1.5G", "1T", "99999999999G", "é"] {
            assert!(wrong.parse::<Memory>().unwrap_err().contains("no amount of memory"), "{wrong}");
        }
        assert_eq!(Memory(3 << 29).to_string(), "1.5 GiB");
        assert_eq!(Memory(512).to_string(), "0.5 KiB");
        assert!(Memory::default().0 > 1 << 20);
    }

    #[test]
    fn what_is_too_much_says_what_takes_most_and_no_sum_overflows() {
        let estimate = Estimate::default().with("batches of 9", &[1000, 9], "`training.batch`").with(
            "the model",
            &[4, 50],
            "the images' size",
        );
        estimate.check(Memory(9200)).unwrap();
        let error = estimate.check(Memory(9199)).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains("9.0 KiB of memory"), "{error}");
        assert!(error.to_string().contains("for batches of 9; lower `training.batch`"), "{error}");
        let huge = estimate.with("all", &[usize::MAX, usize::MAX], "it");
        assert_eq!(huge.total(), Memory(u64::MAX));
        assert!(huge.check(Memory(u64::MAX - 1)).is_err());
    }
}
