//! Choices that have a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which bound on the bias of the aggregate gradient is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bias {
    /// sum of a_k delta_k: needs nothing but the skews, and assumes that they all point the same way.
    #[default]
    Aligned,
    /// g_data (||sum over local of a_k (p_k - p)||_1 + theta sum over augmented of a_k lambda_k): needs label shares, and
    /// sees that opposite skews cancel.
    Mixture,
}

/// What the aggregation weights a_k are proportional to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Effective samples v = d (1 - e/2), what the server pays for.
    #[default]
    Effective,
    /// Samples d.
    Samples,
}

macro_rules! words {
    ($name:ident, $($variant:ident = $word:literal),+) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $($name::$variant => $word),+ })
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($word => Ok($name::$variant),)+
                    _ => Err(format!("`{text}` is none of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}
words!(Bias, Aligned = "aligned", Mixture = "mixture");
words!(Weights, Effective = "effective", Samples = "samples");
