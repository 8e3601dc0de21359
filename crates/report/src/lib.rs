#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod chart;
pub mod comparison;
pub mod figure;
pub mod grid;
mod network;
mod page;
pub mod plot;
mod run;
pub mod table;

pub use figure::Figure;
pub use run::write;
pub use table::Table;
