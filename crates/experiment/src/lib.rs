#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod assess;
pub mod bench;
pub mod contest;
pub mod generator;
pub mod reproduce;
pub mod sweep;

/// Holds the recipes of docs/extending.md to what compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/extending.md")]
struct Extending;

/// The same for docs/own-model.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/own-model.md")]
struct OwnModel;
