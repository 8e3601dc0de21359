//! Which files a run writes for other programs.

use crate::setting::{Value, Wrong};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// `metrics.csv`, a row for each round.
    Csv,
    /// An event file for TensorBoard under `tensorboard/`.
    TensorBoard,
}

impl Log {
    const ALL: [(&'static str, Self); 2] = [("csv", Self::Csv), ("tensorboard", Self::TensorBoard)];
}

/// Any of them, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Logs(Vec<Log>);

impl Logs {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Log> {
        self.0.iter().copied()
    }
}

impl FromStr for Logs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        let one = |name: &str| {
            let known = Log::ALL.into_iter().find(|(known, _)| *known == name.trim());
            known.map(|(_, log)| log).ok_or_else(|| format!("`{name}` is no log; expected {}", Self::offered_words()))
        };
        let mut logs = text.split(',').map(one).collect::<Result<Vec<Log>, String>>()?;
        logs.sort_unstable();
        logs.dedup();
        Ok(Self(logs))
    }
}

impl Logs {
    fn offered_words() -> &'static str {
        "none, or csv and tensorboard with a comma between them"
    }
}

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let names = Log::ALL.iter().filter(|(_, log)| self.0.contains(log)).map(|(name, _)| *name);
        match names.collect::<Vec<_>>().join(",") {
            none if none.is_empty() => f.write_str("none"),
            names => f.write_str(&names),
        }
    }
}

impl TryFrom<String> for Logs {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Logs> for String {
    fn from(logs: Logs) -> Self {
        logs.to_string()
    }
}

impl Value for Logs {
    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(Wrong::Choice)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn offered() -> Option<String> {
        Some(Self::offered_words().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_read_back_as_they_are_written() {
        for text in ["none", "csv", "tensorboard", "csv,tensorboard"] {
            assert_eq!(text.parse::<Logs>().unwrap().to_string(), text);
        }
        assert_eq!("tensorboard, csv,csv".parse::<Logs>().unwrap().to_string(), "csv,tensorboard");
        assert!("wandb".parse::<Logs>().unwrap_err().contains("`wandb` is no log"));
        assert!("".parse::<Logs>().is_err());
    }
}
