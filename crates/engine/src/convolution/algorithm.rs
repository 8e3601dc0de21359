//! The algorithms, and what a user asks for.

use crate::choice::{Choice, UnknownName, as_text};
use std::fmt;

/// The environment variable that says which algorithm to take, as an [`Asked`].
pub const VARIABLE: &str = "IMFL_CONVOLUTION";

/// How a convolution is computed on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// One grouped convolution of Burn's, in which each client is a group.
    Grouped,
    /// One matrix product a client, of the images laid out as columns (im2col).
    Columns,
    /// Winograd's F(4x4, 3x3): 36 small matrix products a client. Kernels of 3x3 and stride 1; others take columns in its place.
    Winograd,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Grouped, Self::Columns, Self::Winograd];
    /// What is taken where nothing was measured.
    pub const DEFAULT: Self = Self::Columns;
}

impl Choice for Algorithm {
    const THING: &'static str = "algorithm for convolutions";

    fn forms() -> Vec<&'static str> {
        vec!["grouped", "columns", "winograd"]
    }

    fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.to_string() == text)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Self::Grouped => "grouped",
            Self::Columns => "columns",
            Self::Winograd => "winograd",
        })
    }
}

as_text!([] Algorithm);

/// What is computed of a convolution; each is chosen for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The output.
    Forward,
    /// The gradient of the input.
    Input,
    /// The gradient of the weights.
    Weights,
}

impl Direction {
    /// All of them, in the order in which a step computes them.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Input, Self::Weights];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Self::Forward => "forward",
            Self::Input => "input",
            Self::Weights => "weights",
        })
    }
}

/// What `IMFL_CONVOLUTION` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// What was measured and written down, and columns where nothing was.
    #[default]
    Measured,
    /// One algorithm for all that it can compute.
    Always(Algorithm),
}

impl Asked {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`UnknownName`] that names the variable.
    pub fn from_environment() -> Result<Self, UnknownName> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::default()),
            Some(text) => Self::read(&text.to_string_lossy()),
        }
    }
}

impl Choice for Asked {
    const THING: &'static str = "value of IMFL_CONVOLUTION";

    fn forms() -> Vec<&'static str> {
        vec!["grouped", "columns", "winograd", "measure"]
    }

    fn named(text: &str) -> Option<Self> {
        match text {
            "measure" => Some(Self::Measured),
            name => Algorithm::named(name).map(Self::Always),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_read_and_written_alike() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(Asked::read(&algorithm.to_string()), Ok(Asked::Always(algorithm)));
        }
        assert_eq!(Asked::read("measure"), Ok(Asked::Measured));
        let error = Asked::read("im2col").unwrap_err().to_string();
        assert!(
            error.contains("IMFL_CONVOLUTION") && error.contains("`im2col`") && error.contains("winograd"),
            "{error}"
        );
    }
}
