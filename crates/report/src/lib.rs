#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod chart;
pub mod comparison;
pub mod figure;
pub mod grid;
mod page;
pub mod plot;
mod run;
pub mod table;
mod worth;

pub use figure::Figure;
pub use run::write;
pub use table::Table;
