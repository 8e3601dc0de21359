//! What clients say that they hold, and whether the server believes it.

use crate::setting::settings;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

settings! {
    /// What clients say that they hold, and whether the server believes it.
    ClaimsConfig {
        /// How the server checks which labels a client holds before it makes a price.
        check: ClaimCheck = ClaimCheck::Gradients, flag "check-labels";
        /// What lying clients claim.
        lie: Option<Lie> = None, flag "lie", absent "nothing but the truth";
        /// Clients that lie, drawn out of all.
        liars: usize = 0, flag "liars";
    }
}

/// How labels are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimCheck {
    /// By each client's first gradient, against gradients of images that the server holds.
    Gradients,
    /// Not at all.
    None,
}

/// What a lying client claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lie {
    /// As many samples of every class.
    Maximal,
    /// Half-way between that and the truth.
    Half,
    /// A quarter of the way.
    Quarter,
    /// What it holds of the first class as the last, and so on.
    Swapped,
    /// Every sample twice.
    Duplicated,
    /// As `maximal`, with a gradient of generated images that bear it out.
    Forged,
}

/// Reads and writes a type whose values have one name each.
macro_rules! named {
    ($type:ident, $thing:literal, $($value:ident $name:literal),+) => {
        impl $type {
            /// What can be said.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$value),)+
                    _ => Err(format!("no {} is called `{text}`; there are: {}", $thing, Self::NAMES.join(", "))),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$value => $name,)+
                })
            }
        }
    };
}

named!(ClaimCheck, "check of labels", Gradients "gradients", None "none");
named!(Lie, "lie", Maximal "maximal", Half "half", Quarter "quarter", Swapped "swapped", Duplicated "duplicated", Forged "forged");
